"""DP-08: Is a deletion stuck?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-08", title="Is a deletion stuck?")
def terminating(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is a deletion stuck?"""
    del target, cluster
    yield from ()
