"""What PowerShell prints, as records: `ConvertTo-Json`, `Format-List` and `Format-Table`, also mixed.

A person pastes what the screen showed, several outputs one after the other. Each record
is a mapping of property names to values; what kind of thing it is, its properties tell.
Called by `windows_session` for the windows-networking guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

Record = dict[str, Any]

MOST_RECORDS = 5000
"""Of one paste; a node has some hundred endpoints and addresses."""

_MOST_DEPTH_ERRORS = 50
_PROPERTY = re.compile(r"^(?P<name>[A-Za-z][\w. ()-]{0,60}?)\s*: ?(?P<value>.*)$")
_DASHES = re.compile(r"^\s*-+(?:\s+-+)*\s*$")
_COLUMN = re.compile(r"-+")


def records(text: str) -> list[Record]:
    """All records in a text, in the order JSON, lists, tables; at most `MOST_RECORDS`."""
    found: list[Record] = []
    for source in (json_records(text), list_records(text), table_records(text)):
        for one in source:
            if len(found) >= MOST_RECORDS:
                return found
            found.append(one)
    return found


def json_records(text: str) -> Iterator[Record]:
    """The objects of every JSON document in a text, whatever stands between them."""
    for value in json_values(text):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield one


def json_values(text: str) -> Iterator[Any]:
    """Every JSON document that begins at the start of a line."""
    decoder = json.JSONDecoder()
    place, failed = 0, 0
    while failed < _MOST_DEPTH_ERRORS:
        match = re.compile(r"^[ \t]*(?=[{\[])", re.MULTILINE).search(text, place)
        if match is None:
            return
        try:
            value, place = decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            # No JSON, or cut off: what follows on the next line may be.
            failed += 1
            end = text.find("\n", match.end())
            if end < 0:
                return
            place = end + 1
        else:
            yield value


def list_records(text: str) -> Iterator[Record]:
    """`Name : value` blocks, one per empty line; a value goes on in lines that begin with blanks."""
    current: Record = {}
    last = ""
    for line in text.splitlines():
        match = _PROPERTY.match(line)
        if match is not None and " : " in f"{line} ":
            last = match["name"].strip()
            current[last] = match["value"].strip()
        elif line.startswith("  ") and last and line.strip():
            current[last] = f"{current[last]} {line.strip()}".strip()
        else:
            if len(current) > 1:
                yield current
            current, last = {}, ""
    if len(current) > 1:
        yield current


def table_records(text: str) -> Iterator[Record]:
    """The rows below a line of dashes, up to the next empty line; the line above has the names.

    PowerShell cuts values that do not fit and ends them with three dots.
    """
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if index == 0 or not _DASHES.match(line):
            continue
        starts = [match.start() for match in _COLUMN.finditer(line)]
        names = _cells(lines[index - 1], starts)
        if len(names) != len(starts) or not all(names):
            continue
        for row in lines[index + 1 :]:
            if not row.strip():
                break
            yield dict(zip(names, _cells(row, starts), strict=True))


def _cells(line: str, starts: list[int]) -> list[str]:
    ends = [*starts[1:], len(line)]
    return [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]


def bodies(text: str, heads: Sequence[re.Match[str]]) -> Iterator[tuple[re.Match[str], str]]:
    """Each head with the text that follows it, up to the next one."""
    for index, head in enumerate(heads):
        end = heads[index + 1].start() if index + 1 < len(heads) else len(text)
        yield head, text[head.end() : end]


def field(record: Record, *names: str) -> Any:
    """The value of the first property of these names that is there, whatever its capitals; else None."""
    lowered = {key.lower(): value for key, value in record.items()}
    return next((lowered[name.lower()] for name in names if name.lower() in lowered), None)


def text_of(record: Record, *names: str) -> str:
    """As `field`, as text; empty when it is not there."""
    value = field(record, *names)
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()
