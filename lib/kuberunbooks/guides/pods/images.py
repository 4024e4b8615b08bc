"""DP-06: Can its images be pulled?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-06", title="Can its images be pulled?")
def images(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Can its images be pulled?"""
    del target, cluster
    yield from ()
