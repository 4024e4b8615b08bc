"""What a log says about an end: the lines worth showing, and the one line worth quoting.

An excerpt holds the last lines, repeats folded into one with a count, stack
traces whole, and the lines that look like errors even when they stand earlier.
Every pass is linear in the size of the log, and of a very long line only the
start is looked at. Called by the steps that read logs (pods.container_logs).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Log
from kuberunbooks.findings import LogExcerpt, LogLine

from .patterns import RX_LOG_ERROR
from .stack_traces import find_traces, is_frame

TAIL_LINES = 40
EXCERPT_BYTES = 16 * 1024
QUOTE_CHARACTERS = 240

_LOOKED_AT = 2000
_SHOWN = 1000
_TRACE_SHOWN = 60
_EARLIER_UNITS = 10

# Whatever differs between two prints of the same message: uuids, hashes, addresses, every number, so times too.
_VARIABLE = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b0x[0-9a-fA-F]+|\b[0-9a-f]{12,}\b|\d+"
)
# A word of RX_LOG_ERROR, as plain text: looking for these first is ten times faster than the pattern.
_ERROR_WORDS = (
    "error", "exception", "fatal", "panic", "traceback", "critical", "abort", "refused", "denied", "cannot", "can't",
    "could not", "unable to", "failed", "missing", "no such", "invalid", "timed out", "time out", "timeout", "held by",
    "does not exist", "not found",
)  # fmt: skip
_STRONG = re.compile(
    r"\b(?:FATAL|PANIC|CRITICAL|panic|Traceback|Caused by|Uncaught|Unhandled|OutOfMemory\w*)\b|^(?:\w+\.)*\w*(?:Error|Exception): "
)
_HARMLESS = re.compile(
    r"(?i)^\W*(?:[\d:.,TZ/+-]+\W+){0,3}(?:info|debug|trace|notice)\b|\b(?:level|severity|lvl)\"?[=:]\s*\"?(?:info|debug|trace)"
    r"|^[ID]\d{4} |\b(?:0|no) (?:errors?|failed|missing)\b|\berrors?\"?[=:] ?\"?(?:0|nil|null|none|false)\b"
)


class Reading(NamedTuple):
    """A log, read.

    `quote` is the line that says most, empty when none was read; `number` its
    line number from 1; `is_error` whether it looks like an error, or is only the last line.
    """

    excerpt: LogExcerpt
    quote: str = ""
    number: int = 0
    is_error: bool = False


class _Unit(NamedTuple):
    """A line, or a whole stack trace; its key is equal for two prints of the same message."""

    start: int
    stop: int
    key: str


def read_log(
    log: Log, caption: str, *, tail_lines: int = TAIL_LINES, most_bytes: int = EXCERPT_BYTES
) -> Reading:
    """The excerpt and the quote of a log; when there is no log, the reason as the excerpt's note."""
    if not log.available:
        return Reading(LogExcerpt(source=log.source, caption=caption, note=why_absent(log)))
    texts = [line.text for line in log.lines]
    ranks = [error_rank(text) for text in texts]
    chosen = _choose(texts, ranks, tail_lines, most_bytes)
    quoted = quote_of(texts, ranks)
    lines = [
        LogLine(
            number=index + 1,
            text=bounded(texts[index], _SHOWN),
            at=log.lines[index].at,
            marked=ranks[index] > 1 or index == quoted,
            repeats=repeats,
        )
        for index, repeats in sorted(chosen.lines.items())
    ]
    excerpt = LogExcerpt(
        source=log.source,
        caption=caption,
        lines=lines,
        total_lines=len(texts),
        note=_note(log, chosen, len(texts)),
    )
    return Reading(excerpt, message_of(texts[quoted]), quoted + 1, ranks[quoted] > 1)


def why_absent(log: Log) -> str:
    """Why there is no log, in a sentence."""
    return {
        "empty": "The log is empty: this run wrote nothing to stdout or stderr.",
        "gone": "The log is gone: the container runtime has already removed it.",
        "waiting": "There is no log: the container has not started.",
        "unreachable": f"The log could not be read, because its node did not answer: {log.why}",
        "refused": f"The log was not read, because the server does not permit it: {log.why}",
        "missing": f"The log was not read: {log.why or 'there is none of that run.'}",
    }.get(log.state, log.why)


def error_rank(text: str) -> int:
    """How much a line looks like the cause: 0 not, 1 a word of it in a harmless line, 2 an error, 3 a fatal one."""
    start = text[:_LOOKED_AT]
    lowered = start.lower()
    if not any(word in lowered for word in _ERROR_WORDS) or is_frame(start) or not RX_LOG_ERROR.search(start):
        return 0
    if _HARMLESS.search(start):
        return 1
    return 3 if _STRONG.search(start) else 2


def quote_of(texts: Sequence[str], ranks: Sequence[int] | None = None) -> int:
    """The index of the line to quote: the last error, else the last line that has an error's word, else the last line.

    Of two errors the later one counts: what a program says last before it ends is why.
    """
    found = [error_rank(text) for text in texts] if ranks is None else ranks
    for least in (2, 1):
        for index in range(len(found) - 1, -1, -1):
            if found[index] >= least:
                return index
    return next((index for index in range(len(texts) - 1, -1, -1) if texts[index].strip()), len(texts) - 1)


