"""DP-02: Why has the scheduler not placed it?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-02", title="Why has the scheduler not placed it?")
def scheduling(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Why has the scheduler not placed it?"""
    del target, cluster
    yield from ()
