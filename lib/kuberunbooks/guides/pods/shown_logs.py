"""Which logs a run has shown already, so that no step shows one twice.

A guide that asks several steps of this one and has steps about logs of its own wraps the
steps it borrows with `noting_logs`. Used by the init-containers and running-pods guides.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import LogExcerpt

from ..step import Step, StepFunction, Yielded
from .target import Pods

_SHOWN = "logs shown"


def shown_logs(target: Pods) -> dict[str, LogExcerpt]:
    """The excerpts that were shown so far, by the log's source."""
    found: dict[str, LogExcerpt] = target.memo.setdefault(_SHOWN, {})
    return found


def noting_logs(one: Step) -> Step:
    """The step, which also notes the logs it shows."""
    return one._replace(parts=tuple(_noting(part) for part in one.parts))


def _noting(part: StepFunction) -> StepFunction:
    @functools.wraps(part)
    def run(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
        for item in part(target, cluster):
            if isinstance(item, LogExcerpt):
                shown_logs(target)[item.source] = item
            yield item

    return run
