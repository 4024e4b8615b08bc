"""DP-12: Do its Services have endpoints?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..step import Yielded, step
from .target import Pods


@step("DP-12", title="Do its Services have endpoints?")
def endpoints(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Do its Services have endpoints?"""
    del target, cluster
    yield from ()


@step("DP-13", title="Do selectors and ports fit?")
def selectors(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Do selectors and ports fit?"""
    del target, cluster
    yield from ()


@step("DP-14", title="Is traffic forwarded?")
def traffic(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is traffic forwarded?"""
    del target, cluster
    yield from ()
