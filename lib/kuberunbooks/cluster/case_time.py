"""The moment a case without `recorded_at` was taken: the newest time anybody wrote down in it.

Events, leases, managedFields, logs and transcripts are written as things
happen. A deletionTimestamp is not used: it lies a grace period ahead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

_TIME = rb'": ?"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[^"]{0,16}"'
_MANAGED = re.compile(rb'"time' + _TIME)
_EVENT = tuple(
    re.compile(b'"' + key + _TIME) for key in (b"lastTimestamp", b"eventTime", b"lastObservedTime")
)
_LEASE = re.compile(rb'"renewTime' + _TIME)
_TRANSCRIPT = re.compile(rb'"at' + _TIME)
_AUDIT = re.compile(rb'"stageTimestamp' + _TIME)
_LOG = re.compile(rb"(?m)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)")
_TAIL = 4096


def newest_time(names: Iterable[str], read: Callable[[str], bytes]) -> datetime | None:
    """The newest time in a case's files, whole seconds, UTC; None when there is none."""
    newest: set[bytes] = set()
    for name in names:
        patterns, body = _patterns(name), b""
        if patterns:
            body = read(name)
        for pattern in patterns:
            found = pattern.findall(body[-_TAIL:] if pattern is _LOG else body)
            if found:
                newest.add(max(found))
    for time in sorted(newest, reverse=True):
        try:
            return datetime.fromisoformat(time.decode()).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _patterns(name: str) -> tuple[re.Pattern[bytes], ...]:
    if name.startswith("transcripts/"):
        return (_TRANSCRIPT,)
    if name.startswith(("api/", "apis/")) and name.endswith(".json"):
        if name.endswith("/events.json"):
            return (*_EVENT, _MANAGED)
        return (_LEASE, _MANAGED) if name.endswith("/leases.json") else (_MANAGED,)
    if name.endswith("audit.log"):
        return (_AUDIT,)
    return (_LOG,) if name.endswith(".log") else ()
