"""Asks steps of the pods guide about the pods behind the Services."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import NotChecked, Step, StepFunction, Yielded
from .target import Services


def of_the_pods(one: Step) -> Step:
    """The step, asked of the pods behind the Services."""
    return one._replace(parts=tuple(_asked(part) for part in one.parts))


def _asked(part: StepFunction) -> StepFunction:
    @functools.wraps(part)
    def run(target: Services, cluster: Cluster) -> Iterator[Yielded]:
        if target.behind.pods or target.behind.roots:
            yield from part(target.behind, cluster)
        else:
            yield NotChecked("No pod and no workload stands behind it.")

    return run
