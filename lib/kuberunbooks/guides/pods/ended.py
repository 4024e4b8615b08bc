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
from kuberunbooks.objects import CronJob, Job, Pod

from ..rules.exit_codes import STOPPED_CODES
from ..rules.patterns import RX_EVICT
from .target import Pods

# Admission checks of the kubelet (pkg/kubelet/lifecycle and the managers' admit handlers).
_REJECTED = re.compile(
    r"^(?:OutOf\w|NodeAffinity|NodeName|NodePorts|UnexpectedAdmissionError|TopologyAffinityError"
    r"|AppArmor|SysctlForbidden|PodOS)"
)
_ROLES = ("app", "init", "sidecar")
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
        group = (reason, pod.spec.node_name)
        yield _ended("PodAdmissionRejected", pod, target, severity=_eased(pod, target), group=group)
    elif reason == "DeadlineExceeded":
        seconds = pod.spec.active_deadline_seconds
        yield _ended("PodDeadlineExceeded", pod, target, group=(seconds,), deadline=seconds)
    elif reason in _SHUTDOWN_REASONS and _SHUTDOWN.search(message):
        yield _ended("PodNodeShutdown", pod, target, group=(pod.spec.node_name,))
    elif pod.metadata.deletion_timestamp is None and not _explained_by_container(pod):
        yield _ended("PodFailed", pod, target, severity=_eased(pod, target), group=(reason,))


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
    if is_old and pod.controller is not None:
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
    ends = [view.status.ended_at() for view in pod.containers(*_ROLES)]
    newest = max((end for end in ends if end is not None), default=None)
    ready = pod.condition("Ready")
    return newest or (ready.last_transition_time if ready else None) or pod.status.start_time


def _explained_by_container(pod: Pod) -> bool:
    """A container says why: it failed by itself or for memory. That it was told to stop explains nothing."""
    ends = (view.status.state.terminated for view in pod.containers(*_ROLES))
    return any(
        end is not None and (end.exit_code not in STOPPED_CODES or end.reason == "OOMKilled") for end in ends
    )


def _eased(pod: Pod, target: Pods) -> Severity | None:
    """Less than critical while its controller has made up for the pod, or still tries."""
    maker = target.controller_of(pod)
    if isinstance(maker, Job):
        ends = {one.type for one in maker.status.conditions if one.is_true}
        return "info" if "Complete" in ends else None if ends & {"Failed", "FailureTarget"} else "warning"
    if maker is None or isinstance(maker, CronJob):
        return None
    return "warning" if 0 < maker.desired <= maker.ready else None
