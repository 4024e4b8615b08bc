"""RM-02: who serves the metrics API, are its pods ready, and what do they complain of?

Their logs are read only where something is seen to be missing: a complaint about a node
that was rebooted an hour ago is no news. Why a pod of it does not run is for the rules of
the pods guide to say (behind.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster, Log
from kuberunbooks.errors import Forbidden
from kuberunbooks.findings import Column, Finding, Severity, Subject, Table, finding
from kuberunbooks.objects import Evidence, Pod, Service, human_duration

from ..rules.log_reading import read_log
from ..step import NotChecked, Yielded, step
from .api_state import SUBJECT, dependents, metrics_api
from .node_coverage import NodeCoverage, node_coverage
from .server_log import Complaint, complaints
from .server_pods import Server, container_of, server_of, version_of
from .target import Measured

EXPLAINS = f"/{SUBJECT}"
"""What is wrong with metrics-server explains an API that does not answer, and what follows from that."""

OLDEST = (0, 6, 0)
"""metrics-server before this reads the kubelet's /stats/summary, later ones /metrics/resource (README)."""

_CODES = {
    "tls": "MetricsServerKubeletTls",
    "timeout": "MetricsServerKubeletTimeout",
    "forbidden": "MetricsServerForbidden",
    "auth": "AggregationAuthBroken",
}
_MOST_LOGS = 2
_ARGUMENTS = ("--kubelet", "--metric-resolution", "--requestheader", "--secure-port", "--node-selector")


