"""What an API server's /metrics say of its speed and load since it started.

The numbers only ever grow from the start of the process: they show what it is like on the
whole, never what it is like now. Names and meanings: https://kubernetes.io/docs/reference/instrumentation/metrics/.
Called by the cluster guide.
"""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime
from typing import NamedTuple

from .prometheus_text import Sample, samples
from .thresholds import API_SLOW_SECONDS

_DURATION = "apiserver_request_duration_seconds"
_NAMES = (
    f"{_DURATION}_bucket",
    f"{_DURATION}_count",
    f"{_DURATION}_sum",
    "apiserver_request_total",
    "apiserver_current_inflight_requests",
    "apiserver_flowcontrol_rejected_requests_total",
    "apiserver_storage_size_bytes",
    "etcd_request_duration_seconds_count",
    "etcd_request_duration_seconds_sum",
    "process_start_time_seconds",
)
_ENDLESS = ("WATCH", "CONNECT", "WATCHLIST", "PROXY")
"""Verbs whose requests stay open on purpose."""


class VerbLoad(NamedTuple):
    """One verb: its requests, the seconds all of them took, and how many were slower than the objective."""

    verb: str
    requests: float
    seconds: float
    slow: float

    @property
    def mean(self) -> float:
        """Seconds one took on average."""
        return self.seconds / self.requests if self.requests else 0.0

    @property
    def slow_share(self) -> float:
        """The part of them that was slow."""
        return self.slow / self.requests if self.requests else 0.0


class ApiLoad(NamedTuple):
    """Since `started` (None when it does not say): requests by verb, and what was refused or failed.

    `failed` are answers with 5xx; `rejected` were turned away by priority and fairness;
    `in_flight` are being worked on right now. `storage` is the database's size in bytes, the
    largest member's, 0 when not told; `storage_seconds` the mean of a request to it.
    """

    started: datetime | None
    verbs: list[VerbLoad]
    answered: float
    failed: float
    rejected: float
    in_flight: float
    storage: float
    storage_requests: float
    storage_seconds: float


def api_load(text: bytes) -> ApiLoad | None:
    """What the metrics say; None when these are not an API server's."""
    by_name: dict[str, list[Sample]] = defaultdict(list)
    for one in samples(text, _NAMES):
        if not math.isfinite(one.value):
            continue
        by_name[one.name].append(one)
    if not by_name[f"{_DURATION}_count"]:
        return None
    total = by_name["apiserver_request_total"]
    started = next((one.value for one in by_name["process_start_time_seconds"]), 0.0)
    asked = _sum(by_name["etcd_request_duration_seconds_count"])
    return ApiLoad(
        datetime.fromtimestamp(started, UTC) if 0 < started < 1e11 else None,
        _verbs(by_name),
        _sum(total),
        _sum([one for one in total if one.labels.get("code", "").startswith("5")]),
        _sum(by_name["apiserver_flowcontrol_rejected_requests_total"]),
        _sum(by_name["apiserver_current_inflight_requests"]),
        max((one.value for one in by_name["apiserver_storage_size_bytes"]), default=0.0),
        asked,
        _sum(by_name["etcd_request_duration_seconds_sum"]) / asked if asked else 0.0,
    )


def _verbs(by_name: dict[str, list[Sample]]) -> list[VerbLoad]:
    counts: dict[str, float] = defaultdict(float)
    seconds: dict[str, float] = defaultdict(float)
    fast: dict[str, float] = defaultdict(float)
    for one in by_name[f"{_DURATION}_count"]:
        counts[one.labels.get("verb", "")] += one.value
    for one in by_name[f"{_DURATION}_sum"]:
        seconds[one.labels.get("verb", "")] += one.value
    for one in by_name[f"{_DURATION}_bucket"]:
        if _bound(one) == API_SLOW_SECONDS:
            fast[one.labels.get("verb", "")] += one.value
    found = [
        VerbLoad(verb, count, seconds[verb], max(0.0, count - fast[verb]) if verb in fast else 0.0)
        for verb, count in counts.items()
        if verb and verb not in _ENDLESS and count > 0
    ]
    return sorted(found, key=lambda one: -one.requests)


def _bound(one: Sample) -> float | None:
    try:
        return float(one.labels.get("le", ""))
    except ValueError:
        return None


def _sum(found: list[Sample]) -> float:
    return sum(one.value for one in found)
