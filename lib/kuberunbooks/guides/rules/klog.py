"""Lines of Kubernetes' own components, as klog writes them: `E0123 04:05:06.000000 1 file.go:12] message`.

Format: https://kubernetes.io/docs/concepts/cluster-administration/system-logs/#klog. A journal
puts its own words before each line. Called by the steps that read logs of the control plane
and of kubelets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

_LINE = re.compile(
    r"(?:^|: )(?P<severity>[IWEF])(?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d)\.\d+\s+\d+ "
    r"(?P<place>[\w.\-]+:\d+)\] (?P<message>.*)$"
)
_PREFIX = 200
"""Characters a journal may put before a line; further in, it is somebody quoting one."""
_SEEN = 2000


class Complaint(NamedTuple):
    """A line that says of itself that it is an error (`E`) or the end (`F`).

    `number` is the line's, from 1; `place` is where in the code it was written (`file.go:12`).
    """

    number: int
    at: datetime | None
    fatal: bool
    place: str
    message: str
    text: str


def complaints(lines: Iterable[tuple[datetime | None, str]], now: datetime) -> list[Complaint]:
    """The errors among the lines, in their order; the time is the line's own where none is given."""
    found: list[Complaint] = []
    for number, (at, text) in enumerate(lines, 1):
        match = _LINE.search(text[:_SEEN])
        if match is None or match.start() > _PREFIX or match["severity"] not in "EF":
            continue
        when = at or _when(match, now)
        fatal = match["severity"] == "F"
        found.append(Complaint(number, when, fatal, match["place"], match["message"], text))
    return found


def recent(found: Iterable[Complaint], now: datetime, seconds: float) -> list[Complaint]:
    """Those of the last so many seconds; what has no time is left out."""
    return [one for one in found if one.at is not None and (now - one.at).total_seconds() <= seconds]


def _when(match: re.Match[str], now: datetime) -> datetime | None:
    """klog writes no year, and the node's own time: nodes are on UTC as a rule."""
    try:
        at = datetime.fromisoformat(f"{now.year}-{match['month']}-{match['day']}T{match['time']}+00:00")
        return at if at <= now + timedelta(days=1) else at.replace(year=now.year - 1)
    except ValueError:
        return None
