"""DP-07: What else keeps a container from starting?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-07", title="What else keeps a container from starting?")
def waiting(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What else keeps a container from starting?"""
    del target, cluster
    yield from ()
