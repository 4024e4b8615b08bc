"""A container's log as evidence: its lines with their times, or the reason there is none."""

from __future__ import annotations

import re
from datetime import datetime
from operator import itemgetter
from typing import Literal, NamedTuple

RX_LOG_TIME = re.compile(r"^(?P<at>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) ?(?P<text>.*)$")
RX_LOG_GONE = re.compile(r"^unable to retrieve container logs for \S+\s*$")

LogState = Literal["read", "empty", "gone", "waiting", "unreachable", "refused", "missing"]


class Line(NamedTuple):
    """One line: when it was written (None without timestamps) and its text."""

    at: datetime | None
    text: str


class Log(NamedTuple):
    """A log that was read, or why it was not.

    `state` is `read`, `empty`, `gone` (the runtime removed it), `waiting` (the
    container never started), `unreachable` (its node did not answer), `refused`
    (no permission) or `missing` (not in the case, or no such container). `why`
    quotes the server. `cut` tells that earlier lines exist that were not read.
    """

    source: str
    state: LogState
    lines: tuple[Line, ...] = ()
    why: str = ""
    cut: bool = False

    @property
    def available(self) -> bool:
        """Whether there are lines to read."""
        return self.state == "read"


def parse_log(source: str, body: bytes, *, cut: bool = False) -> Log:
    """A log from the server's bytes, sorted by time: stdout and stderr are stored up to a millisecond off.

    A body that is only the kubelet's apology is `gone`, not a log.
    """
    text = body.decode("utf-8", "replace")
    rows = text.split("\n")
    if rows and not rows[-1]:
        rows.pop()
    if not rows:
        return Log(source, "empty")
    if len(rows) == 1 and RX_LOG_GONE.match(_without_time(rows[0])):
        return Log(source, "gone", why=_without_time(rows[0]))
    lines = [_line(row) for row in rows]
    times = [line.at for line in lines if line.at is not None]
    if len(times) == len(lines):
        lines = [line for _, line in sorted(zip(times, lines, strict=True), key=itemgetter(0))]
    return Log(source, "read", tuple(lines), cut=cut)


def _without_time(row: str) -> str:
    match = RX_LOG_TIME.match(row)
    return match["text"] if match else row


def _line(row: str) -> Line:
    match = RX_LOG_TIME.match(row)
    if match is None:
        return Line(None, row)
    try:
        return Line(datetime.fromisoformat(match["at"][:26].rstrip("Z") + "+00:00"), match["text"])
    except ValueError:
        return Line(None, row)
