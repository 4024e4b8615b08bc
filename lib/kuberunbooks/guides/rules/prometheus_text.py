"""Picks a few metrics out of an answer in Prometheus' text format.

An API server's /metrics holds tens of thousands of samples: only the lines of the wanted
names are parsed, by the format's own library. Called by the guides that read /metrics of
API servers and kubelets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple


class Sample(NamedTuple):
    """One sample; `at` is when it was measured, where the exporter says so (the kubelet does)."""

    name: str
    labels: dict[str, str]
    value: float
    at: datetime | None = None


def samples(text: bytes, names: Sequence[str]) -> Iterator[Sample]:
    """The samples of these metrics, in the order of the text; of a histogram name each series.

    `names` are whole sample names (`process_start_time_seconds`, `x_bucket`). A line that is
    no sample is passed over: half an answer still says something.
    """
    # Imported here: runs that read no metrics do not pay for it.
    from prometheus_client.parser import text_fd_to_metric_families

    wanted = re.compile(
        rb"^(?:" + b"|".join(re.escape(name.encode()) for name in names) + rb")(?=[{ \t])[^\n]*$",
        re.MULTILINE,
    )
    for match in wanted.finditer(text):
        line = match.group().decode("utf-8", "replace")
        try:
            for family in text_fd_to_metric_families([line]):  # type: ignore[arg-type]
                for one in family.samples:
                    yield Sample(one.name, one.labels, float(one.value), _at(one.timestamp))
        except (ValueError, IndexError, KeyError):
            continue


def _at(seconds: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(seconds), UTC) if seconds is not None else None  # type: ignore[arg-type]
    except (ValueError, OverflowError, OSError):
        return None
