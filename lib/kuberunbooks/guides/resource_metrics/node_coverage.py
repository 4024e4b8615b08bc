"""Which nodes lack metrics, and whose are old. Called by the steps about metrics-server and about nodes.

A node that is not ready, has only just become so, or is no real machine (virtual-kubelet)
need not have any.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.objects import Node, NodeMetrics

from ..rules.thresholds import METRICS_STALE, METRICS_STARTING
from .measurements import node_use
from .nodes_read import nodes_in_question
from .target import Measured

_MEMO = "node coverage"


class NodeCoverage(NamedTuple):
    """The nodes that should have metrics (`expected`), those without, those with old ones, the good ones.

    `known` False: nodes or metrics could not be read, then nothing is missing for sure; `error`
    is the refusal of the metrics API, if that was it. `unexpected` are the nodes that need not
    have metrics, with the reason.
    """

    expected: list[Node]
    missing: list[Node]
    stale: list[tuple[Node, NodeMetrics]]
    fresh: list[Node]
    unexpected: dict[str, str]
    known: bool
    error: ClusterError | None = None

    @property
    def suspicious(self) -> list[Node]:
        """The nodes that should be measured and are not, or not any more."""
        return [*self.missing, *(node for node, _ in self.stale)]


def node_coverage(target: Measured, cluster: Cluster) -> NodeCoverage:
    """Compared once in a run."""
    if _MEMO not in target.memo:
        target.memo[_MEMO] = _compare(target, cluster)
    found: NodeCoverage = target.memo[_MEMO]
    return found


def _compare(target: Measured, cluster: Cluster) -> NodeCoverage:
    nodes, use = nodes_in_question(target, cluster), node_use(target, cluster)
    excused = {node.name: why for node in nodes if (why := excuse(node, cluster.now))}
    expected = [node for node in nodes if node.name not in excused]
    if use.origin != "api":
        return NodeCoverage(expected, [], [], [], excused, False, use.error)
    missing = [node for node in expected if node.name not in use.found]
    stale, fresh = [], []
    for node in expected:
        metrics = use.found.get(node.name)
        if metrics is None:
            continue
        if is_stale(metrics.timestamp, cluster.now):
            stale.append((node, metrics))
        else:
            fresh.append(node)
    return NodeCoverage(expected, missing, stale, fresh, excused, True)


def is_stale(timestamp: datetime | None, now: datetime) -> bool:
    """Measured so long ago that it says nothing of now."""
    return timestamp is not None and (now - timestamp).total_seconds() > METRICS_STALE


def excuse(node: Node, now: datetime) -> str:
    """Why a node need not have metrics; empty when it should."""
    if node.metadata.labels.get("type") == "virtual-kubelet" or any(
        taint.key == "virtual-kubelet.io/provider" for taint in node.spec.taints
    ):
        return "is no machine (virtual-kubelet)"
    ready = node.condition("Ready")
    if ready is None or not ready.is_true:
        return "is not ready"
    turned = ready.last_transition_time
    if node.age(now) < METRICS_STARTING or (
        turned is not None and (now - turned).total_seconds() < METRICS_STARTING
    ):
        return "has only just become ready"
    return ""
