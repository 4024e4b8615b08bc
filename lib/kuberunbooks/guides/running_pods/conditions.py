"""RP-06: the conditions of a pod: which are set, since when, and those nobody looks at elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Severity, Table, finding
from kuberunbooks.objects import Pod, human_duration

from ..pods.target import Pods
from ..rules.conditions import cite_condition
from ..rules.settling import is_leaving
from ..step import Yielded, step
from .described import described

_RESIZE = "PodResizePending"
_DISRUPTED = "DisruptionTarget"
# A person or a controller asked for it (drain, eviction API): the ordinary way to move pods.
_BY_REQUEST = frozenset({"EvictionByEvictionAPI"})


@step("RP-06", title="Which conditions hold?")
def conditions(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which conditions are true, since when, and is the pod about to be moved or resized?"""
    for pod in described(target):
        if pod.status.conditions:
            yield _table(pod, cluster.now)
    for pod in target.pods:
        for condition in pod.status.conditions:
            if condition.type == _RESIZE and condition.is_true:
                yield _resize(pod)
            elif condition.type == _DISRUPTED and condition.is_true:
                yield _disrupted(pod, cluster.now)


def _resize(pod: Pod) -> Finding:
    condition = pod.condition(_RESIZE)
    reason = condition.reason if condition else ""
    return finding(
        "PodResizeBlocked",
        pod,
        evidence=cite_condition(pod, _RESIZE, "status", "reason", "message"),
        since=condition.last_transition_time if condition else None,
        group=(reason,),
        reason=reason,
        message=condition.message if condition else "",
        infeasible=reason == "Infeasible",
        node=pod.spec.node_name,
    )


def _disrupted(pod: Pod, now: datetime) -> Finding:
    condition = pod.condition(_DISRUPTED)
    reason = condition.reason if condition else ""
    quiet = reason in _BY_REQUEST or is_leaving(pod, now) or pod.phase == "Succeeded"
    severity: Severity | None = "info" if quiet else None
    return finding(
        "PodDisruptionTarget",
        pod,
        severity=severity,
        evidence=cite_condition(pod, _DISRUPTED, "status", "reason", "message"),
        since=condition.last_transition_time if condition else None,
        group=(reason,),
        reason=reason,
        message=condition.message if condition else "",
        replaced=pod.controller is not None,
    )


def _table(pod: Pod, now: datetime) -> Table:
    names = ["CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"]
    rows = []
    for one in pod.status.conditions:
        at = one.last_transition_time
        since = f"{at:%H:%M:%S} UTC ({human_duration((now - at).total_seconds())} ago)" if at else ""
        rows.append([one.type, one.status, one.reason, since, one.message])
    return Table(
        caption=f"Conditions of {pod.name}", columns=[Column(name=name) for name in names], rows=rows
    )
