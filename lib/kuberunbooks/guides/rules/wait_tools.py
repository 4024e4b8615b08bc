"""Does the tool a container waits with work at all?

`until nc -z db 5432` never ends when the image's nc knows no -z, whatever becomes of the
database. Only a complaint that comes again and again, and still comes at the end of the
log, counts: scripts try one tool and fall back to another. Called by the init-containers guide.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from kuberunbooks.findings import LogExcerpt, LogLine

from .error_lines import LOOKED_AT

_TOOL = r"(?P<tool>[\w.+-]+)"
_COMPLAINTS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^(?:\S*/)?{_TOOL}: (?:invalid|unrecognized|unrecognised|illegal|unknown|bad) option",
        rf"^(?:\S*/)?{_TOOL}: option (?:requires an argument|\S+ (?:is unknown|is ambiguous))",
        rf"^(?:\S*/)?(?:ba|da|a|k|z)?sh: (?:line )?(?:\d+: )?(?:\S*/)?{_TOOL}: (?:command )?not found",
        rf"^\S+: line \d+: (?:\S*/)?{_TOOL}: command not found",
    )
)
_LEAST_TIMES = 2
_LAST_LINES = 60
"""A complaint further back than this is not what the container does now; a usage text has 20 lines."""


class Complaint(NamedTuple):
    """The tool that fails, the newest line in which it says so, and how often it does."""

    tool: str
    line: LogLine
    times: int


def failing_tool(excerpt: LogExcerpt, programs: Collection[str]) -> Complaint | None:
    """The tool of a wait that fails by itself; `programs` are those the command calls, empty if unknown."""
    found: dict[str, Complaint] = {}
    for line in excerpt.lines:
        tool = _complaining(line.text[:LOOKED_AT])
        if not tool or (programs and tool not in programs):
            continue
        before = found.get(tool)
        found[tool] = Complaint(tool, line, line.repeats + (before.times if before else 0))
    lasting = [
        one
        for one in found.values()
        if one.times >= _LEAST_TIMES and one.line.number > excerpt.total_lines - _LAST_LINES
    ]
    return max(lasting, key=lambda one: one.line.number, default=None)


def _complaining(text: str) -> str:
    for pattern in _COMPLAINTS:
        match = pattern.search(text)
        if match is not None:
            return match["tool"]
    return ""
