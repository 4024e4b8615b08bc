"""What the API server and etcd log when the database is in trouble.

Sources: the errors of go.etcd.io/etcd (api/v3/v3rpc/rpctypes/error.go), which the API server
logs as `etcdserver: …`. A compacted revision or a missing key is everyday life and is no
trouble. Called by the step about the control plane, on logs of these two only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

_FULL = re.compile(r"database space exceeded|\bNOSPACE\b")
_TROUBLE = re.compile(
    r"etcdserver: (?:request timed out|no leader|leader changed|too many requests|server stopped|"
    r"request timed out, possibly due to|unhealthy cluster)|"
    r"failed to send out heartbeat on time|lost leader|leader is overloaded"
)
_SEEN = 2000


class StorageComplaint(NamedTuple):
    """A line; `number` from 1. `full`: the database has reached its quota and refuses writes."""

    number: int
    at: datetime | None
    full: bool
    text: str


def storage_complaints(lines: Iterable[tuple[datetime | None, str]]) -> list[StorageComplaint]:
    """Those among the lines, in their order."""
    found: list[StorageComplaint] = []
    for number, (at, text) in enumerate(lines, 1):
        start = text[:_SEEN]
        full = _FULL.search(start) is not None
        if full or _TROUBLE.search(start):
            found.append(StorageComplaint(number, at, full, text))
    return found
