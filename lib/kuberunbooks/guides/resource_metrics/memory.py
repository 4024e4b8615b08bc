"""RM-06: memory of nodes and containers, against what they have, asked for and may use.

A node is short of memory when little is left of all it has, or when its pods together reach
what is allocatable to them: by these the kubelet evicts. The node's usage alone may well be
above allocatable, since it includes the system, for which the rest is reserved.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod, quantity_text

from ..rules.thresholds import MEMORY_HIGH
from ..rules.usage import Use, is_near_limit, near_limit
from ..step import Yielded, step
from .measurements import key_of, node_use, pod_use
from .node_coverage import is_stale
from .target import Measured
from .unmeasured import unmeasured
from .usage_shown import NodeLoad, container_uses, meaning, node_loads, shown_nodes, shown_pods

_UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/#memory"
_MOST_NAMED = 3


@step("RM-06", title="How much memory is used?", upstream=_UPSTREAM)
def memory(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Which nodes and containers use most memory, and is any near what it has or may use?"""
    loads, found = node_loads(target, cluster, "memory"), container_uses(target, cluster, "memory")
    if not loads and not found:
        yield unmeasured(target, cluster)
        return
    high = [
        one
        for one in loads
        if one.part >= MEMORY_HIGH and not is_stale(one.metrics.timestamp, cluster.now) and one.node.is_ready
    ]
    short = {one.node.name for one in high if is_short(one)}
    yield from shown_nodes(loads, "memory", node_use(target, cluster).origin, short)
    yield from shown_pods(target, found, "memory", pod_use(target, cluster).origin)
    yield meaning(target, cluster, "memory")
    for one in high:
        yield _node_high(one, found)
    for pod, use in found:
        if is_near_limit(use):
            yield near_limit(pod, use, pod_use(target, cluster).found[key_of(pod)], cluster.now)


def is_short(one: NodeLoad) -> bool:
    """Little is left of all the node has, or its pods together are near what is allocatable."""
    if one.part_of_capacity >= MEMORY_HIGH:
        return True
    return one.by_pods is not None and one.by_pods >= one.allocatable * Decimal(str(MEMORY_HIGH))


def _node_high(one: NodeLoad, found: list[tuple[Pod, Use]]) -> Finding:
    short = is_short(one)
    largest = [pod.name for pod, _ in found if pod.spec.node_name == one.node.name]
    return finding(
        "NodeMemoryHigh",
        one.node,
        severity=None if short else "info",
        evidence=[
            one.metrics.cite("usage['memory']"),
            one.node.cite("status.allocatable['memory']"),
            one.node.cite("status.capacity['memory']"),
        ],
        since=one.metrics.timestamp,
        used=quantity_text("memory", one.used),
        allocatable=quantity_text("memory", one.allocatable),
        capacity=quantity_text("memory", one.capacity),
        percent=round(one.part * 100),
        percent_of_capacity=round(one.part_of_capacity * 100),
        by_pods=quantity_text("memory", one.by_pods) if one.by_pods is not None else "",
        short=short,
        largest=list(dict.fromkeys(largest))[:_MOST_NAMED],
    )
