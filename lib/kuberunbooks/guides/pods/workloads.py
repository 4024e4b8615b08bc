"""DP-11: Can its workload create pods?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-11", title="Can its workload create pods?")
def workloads(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Can its workload create pods?"""
    del target, cluster
    yield from ()
