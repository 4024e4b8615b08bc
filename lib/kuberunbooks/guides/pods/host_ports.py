"""DP-04: Are its host ports free?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-04", title="Are its host ports free?")
def host_ports(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Are its host ports free?"""
    del target, cluster
    yield from ()