@step("RM-02", title="Does metrics-server run and do its work?")
def metrics_server(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Are the pods behind the metrics API ready, and what does their log complain of?"""
    state, server = metrics_api(target, cluster), server_of(target, cluster)
    if server.reference is None:
        unknown = state.why or "it is not known who serves the metrics API"
        why = "nobody serves the metrics API" if state.is_absent else unknown
        yield NotChecked(f"There was nothing to look at: {why}.")
        return
    if not server.pods and not _is_known(server):
        yield NotChecked(f"Who stands behind {_name(server)} could not be read: {server.why}.")
        return
    if server.pods:
        yield _table(server, cluster)
    yield from _unhealthy(target, cluster, server)
    yield from _outdated(target, cluster, server)
    coverage = node_coverage(target, cluster)
    if _is_suspicious(target, cluster, server, coverage):
        yield from _logs(target, cluster, server, coverage)


def _is_known(server: Server) -> bool:
    """Whether it can be said that nobody stands behind the API."""
    if server.service is None:
        return server.service_known
    return server.pods is not None and server.pods.complete


def severity_of(target: Measured, cluster: Cluster) -> Severity:
    """How bad it is when nothing is measured: critical where an autoscaler in question needs it."""
    return "critical" if dependents(target, cluster) else "warning"


def _name(server: Server) -> str:
    reference = server.reference
    return f"{reference.namespace}/{reference.name}" if reference is not None else ""


def _subject(server: Server) -> Subject:
    reference = server.reference
    return Subject(
        kind="Service",
        namespace=reference.namespace if reference is not None else "",
        name=reference.name if reference is not None else "",
    )


def _unhealthy(target: Measured, cluster: Cluster, server: Server) -> Iterator[Finding]:
    """No ready pod behind the Service; young ones are given time."""
    if server.service is None and server.service_known:
        problem, pods = "no service", []
    elif server.pods is not None and server.pods.complete and not server.ready:
        pods = list(server.pods)
        problem = "not ready" if pods else "no pods"
    else:
        return
    if metrics_api(target, cluster).available:
        return  # somebody answers all the same
    young = bool(pods) and server.is_starting(cluster.now)
    cited = [pod.cite("status.conditions[type=Ready].status", _ready_text(pod)) for pod in pods[:3]]
    if server.service is not None:
        cited.append(server.service.cite("spec.selector"))
    else:
        subject = _subject(server)
        place = f"{Service.api.path(subject.namespace)}#{subject.name}"
        cited.append(Evidence(place, "metadata.name", "absent"))
    yield finding(
        "MetricsServerPodsUnhealthy",
        _subject(server),
        severity="info" if young else severity_of(target, cluster),
        evidence=cited,
        problem=problem,
        pods=[pod.name for pod in pods],
        states=[f"{pod.name} ({pod.status_text})" for pod in pods[:3]],
        selector=server.service.spec.selector if server.service is not None else {},
        young=young,
        explains=[EXPLAINS],
    )


def _ready_text(pod: Pod) -> str:
    condition = pod.condition("Ready")
    return condition.status if condition is not None else "absent"


def _outdated(target: Measured, cluster: Cluster, server: Server) -> Iterator[Finding]:
    for pod in server.pods or ():
        container = container_of(pod)
        version = version_of(container)
        if version and version < OLDEST:
            coverage = node_coverage(target, cluster)
            yield finding(
                "MetricsServerOutdated",
                _subject(server),
                severity="warning" if coverage.known and coverage.missing else "info",
                evidence=pod.cite("spec.containers[0].image", container.image if container else ""),
                version=".".join(str(part) for part in version),
                nodes=[node.name for node in coverage.missing],
            )
            return


def _is_suspicious(target: Measured, cluster: Cluster, server: Server, coverage: NodeCoverage) -> bool:
    """Something is seen to be missing, or cannot be seen at all."""
    if metrics_api(target, cluster).available is False or (server.pods is not None and not server.ready):
        return True
    if coverage.error is not None:
        return not isinstance(coverage.error, Forbidden)
    return bool(coverage.suspicious)


def _logs(target: Measured, cluster: Cluster, server: Server, coverage: NodeCoverage) -> Iterator[Yielded]:
    told: set[str] = set()
    for pod in list(server.pods or ())[:_MOST_LOGS]:
        container = container_of(pod)
        if container is None:
            continue
        status = next((one for one in pod.status.container_statuses if one.name == container.name), None)
        crashed = status is not None and status.state.running is None and status.restart_count > 0
        log = cluster.log(pod, container.name, previous=crashed)
        yield read_log(log, f"Log of {pod.name}").excerpt
        for one in complaints(log, cluster.now):
            found = _complaint(target, cluster, server, coverage, one, pod, log)
            if found is not None and found.code not in told:
                told.add(found.code)
                yield found


def _complaint(
    target: Measured,
    cluster: Cluster,
    server: Server,
    coverage: NodeCoverage,
    one: Complaint,
    pod: Pod,
    log: Log,
) -> Finding | None:
    """The finding about lines of one kind; None when the nodes they are about are measured or not ready."""
    about = set(one.nodes)
    blamed = coverage.suspicious if coverage.known else coverage.expected
    nodes = [node.name for node in blamed if node.name in about]
    if about and not nodes:
        return None
    works = bool(coverage.fresh) and bool(server.ready)
    facts: dict[str, Any] = {
        "quote": one.quote,
        "lines": one.lines,
        "nodes": nodes,
        "server": pod.name,
        "denied": one.denied,
        "works": works,
        "workload": _workload(pod),
        "account": pod.spec.service_account_name or "default",
        "explains": [f"/node/{name}" for name in nodes]
        + ([] if works else [EXPLAINS, f"service/{_subject(server).name}"]),
    }
    return finding(
        _CODES[one.kind],
        pod,
        severity="warning" if works else severity_of(target, cluster),
        evidence=Evidence(log.source, f"line {one.number}", one.quote),
        since=one.first,
        **facts,
    )


def _workload(pod: Pod) -> str:
    """`deployment/metrics-server` of a pod a ReplicaSet made; empty for others."""
    owner, hash_ = pod.controller, pod.metadata.labels.get("pod-template-hash", "")
    if owner is None or owner.kind != "ReplicaSet" or not hash_:
        return ""
    return f"deployment/{owner.name.removesuffix(f'-{hash_}')}"


def _table(server: Server, cluster: Cluster) -> Table:
    rows = []
    for pod in server.pods or ():
        container = container_of(pod)
        arguments = [*container.command, *container.args] if container is not None else []
        rows.append(
            [
                pod.name,
                pod.spec.node_name or "none",
                pod.status_text,
                pod.ready_text,
                pod.restarts_text(cluster.now),
                human_duration(pod.age(cluster.now)),
                container.image if container is not None else "",
                " ".join(one for one in arguments if one.startswith(_ARGUMENTS)),
            ]
        )
    names = ("POD", "NODE", "STATUS", "READY", "RESTARTS", "AGE", "IMAGE", "ARGUMENTS THAT MATTER")
    return Table(
        caption=f"Pods behind {_name(server)}, which serves the metrics API",
        columns=[Column(name=name) for name in names],
        rows=rows,
    )
