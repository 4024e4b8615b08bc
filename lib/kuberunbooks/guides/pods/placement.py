"""DP-05: May it run on any node, with its volumes?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-05", title="May it run on any node, with its volumes?")
def placement(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """May it run on any node, with its volumes?"""
    del target, cluster
    yield from ()
