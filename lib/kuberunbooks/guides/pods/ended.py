"""Pods of phase Failed, by what status.reason says: evicted, refused by the kubelet, out of time, shut down.

Part of the first step. A container that failed by itself is the business of the
crash step; here is only what ended the pod as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import Job, Pod

from ..rules.patterns import RX_EVICT
from .target import Pods

# Admission checks of the kubelet (pkg/kubelet/lifecycle and the managers' admit handlers).
_REJECTED = re.compile(
    r"^(?:OutOf\w|NodeAffinity|NodeName|NodePorts|UnexpectedAdmissionError|TopologyAffinityError"
    r"|AppArmor|SysctlForbidden|PodOS)"
)
_SHUTDOWN_REASONS = ("Terminated", "Shutdown", "NodeShutdown")
_SHUTDOWN = re.compile(r"(?i)shut ?down")


def ended_findings(pod: Pod, target: Pods, cluster: Cluster) -> Iterator[Finding]:
    """Why a pod as a whole is Failed; nothing for any other phase."""
    if pod.phase != "Failed":
        return
    reason, message = pod.status.reason, pod.status.message
    if reason == "Evicted":
        yield _evicted(pod, target, cluster)
    elif _REJECTED.match(reason):
        yield _ended("PodAdmissionRejected", pod, target, group=(reason, pod.spec.node_name))
    elif reason == "DeadlineExceeded":
        seconds = pod.spec.active_deadline_seconds
        yield _ended("PodDeadlineExceeded", pod, target, group=(seconds,), deadline=seconds)
    elif reason in _SHUTDOWN_REASONS and _SHUTDOWN.search(message):
        yield _ended("PodNodeShutdown", pod, target, group=(pod.spec.node_name,))
    elif pod.metadata.deletion_timestamp is None and not _explained_by_container(pod):
        severity: Severity | None = "info" if _job_is_done(pod, target) else None
        yield _ended("PodFailed", pod, target, severity=severity, group=(reason,))


def _evicted(pod: Pod, target: Pods, cluster: Cluster) -> Finding:
    match = RX_EVICT.search(pod.status.message)
    found = {name: value for name, value in match.groupdict().items() if value} if match else {}
    limit = found.get("podlimit") or found.get("climit") or found.get("vlimit") or ""
    events = [event for event in cluster.events(pod) if event.reason == "Evicted"]
    at = (events[-1].last_seen if events else None) or _ended_at(pod)
    severity: Severity | None = "critical" if pod.controller is None else None
    return _ended(
        "PodEvicted",
        pod,
        target,
        severity=severity,
        at=at,
        group=(limit, found.get("res", ""), found.get("vol", "")),
        limit=limit,
        over_container=found.get("c", ""),
        over_volume=found.get("vol", ""),
        resource=found.get("res", ""),
        replaced=pod.controller is not None,
    )


def _ended(
    code: str,
    pod: Pod,
    target: Pods,
    *,
    severity: Severity | None = None,
    at: datetime | None = None,
    group: tuple[Any, ...] = (),
    **facts: Any,
) -> Finding:
    """Cites status.reason and status.message; only history once a controller has long replaced the pod."""
    at = at or _ended_at(pod)
    is_old = at is not None and target.now is not None and (target.now - at).total_seconds() > target.since
    if severity is None and is_old and pod.controller is not None:
        severity = "info"
    cited = [pod.cite("status.phase")]
    cited += [pod.cite(f"status.{field}") for field in ("reason", "message") if getattr(pod.status, field)]
    return finding(
        code,
        pod,
        severity=severity,
        evidence=cited,
        since=at,
        group=group,
        reason=pod.status.reason,
        message=pod.status.message.strip(),
        node=pod.spec.node_name,
        bare=pod.controller is None,
        **facts,
    )


def _ended_at(pod: Pod) -> datetime | None:
    """When it failed: its last container's end, else the turn of its Ready condition, else its start."""
    ends = [view.status.ended_at() for view in pod.containers()]
    newest = max((end for end in ends if end is not None), default=None)
    ready = pod.condition("Ready")
    return newest or (ready.last_transition_time if ready else None) or pod.status.start_time


def _explained_by_container(pod: Pod) -> bool:
    return any(
        view.status.state.terminated is not None and view.status.state.terminated.exit_code != 0
        for view in pod.containers()
    )


def _job_is_done(pod: Pod, target: Pods) -> bool:
    """A Job that completed needs nothing from the attempts that failed before."""
    job = target.controller_of(pod)
    if not isinstance(job, Job):
        return False
    complete = job.condition("Complete")
    return complete is not None and complete.is_true
