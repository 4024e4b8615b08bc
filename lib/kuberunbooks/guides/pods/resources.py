"""DP-03: Do the nodes have what it asks for?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-03", title="Do the nodes have what it asks for?")
def resources(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Do the nodes have what it asks for?"""
    del target, cluster
    yield from ()
