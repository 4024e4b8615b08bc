"""The timeline of a run: what happened to the target, in which order."""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Mark

from .target import Pods


def timeline(target: Pods, cluster: Cluster) -> list[Mark]:
    """Events, restarts, condition changes and deletions of the target, oldest first."""
    del target, cluster
    return []