def message_of(text: str) -> str:
    """What a line says: the message of a JSON line, else the line, of bounded length."""
    stripped = text.strip()
    if stripped.startswith("{") and len(stripped) < 64 * 1024:
        try:
            fields = msgspec.json.decode(stripped)
        except msgspec.DecodeError:
            fields = {}
        if isinstance(fields, dict):
            said = [str(fields[name]) for name in ("message", "msg", "error", "err") if fields.get(name)]
            stripped = ": ".join(dict.fromkeys(said)) or stripped
    return bounded(stripped, QUOTE_CHARACTERS)


def bounded(text: str, most: int) -> str:
    """The text, and when it is longer than `most` characters its start with what was left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def normalised(text: str) -> str:
    """The message without what differs from print to print: numbers, times, uuids, addresses."""
    return _VARIABLE.sub("#", text[:_LOOKED_AT])


class _Chosen(NamedTuple):
    lines: dict[int, int]
    """Line index to how often its unit was seen in the part shown."""
    covered: int
    """The last lines of the log that are shown, repeats folded."""
    earlier: int
    """Error lines shown from before those."""
    shortened: int
    """Lines of stack traces left out because they were too long."""


def _choose(texts: Sequence[str], ranks: Sequence[int], tail_lines: int, most_bytes: int) -> _Chosen:
    # A log that fits is shown as it is: of "8 MiB", "16 MiB" every line counts.
    units = _units(texts, _same if len(texts) <= tail_lines else normalised)
    lines: dict[int, int] = {}
    shown: dict[str, _Unit] = {}
    room = most_bytes
    shortened = taken = 0
    place = len(units)
    # A quarter of the room is kept for what stands earlier and explains it.
    while place > 0 and taken < tail_lines:
        unit = units[place - 1]
        if unit.key in shown:
            first = shown[unit.key]
            for index in range(first.start, min(first.stop, first.start + _TRACE_SHOWN)):
                lines[index] += 1
        else:
            cost, left_out = _cost(texts, unit)
            if cost > room - most_bytes // 4 and lines:
                break
            room -= cost
            shortened += left_out
            taken += 1 if unit.stop - unit.start > 1 else unit.stop - unit.start
            shown[unit.key] = unit
            _add(lines, unit)
        place -= 1
    tail_start = units[place].start if place < len(units) else len(texts)
    earlier = 0
    for unit in _errors_before(units[:place], ranks):
        if unit.key in shown:
            continue
        cost, left_out = _cost(texts, unit)
        if cost > room:
            continue
        room -= cost
        shortened += left_out
        earlier += 1
        shown[unit.key] = unit
        _add(lines, unit)
    return _Chosen(lines, len(texts) - tail_start, earlier, shortened)


def _same(text: str) -> str:
    return text[:_LOOKED_AT]


def _units(texts: Sequence[str], key_of: Callable[[str], str]) -> list[_Unit]:
    """Lines and traces in order; blank lines between them are no unit."""
    units: list[_Unit] = []
    keys: dict[str, str] = {}
    place = 0
    for trace in [*find_traces(texts), range(len(texts), len(texts))]:
        for index in range(place, trace.start):
            text = texts[index]
            if text and not text.isspace():
                key = keys.get(text)
                if key is None:
                    key = key_of(text)
                    if len(keys) < 10_000:
                        keys[text] = key
                units.append(_Unit(index, index + 1, key))
        if trace:
            key = "\n".join(key_of(texts[index]) for index in trace[:_TRACE_SHOWN])
            units.append(_Unit(trace.start, trace.stop, key))
        place = trace.stop
    return units


def _errors_before(units: Sequence[_Unit], ranks: Sequence[int]) -> list[_Unit]:
    """The errors worst first, then newest, each message once."""
    best: dict[str, tuple[int, _Unit]] = {}
    for unit in units:
        rank = ranks[unit.start] if unit.stop == unit.start + 1 else max(3, *ranks[unit.start : unit.stop])
        if rank > 1:
            best[unit.key] = (rank, unit)
    ordered = sorted(best.values(), key=lambda pair: (-pair[0], -pair[1].start))
    return [unit for _, unit in ordered[:_EARLIER_UNITS]]


def _cost(texts: Sequence[str], unit: _Unit) -> tuple[int, int]:
    """Bytes a unit takes in the excerpt, and how many of its lines are left out."""
    stop = min(unit.stop, unit.start + _TRACE_SHOWN)
    size = sum(min(len(texts[index]), _SHOWN) + 1 for index in range(unit.start, stop))
    return size, unit.stop - stop


def _add(lines: dict[int, int], unit: _Unit) -> None:
    for index in range(unit.start, min(unit.stop, unit.start + _TRACE_SHOWN)):
        lines[index] = 1


def _note(log: Log, chosen: _Chosen, total: int) -> str:
    parts = []
    folded = ", repeats (but for numbers and times) folded" if _folded(chosen) else ""
    read = f"the last {total:,} that were read" if log.cut else f"{total:,} lines"
    if chosen.covered < total:
        parts.append(f"Last {chosen.covered:,} of {read}{folded}")
    elif log.cut:
        parts.append(f"All of {read}, earlier lines exist{folded}")
    elif folded:
        parts.append(f"All {read}{folded}")
    if chosen.earlier:
        noun = "message" if chosen.earlier == 1 else "messages"
        parts.append(f"{chosen.earlier} error {noun} from earlier")
    if chosen.shortened:
        parts.append(f"{chosen.shortened:,} lines of long stack traces left out")
    return ", ".join(parts) + "." if parts else ""


def _folded(chosen: _Chosen) -> bool:
    return any(repeats > 1 for repeats in chosen.lines.values())
