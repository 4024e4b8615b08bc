"""CL-16: APIs that another server serves behind the API server, and whether that one answers."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import APIService, human_duration

from ..rules.conditions import cite_condition
from ..rules.thresholds import STARTING
from ..step import NotChecked, Yielded, step
from .resolve import Nodes

_ROWS = 30
_METRICS = ("metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io")
_DISCOVERY_NEEDED = "namespaces cannot be deleted while one of them does not answer"


@step(
    "CL-16",
    title="Do the aggregated APIs answer?",
    upstream="https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/",
)
def aggregated_apis(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Is every API that the API server passes on to another server available?"""
    if target.node:
        yield NotChecked("One node was asked for; aggregated APIs are about the whole cluster.")
        return
    listed = cluster.look(APIService)
    if not listed and not listed.complete:
        yield NotChecked(f"The list of APIs was not read: {listed.why}.")
        return
    remote = [one for one in listed if not one.is_local]
    if not remote:
        yield Note(text="Every API is served by the API server itself: none is aggregated.")
        return
    yield _table(remote, cluster)
    for one in unavailable(remote):
        yield _down(one, cluster)


def unavailable(apis: list[APIService]) -> list[APIService]:
    """Those whose condition Available is there and not True."""
    return [one for one in apis if one.condition("Available") and not one.is_condition_true("Available")]


def _down(one: APIService, cluster: Cluster) -> Finding:
    condition = one.condition("Available")
    since = condition.last_transition_time if condition else None
    young = since is not None and (cluster.now - since).total_seconds() < STARTING
    service = one.spec.service
    return finding(
        "AggregatedApiDown",
        one,
        severity="info" if young else None,
        evidence=cite_condition(one, "Available", "status", "reason", "message"),
        since=since,
        api=f"{one.spec.group}/{one.spec.version}" if one.spec.group else one.spec.version,
        service=service.name if service else "",
        service_namespace=service.namespace if service else "",
        reason=condition.reason if condition else "",
        message=condition.message if condition else "",
        young=young,
        metrics=one.spec.group in _METRICS,
    )


def _table(remote: list[APIService], cluster: Cluster) -> Table:
    bad = unavailable(remote)
    shown = [*bad, *(one for one in remote if one not in bad)]
    return Table(
        caption=f"APIs served by another server; {_DISCOVERY_NEEDED}",
        columns=[Column(name=name) for name in ("API", "SERVICE", "AVAILABLE", "SINCE", "REASON")],
        rows=[_row(one, cluster) for one in shown[:_ROWS]],
        omitted=max(0, len(shown) - _ROWS),
    )


def _row(one: APIService, cluster: Cluster) -> list[str]:
    condition, service = one.condition("Available"), one.spec.service
    since = condition.last_transition_time if condition else None
    return [
        one.name,
        f"{service.namespace}/{service.name}" if service else "",
        condition.status if condition else "not said",
        f"{human_duration((cluster.now - since).total_seconds())} ago" if since else "",
        condition.reason if condition else "",
    ]
