"""Finds what the person asked for: parses the target parameter and reads the pods and workloads it names."""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import Pod

from ..registry import Request
from .target import Pods


def resolve(cluster: Cluster, request: Request) -> Pods:
    """Finds the target. Raises ClusterError when pods cannot be read at all."""
    target = Pods(
        request.target, request.namespace, since=request.since, options=request.options, now=cluster.now
    )
    target.pods = list(cluster.read(Pod, request.namespace))
    target.index()
    return target
