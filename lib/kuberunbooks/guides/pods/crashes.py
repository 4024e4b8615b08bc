"""DP-09: Does it crash, or fail its probes?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-09", title="Does it crash, or fail its probes?")
def crashes(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Does it crash, or fail its probes?"""
    del target, cluster
    yield from ()
