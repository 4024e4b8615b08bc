"""DP-10: Does it run what you asked for?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-10", title="Does it run what you asked for?")
def manifest(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Does it run what you asked for?"""
    del target, cluster
    yield from ()
