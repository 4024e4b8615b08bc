"""What nodes and pods use: from the metrics API, else from what a case holds of its kubelets.

A kubelet's own summary is a help where there is no metrics API: it is read only when a case
happens to hold it, since asking a kubelet takes a powerful right. Called by the steps about
usage and about what is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.errors import ClusterError, NotFound
from kuberunbooks.objects import NodeMetrics, Pod, PodMetrics

from ..rules.kubelet_summary import Summary, read_summary
from .api_state import metrics_api
from .nodes_read import nodes_in_question
from .target import Measured

PodKey = tuple[str, str]
"""(namespace, name)."""

_NODES = "node metrics"
_PODS = "pod metrics"
_SUMMARIES = "kubelet summaries"
_MOST_SUMMARIES = 50


Origin = Literal["api", "kubelet", "none"]
"""Who said it: the metrics API, the kubelets of a case, nobody. Only of the API is a gap a fault."""


class NodeUse(NamedTuple):
    """Usage of nodes by name; `error` is why the metrics API gave none."""

    found: dict[str, NodeMetrics]
    origin: Origin
    error: ClusterError | None = None


class PodUse(NamedTuple):
    """Usage of pods; the rest as in NodeUse."""

    found: dict[PodKey, PodMetrics]
    origin: Origin
    error: ClusterError | None = None


def node_use(target: Measured, cluster: Cluster) -> NodeUse:
    """What the nodes use; read once in a run: one node, or one list."""
    if _NODES not in target.memo:
        target.memo[_NODES] = _node_use(target, cluster)
    found: NodeUse = target.memo[_NODES]
    return found


def pod_use(target: Measured, cluster: Cluster) -> PodUse:
    """What the pods use; read once in a run: one pod, or one list of the namespace."""
    if _PODS not in target.memo:
        target.memo[_PODS] = _pod_use(target, cluster)
    found: PodUse = target.memo[_PODS]
    return found


def _node_use(target: Measured, cluster: Cluster) -> NodeUse:
    error: ClusterError | None = None
    if not metrics_api(target, cluster).is_absent:
        try:
            if target.node is not None:
                return NodeUse(_one_node(cluster, target.node.name), "api")
            return NodeUse({one.name: one for one in cluster.read(NodeMetrics)}, "api")
        except ClusterError as refused:
            error = refused
    summaries = _summaries(target, cluster)
    found: dict[str, NodeMetrics] = {one.node.name: one.node for one in summaries}
    return NodeUse(found, "kubelet" if found else "none", error)


def _one_node(cluster: Cluster, name: str) -> dict[str, NodeMetrics]:
    try:
        return {name: cluster.get(NodeMetrics, "", name)}
    except NotFound:
        return {}


def _pod_use(target: Measured, cluster: Cluster) -> PodUse:
    error: ClusterError | None = None
    if not metrics_api(target, cluster).is_absent:
        try:
            return PodUse(_pods_of_the_api(target, cluster), "api")
        except ClusterError as refused:
            error = refused
    found = _by_key(one for summary in _summaries(target, cluster) for one in summary.pods)
    return PodUse(found, "kubelet" if found else "none", error)


def _pods_of_the_api(target: Measured, cluster: Cluster) -> dict[PodKey, PodMetrics]:
    if target.single:
        pod = target.pods[0]
        try:
            return _by_key([cluster.get(PodMetrics, pod.namespace, pod.name)])
        except NotFound:
            return {}
    listed: Listing[PodMetrics] = cluster.read(PodMetrics, target.namespace)
    return _by_key(listed)


def _by_key(listed: Iterable[PodMetrics]) -> dict[PodKey, PodMetrics]:
    return {(one.namespace, one.name): one for one in listed}


def key_of(pod: Pod) -> PodKey:
    """(namespace, name) of a pod."""
    return (pod.namespace, pod.name)


def _summaries(target: Measured, cluster: Cluster) -> list[Summary]:
    """Of the nodes in question, what the case holds of their kubelets."""
    if _SUMMARIES not in target.memo:
        found = []
        for node in nodes_in_question(target, cluster)[:_MOST_SUMMARIES]:
            body = cluster.recorded(f"nodes/{node.name}/stats/summary")
            summary = read_summary(body, node.name) if body is not None else None
            if summary is not None:
                found.append(summary)
        target.memo[_SUMMARIES] = found
    kept: list[Summary] = target.memo[_SUMMARIES]
    return kept
