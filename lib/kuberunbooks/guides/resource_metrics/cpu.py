"""RM-05: cpu of nodes and containers, against what they have, asked for and may use."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import finding
from kuberunbooks.objects import quantity_text

from ..rules.thresholds import CPU_HIGH
from ..rules.usage import is_near_limit, near_limit
from ..step import Yielded, step
from .measurements import key_of, node_use, pod_use
from .node_coverage import excuse, is_stale
from .target import Measured
from .unmeasured import unmeasured
from .usage_shown import container_uses, meaning, node_loads, shown_nodes, shown_pods

_UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/#cpu"


@step("RM-05", title="How much cpu is used?", upstream=_UPSTREAM)
def cpu(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Which nodes and containers use most cpu, and is any near what it has or may use?"""
    loads, found = node_loads(target, cluster, "cpu"), container_uses(target, cluster, "cpu")
    if not loads and not found:
        yield unmeasured(target, cluster)
        return
    # A node that has just come up pulls images and starts everything at once.
    high = [
        one
        for one in loads
        if one.part >= CPU_HIGH
        and not is_stale(one.metrics.timestamp, cluster.now)
        and not excuse(one.node, cluster.now)
    ]
    yield from shown_nodes(loads, "cpu", node_use(target, cluster).origin, {one.node.name for one in high})
    yield from shown_pods(target, found, "cpu", pod_use(target, cluster).origin)
    yield meaning(target, cluster, "cpu")
    for one in high:
        yield finding(
            "NodeCpuHigh",
            one.node,
            evidence=[
                one.metrics.cite("usage['cpu']"),
                one.node.cite("status.allocatable['cpu']"),
            ],
            since=one.metrics.timestamp,
            used=quantity_text("cpu", one.used),
            allocatable=quantity_text("cpu", one.allocatable),
            percent=round(one.part * 100),
            window=one.metrics.window,
        )
    for pod, use in found:
        if is_near_limit(use):
            yield near_limit(pod, use, pod_use(target, cluster).found[key_of(pod)], cluster.now)
