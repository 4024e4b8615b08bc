"""RM-01: is the resource metrics API there, and does whoever serves it answer?

A cluster without it is ordinary: only `kubectl top` and autoscalers by cpu or memory need
it. So its absence is a fault only where an autoscaler in question needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Severity, Subject, Table, finding
from kuberunbooks.objects import Evidence, HorizontalPodAutoscaler, Time

from ..pods.missing import missing_findings
from ..rules.autoscaling import RESOURCE_API, trouble_of
from ..rules.conditions import cite_condition
from ..rules.thresholds import METRICS_STARTING
from ..step import NotChecked, Yielded, step
from .api_state import API_SERVICE, ApiState, dependents, metrics_api
from .autoscalers_read import autoscalers
from .scaled import lacking_requests, scaled
from .target import Measured

_MOST_LOOKED_INTO = 20
_UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/#metrics-api"


@step("RM-01", title="Is the metrics API there, and does it answer?", upstream=_UPSTREAM)
def metrics_api_served(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Does the cluster serve metrics.k8s.io, and is whoever serves it available?"""
    yield from _absent_target(target)
    state = metrics_api(target, cluster)
    if state.served is None:
        yield NotChecked(f"Whether the metrics API is served could not be read: {state.why}.")
        return
    needing = [one for one in dependents(target, cluster) if not _is_without_target(one)]
    waiting = [one for one in dependents(target, cluster) if _is_without_target(one)]
    if state.object is not None:
        yield _table(state)
    if state.is_absent:
        yield _missing(target, cluster, state, needing, waiting)
    elif state.available is False:
        yield _unavailable(target, state, needing, cluster)
    elif state.available:
        yield finding("MetricsApiAvailable", _subject(), evidence=state.evidence, service=_service(state))


def _absent_target(target: Measured) -> Iterator[Finding]:
    """What was asked for does not exist: said first, since the rest is then about the cluster only."""
    if target.about and target.missing:
        kind, _, name = target.about.partition("/")
        resource = {"node": "nodes", "hpa": "horizontalpodautoscalers.autoscaling"}[kind]
        place = f"api/v1/{resource}" if kind == "node" else f"{resource} of {target.namespace or 'all'}"
        yield finding(
            "MetricsTargetMissing",
            target.subject,
            evidence=Evidence(place, name, "absent"),
            wanted=target.about,
            resource=resource,
            place=target.namespace,
            clusterwide=kind == "node",
            near=target.near_names,
        )
    elif target.missing or target.namespace_missing:
        yield from missing_findings(target)


def _is_without_target(hpa: HorizontalPodAutoscaler) -> bool:
    """It could not scale anything, metrics or not: its own finding says so."""
    trouble = trouble_of(hpa)
    return trouble is not None and trouble.kind in ("target missing", "target unreadable", "disabled")


def _subject() -> Subject:
    return Subject(kind="APIService", namespace="", name=API_SERVICE)


def _missing(
    target: Measured,
    cluster: Cluster,
    state: ApiState,
    needing: list[HorizontalPodAutoscaler],
    waiting: list[HorizontalPodAutoscaler],
) -> Finding:
    severity: Severity = "critical" if needing else "warning" if waiting else "info"
    told = needing or waiting
    cited = list(state.evidence)
    for hpa in told[:3]:
        cited += cite_condition(hpa, "ScalingActive", "message")
    return finding(
        "MetricsApiMissing",
        _subject(),
        severity=severity,
        evidence=cited,
        since=_since(needing),
        hpas=_names(target, told),
        needed=bool(needing),
        later=not needing and bool(waiting),
        known=autoscalers(target, cluster).known,
        unrequested=_unrequested(target, cluster, needing),
    )


def _since(hpas: list[HorizontalPodAutoscaler]) -> Time:
    """Since when the controller cannot read it: how long it is missing nothing tells."""
    troubles = [trouble for one in hpas if (trouble := trouble_of(one)) is not None]
    times = [
        one.since for one in troubles if one.group == RESOURCE_API and one.kind in ("no api", "api down")
    ]
    return min((at for at in times if at is not None), default=None)


def _unrequested(
    target: Measured, cluster: Cluster, hpas: list[HorizontalPodAutoscaler]
) -> list[dict[str, str]]:
    """What would keep them from scaling even with metrics: worth knowing before anything is installed."""
    return [
        {"hpa": f"hpa/{hpa.name}", "resource": one.needed.resource}
        for hpa in hpas[:_MOST_LOOKED_INTO]
        for one in lacking_requests(target, cluster, hpa, scaled(target, cluster, hpa))
    ]


def _names(target: Measured, hpas: list[HorizontalPodAutoscaler]) -> list[str]:
    return [f"hpa/{one.name}" if target.namespace else f"{one.namespace}/hpa/{one.name}" for one in hpas]


def _unavailable(
    target: Measured, state: ApiState, needing: list[HorizontalPodAutoscaler], cluster: Cluster
) -> Finding:
    condition = state.condition
    since = condition.last_transition_time if condition is not None else None
    young = since is not None and (cluster.now - since).total_seconds() < METRICS_STARTING
    facts: dict[str, Any] = {
        "reason": condition.reason if condition is not None else "",
        "message": condition.message if condition is not None else "",
        "service": _service(state),
        "service_name": _parts(state)[1],
        "service_namespace": _parts(state)[0],
        "hpas": _names(target, needing),
        "young": young,
        # A symptom as soon as the next step knows why nobody answers.
        "because": [],
    }
    return finding(
        "MetricsApiUnavailable",
        _subject(),
        severity="info" if young else "critical" if needing else "warning",
        evidence=state.evidence,
        since=since,
        **facts,
    )


def _parts(state: ApiState) -> tuple[str, str]:
    service = state.object.spec.service if state.object is not None else None
    return (service.namespace, service.name) if service is not None else ("", "")


def _service(state: ApiState) -> str:
    namespace, name = _parts(state)
    return f"{namespace}/{name}" if name else ""


def _table(state: ApiState) -> Table:
    condition = state.condition
    served = _service(state) or "the API server itself"
    port = state.object.spec.service.port if state.object and state.object.spec.service else ""
    rows = [
        ["API", API_SERVICE],
        ["served by", f"{served}, port {port}" if port else served],
        ["available", condition.status if condition is not None else "not said"],
        ["reason", condition.reason if condition is not None else ""],
        ["message", condition.message if condition is not None else ""],
    ]
    return Table(
        caption="The metrics API, as the aggregation layer sees it",
        columns=[Column(name="WHAT"), Column(name="IS")],
        rows=rows,
    )
