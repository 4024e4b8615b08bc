"""MT-05: the monitoring tools the cluster has, and whether they run."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Subject, Table, finding
from kuberunbooks.objects import Evidence, Pod

from ..resource_metrics.target import Measured
from ..rules.conditions import cite_condition
from ..rules.thresholds import PROMETHEUS_STARTING, STARTING
from ..step import NotChecked, Yielded, step
from .known_tools import (
    ALERTMANAGER,
    ANSWERING,
    EXPECTED,
    KUBE_STATE_METRICS,
    NODE_EXPORTER,
    PROBLEM_DETECTOR,
    Tool,
    Tools,
    find_tools,
)
from .pipelines import served_groups

_MEMO = "monitoring tools"
_OPERATOR_GROUP = "monitoring.coreos.com"
# What is missed when none of its pods works; the rest of a cluster hardly notices the others.
_MISSED = {
    ALERTMANAGER: "alerts reach nobody",
    KUBE_STATE_METRICS: "restarts, readiness and limits have no history, and alerts about them stay silent",
    NODE_EXPORTER: "nodes have no history, and alerts about them stay silent",
    PROBLEM_DETECTOR: "trouble of kernels and runtimes is not reported",
}


@step("MT-05", title="Which monitoring tools are there?")
def tools(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Which monitoring tools does the cluster have, in which version, and do they run?"""
    found = tools_of(target, cluster)
    operated = _has_operator_api(cluster)
    if found.found or operated:
        yield _table(found, operated, cluster)
    elif not found.complete:
        yield NotChecked(f"No monitoring tool was seen, but not all pods could be read: {found.why}.")
        return
    yield from _prometheus(found, operated, cluster, elsewhere=bool(target.options.get("prometheus_url")))
    for tool in found.found:
        if tool.kind in _MISSED and tool.wanted and not tool.ready:
            yield _down(tool, cluster)


def tools_of(target: Measured, cluster: Cluster) -> Tools:
    """The tools, looked for once a run."""
    found = target.memo.get(_MEMO)
    if not isinstance(found, Tools):
        found = target.memo[_MEMO] = find_tools(cluster)
    return found


def _prometheus(
    found: Tools, operated: bool, cluster: Cluster, *, elsewhere: bool
) -> Iterator[Finding | Note]:
    answering = found.of(*ANSWERING)
    if elsewhere and not answering:
        return
    if not answering and found.complete:
        cited = Evidence("api/v1/pods", "metadata.labels[app.kubernetes.io/name]", "no prometheus")
        nobody = Subject(kind="Cluster", namespace="", name="cluster")
        yield finding("PrometheusNotFound", nobody, evidence=cited, operated=operated)
    elif not answering:
        yield Note(
            text=f"Whether there is a Prometheus is not known: not all pods could be read ({found.why})."
        )
    for tool in answering:
        example = next((pod for pod in tool.pods if not pod.is_ready), None)
        if example is None:
            yield _found(tool)
        else:
            yield _unhealthy(tool, example, cluster)


def _found(tool: Tool) -> Finding:
    pod = tool.pods[0]
    return finding(
        "PrometheusFound",
        pod,
        evidence=cite_condition(pod, "Ready", "status"),
        tool=tool.kind,
        workload=tool.workload,
        version=tool.version,
        ready=tool.ready,
    )


def _unhealthy(tool: Tool, pod: Pod, cluster: Cluster) -> Finding:
    condition = pod.condition("Ready")
    since = condition.last_transition_time if condition is not None else None
    lasts = (cluster.now - since).total_seconds() if since is not None else pod.age(cluster.now)
    restarts = max((one.status.restart_count for one in pod.containers()), default=0)
    # It reads back what it wrote before it is ready; one of a pair that does so is missed by nobody.
    starting = lasts < PROMETHEUS_STARTING and not restarts and pod.phase == "Running"
    return finding(
        "PrometheusUnhealthy",
        pod,
        severity="info" if starting or tool.ready or lasts < STARTING else None,
        evidence=[pod.cite("status.phase"), *cite_condition(pod, "Ready", "status", "reason", "message")],
        since=since,
        tool=tool.kind,
        workload=tool.workload,
        ready=tool.ready,
        wanted=tool.wanted,
        state=pod.status_text,
        lasts=lasts,
        starting=starting,
    )


def _down(tool: Tool, cluster: Cluster) -> Finding:
    """None of a tool's pods is ready."""
    if tool.daemon_set is not None:
        one = tool.daemon_set
        return finding(
            "MonitoringToolDown",
            one,
            severity="info" if one.age(cluster.now) < STARTING else None,
            evidence=[one.cite("status.desiredNumberScheduled"), one.cite("status.numberReady")],
            tool=tool.kind,
            workload=tool.workload,
            wanted=tool.wanted,
            missed=_MISSED[tool.kind],
            state="",
            daemon_set=one.name,
        )
    pod = tool.pods[0]
    condition = pod.condition("Ready")
    since = condition.last_transition_time if condition is not None else None
    lasts = (cluster.now - since).total_seconds() if since is not None else pod.age(cluster.now)
    return finding(
        "MonitoringToolDown",
        pod,
        severity="info" if lasts < STARTING else None,
        evidence=[pod.cite("status.phase"), *cite_condition(pod, "Ready", "status", "reason")],
        since=since,
        tool=tool.kind,
        workload=tool.workload,
        wanted=tool.wanted,
        missed=_MISSED[tool.kind],
        state=pod.status_text,
        daemon_set="",
    )


def _has_operator_api(cluster: Cluster) -> bool:
    """Whether the API group of the Prometheus operator is served."""
    return _OPERATOR_GROUP in (served_groups(cluster) or ())


def _table(found: Tools, operated: bool, cluster: Cluster) -> Table:
    rows = [_row(tool, cluster) for tool in found.found]
    have = {tool.kind for tool in found.found}
    absent = "none found" if found.complete else "none seen"
    rows += [[kind, "", absent, "", ""] for kind in EXPECTED if kind not in have]
    if operated and "prometheus-operator" not in have:
        rows.append(["prometheus-operator", "", f"its API {_OPERATOR_GROUP} is served", "", ""])
    rows.sort(key=lambda row: (not row[1], EXPECTED.index(row[0]) if row[0] in EXPECTED else len(EXPECTED)))
    caption = "Monitoring tools, by the labels and images they usually have"
    if not found.complete:
        caption += f"; not all namespaces could be read ({found.why})"
    names = ("TOOL", "NAMESPACE", "WORKLOAD", "VERSION", "READY")
    return Table(caption=caption, columns=[Column(name=name) for name in names], rows=rows)


def _row(tool: Tool, cluster: Cluster) -> list[str]:
    ready = f"{tool.ready}/{tool.wanted}"
    if tool.daemon_set is not None:
        nodes = cluster.nodes()
        linux = sum(one.metadata.labels.get("kubernetes.io/os", "linux") == "linux" for one in nodes)
        if nodes.complete:
            ready += f", on {tool.wanted} of {linux} Linux nodes"
    return [tool.kind, tool.namespace, tool.workload, tool.version, ready]
