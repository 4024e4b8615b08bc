"""RM-04: has every running pod metrics?

A pod is without metrics for a minute or two after one of its containers started, and on
a node that has none. What then is still missing is worth a word.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, finding
from kuberunbooks.objects import Pod

from ..rules.thresholds import METRICS_STARTING
from ..step import NotChecked, Yielded, step
from .measurements import key_of, pod_use
from .node_coverage import excuse, node_coverage
from .node_metrics import without_api
from .nodes_read import nodes_in_question
from .server_pods import server_of
from .target import Measured

_UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/#metrics-api"


@step("RM-04", title="Has every running pod metrics?", upstream=_UPSTREAM)
def pod_metrics(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Is every pod measured that has been running for two minutes?"""
    if target.pods_unread:
        yield NotChecked(f"The pods were not looked at: {target.pods_unread}.")
        return
    if not target.pods:
        yield NotChecked("There are no pods here.")
        return
    use = pod_use(target, cluster)
    if use.error is not None:
        raise use.error
    if use.origin != "api":
        yield NotChecked(without_api(target, cluster, from_kubelet=use.origin == "kubelet"))
        return
    due = [pod for pod in target.pods if is_due(pod, cluster.now)]
    missing = [pod for pod in due if key_of(pod) not in use.found]
    if missing and server_of(target, cluster).is_starting(cluster.now):
        yield Note(text="metrics-server has only just started: it has no metrics before its second round.")
        return
    yield from _missing(missing, target, cluster)
    if due and not missing:
        yield finding(
            "PodMetricsComplete",
            target.subject,
            evidence=[use.found[key_of(pod)].cite("timestamp") for pod in due[:3]],
            pods=len(due),
        )
    elif not due:
        yield Note(text="No pod here has been running long enough to be measured.")


def is_due(pod: Pod, now: datetime) -> bool:
    """All its containers have been running long enough to be measured, and it stays."""
    if pod.phase != "Running" or pod.metadata.deletion_timestamp is not None:
        return False
    statuses = pod.status.container_statuses
    for one in statuses:
        running = one.state.running
        if running is None or running.started_at is None:
            return False
        if (now - running.started_at).total_seconds() < METRICS_STARTING:
            return False
    return bool(statuses)


def _missing(missing: list[Pod], target: Measured, cluster: Cluster) -> Iterator[Finding]:
    """On a node that need not have metrics a pod need not either."""
    if not missing:
        return
    nodes = {node.name: node for node in nodes_in_question(target, cluster)}
    bare = {node.name for node in node_coverage(target, cluster).missing}
    for pod in missing:
        node = nodes.get(pod.spec.node_name)
        if node is not None and excuse(node, cluster.now):
            continue
        bare_node = pod.spec.node_name in bare
        one = finding(
            "PodMetricsMissing",
            pod,
            evidence=[pod.cite("status.phase"), pod.cite("status.startTime")],
            node=pod.spec.node_name,
            node_too=bare_node,
            group=(bare_node,),
        )
        if bare_node:
            one.facts["because"] = [f"node/{pod.spec.node_name}"]
        yield one
