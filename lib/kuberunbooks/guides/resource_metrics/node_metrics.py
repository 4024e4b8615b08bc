"""RM-03: has every node metrics, and are they of now?

`kubectl top nodes` prints `<unknown>` for a node without. An autoscaler leaves the pods of
such a node out of account, or counts them as idle.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Node, NodeMetrics, human_duration, labels_text

from ..step import NotChecked, Yielded, step
from .api_state import metrics_api
from .measurements import node_use
from .node_coverage import NodeCoverage, node_coverage
from .nodes_read import nodes_in_question
from .server_pods import server_of
from .target import Measured

_ROWS = 50
_UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/#metrics-api"


@step("RM-03", title="Has every node metrics?", upstream=_UPSTREAM)
def node_metrics(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Is every ready node measured, and how old are the values?"""
    nodes, use = nodes_in_question(target, cluster), node_use(target, cluster)
    coverage = node_coverage(target, cluster)
    if coverage.error is not None:
        raise coverage.error
    if not coverage.known:
        yield NotChecked(without_api(target, cluster, from_kubelet=use.origin == "kubelet"))
        return
    if nodes:
        yield _table(nodes, use.found, coverage, cluster)
    if not nodes.complete:
        yield Note(text=f"Whether any node lacks metrics is not known: {nodes.why or 'not all were read'}.")
    if server_of(target, cluster).is_starting(cluster.now) and coverage.missing:
        yield Note(text="metrics-server has only just started: it has no metrics before its second round.")
        return
    asked = _server_facts(target, cluster)
    yield from _missing(coverage, asked)
    yield from _stale(coverage, cluster, asked)
    if nodes.complete and coverage.expected and not coverage.suspicious:
        shown = coverage.fresh[:5]
        yield finding(
            "NodeMetricsComplete",
            target.subject,
            evidence=[use.found[node.name].cite("timestamp") for node in shown],
            nodes=len(coverage.fresh),
        )


def without_api(target: Measured, cluster: Cluster, *, from_kubelet: bool) -> str:
    """Why there are no values of the metrics API, and what there is instead."""
    absent = metrics_api(target, cluster).is_absent
    why = "The cluster serves no metrics API" if absent else "The metrics API was not read"
    return (
        f"{why}{'; usage below is what the kubelets said' if from_kubelet else ', so nothing is measured'}."
    )


def _server_facts(target: Measured, cluster: Cluster) -> dict[str, str]:
    """Where the log of metrics-server is to be read; where that is not known, as its manifest has it."""
    service = server_of(target, cluster).service
    if service is None or not service.spec.selector:
        return {"server_namespace": "kube-system", "server_labels": "k8s-app=metrics-server"}
    return {"server_namespace": service.namespace, "server_labels": labels_text(service.spec.selector)}


def _missing(coverage: NodeCoverage, asked: dict[str, str]) -> Iterator[Finding]:
    """One finding for all of them: they have one cause as a rule."""
    if not coverage.missing:
        return
    first = coverage.missing[0]
    names = [node.name for node in coverage.missing]
    yield finding(
        "NodeMetricsMissing",
        first,
        evidence=[
            *(
                node.cite("status.conditions[type=Ready].status", "True; no NodeMetrics of this name")
                for node in coverage.missing[:5]
            )
        ],
        nodes=names,
        of=len(coverage.expected),
        because=[f"node/{name}" for name in names],
        server_namespace=asked["server_namespace"],
        server_labels=asked["server_labels"],
    )


def _stale(coverage: NodeCoverage, cluster: Cluster, asked: dict[str, str]) -> Iterator[Finding]:
    if not coverage.stale:
        return
    oldest = min(coverage.stale, key=lambda one: _stamp(one[1]))
    measured_at = oldest[1].timestamp
    names = [node.name for node, _ in coverage.stale]
    yield finding(
        "MetricsStale",
        oldest[0],
        evidence=[metrics.cite("timestamp") for _, metrics in coverage.stale[:5]],
        since=measured_at,
        nodes=names,
        of=len(coverage.expected),
        age=(cluster.now - measured_at).total_seconds() if measured_at else 0.0,
        because=[f"node/{name}" for name in names],
        server_namespace=asked["server_namespace"],
        server_labels=asked["server_labels"],
    )


def _stamp(metrics: NodeMetrics) -> float:
    return metrics.timestamp.timestamp() if metrics.timestamp is not None else 0.0


def _note(name: str, coverage: NodeCoverage) -> str:
    why = coverage.unexpected.get(name, "")
    return f"need not have metrics: it {why}" if why else ""


def _table(
    nodes: list[Node], found: dict[str, NodeMetrics], coverage: NodeCoverage, cluster: Cluster
) -> Table:
    bad = {node.name for node in coverage.suspicious}
    order = sorted(nodes, key=lambda node: (node.name not in bad, node.name))
    rows = []
    for node in order[:_ROWS]:
        metrics = found.get(node.name)
        at = metrics.timestamp if metrics is not None else None
        rows.append(
            [
                node.name,
                node.status_text,
                f"{at:%H:%M:%S} UTC" if at is not None else "none",
                human_duration((cluster.now - at).total_seconds()) if at is not None else "",
                metrics.window if metrics is not None else "",
                _note(node.name, coverage),
            ]
        )
    names = ("NODE", "STATUS", "MEASURED AT", "AGE", "AVERAGE OVER", "NOTE")
    return Table(
        caption="Nodes, and when they were last measured",
        columns=[Column(name=name) for name in names],
        rows=rows,
        omitted=max(0, len(nodes) - _ROWS),
    )
