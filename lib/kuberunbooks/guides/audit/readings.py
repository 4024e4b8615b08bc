"""Readings of the API server's audit counters: one, and on request a second one some time later.

/metrics is answered by whichever API server the connection leads to; two readings are only
compared when the same process gave both. A case holds what was read live, under names that
tell the readings apart. Called by the steps about rates and losses, and by the first one.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError

from ..rules.audit_counters import Counters, read_counters
from ..rules.thresholds import AUDIT_WATCH
from .resolve import Audited

PATH = "metrics"


class Readings(NamedTuple):
    """The newest reading (None: none; `why` says why), and what was added over `seconds` before it."""

    now: Counters | None
    why: str = ""
    added: Counters | None = None
    seconds: int = 0
    unwatched: str = ""
    """Why there is no second reading although one was asked for."""


def first_reading(target: Audited, cluster: Cluster) -> Readings:
    """One reading, without waiting for another."""
    found = target.memo.get("reading")
    if not isinstance(found, Readings):
        found = target.memo["reading"] = _read(cluster)
    return found


def readings(target: Audited, cluster: Cluster) -> Readings:
    """As many readings as were asked for; waits between them when the cluster is live."""
    found = target.memo.get("readings")
    if not isinstance(found, Readings):
        found = first_reading(target, cluster)
        seconds = _watch_seconds(target)
        if seconds and found.now is not None:
            found = _watch(found.now, seconds, cluster)
        target.memo["readings"] = found
    return found


def _watch_seconds(target: Audited) -> int:
    try:
        wanted = int(target.options.get("watch_seconds") or 0)
    except (TypeError, ValueError):
        return 0
    return min(max(wanted, AUDIT_WATCH[0]), AUDIT_WATCH[1]) if wanted > 0 else 0


def _read(cluster: Cluster, *query: tuple[str, str]) -> Readings:
    try:
        counters = read_counters(cluster.raw(PATH, query))
    except ClusterError as error:
        cluster.note_failure(error, f"get /{PATH}")
        return Readings(None, str(error))
    if counters is None:
        return Readings(None, f"/{PATH} holds no audit counters")
    return Readings(counters)


def _watch(before: Counters, seconds: int, cluster: Cluster) -> Readings:
    if cluster.origin.kind == "live":
        time.sleep(seconds)
    # The server passes over the option; it is what a case knows the second reading by.
    later = _read(cluster, ("after", f"{seconds}s"))
    if later.now is None:
        return Readings(before, unwatched=later.why)
    added = later.now.since(before)
    if added is None:
        return Readings(before, unwatched="another API server answered the second time")
    return Readings(later.now, added=added, seconds=seconds)
