"""RP-02: everything `kubectl describe pod` gives: identity, containers, settings, environment, volumes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Pod, Toleration, human_duration, labels_text

from ..pods.target import Pods
from ..rules.error_lines import bounded
from ..step import Yielded, step
from .container_tables import container_tables
from .described import described, left_out, member, whole, words
from .volumes import volume_table

_ANNOTATION = 200
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@step("RP-02", title="What is this pod?")
def description(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What was asked for, where does it run, and what did it get?"""
    yield from left_out(target)
    for pod in described(target):
        raw = whole(pod, cluster)
        yield _about(pod, target, cluster.now)
        yield _identity(pod, target, raw, cluster.now)
        yield from container_tables(pod, cluster.now)
        yield from volume_table(pod, raw)


def _about(pod: Pod, target: Pods, now: datetime) -> Finding:
    containers = len(pod.spec.containers) + sum(one.is_sidecar for one in pod.spec.init_containers)
    return finding(
        "PodDescribed",
        pod,
        evidence=[pod.cite("status.phase"), pod.cite("spec.nodeName")],
        printed=f"{pod.ready_text} {pod.status_text}",
        node=pod.spec.node_name,
        age=pod.age(now),
        containers=containers,
        made_by=target.owner_name(pod),
        qos=pod.status.qos_class,
    )


def _identity(pod: Pod, target: Pods, raw: dict[str, Any], now: datetime) -> Table:
    """What kubectl describe prints above and below the containers, but for events; empty fields left out."""
    rows = [*_placed(pod, raw), *_made(pod, target, now), *_asked(pod), *_labelled(pod)]
    return Table(
        caption=f"Pod {pod.name}",
        columns=[Column(name="FIELD"), Column(name="VALUE")],
        rows=[[name, value] for name, value in rows if value],
    )


def _placed(pod: Pod, raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    spec, status = pod.spec, pod.status
    addresses = [member(one, "ip") for one in member(raw, "status", "podIPs") or []]
    yield "Namespace", pod.namespace
    yield "Status", f"{pod.status_text} (phase {pod.phase or 'unknown'}), ready {pod.ready_text}"
    yield "Reason", words([status.reason, status.message]) if status.reason or status.message else ""
    yield "Node", f"{spec.node_name} ({status.host_ip or 'no address'})" if spec.node_name else "none yet"
    yield "Nominated node", status.nominated_node_name
    yield "Pod addresses", words(addresses or [status.pod_ip])
    yield "Host network", "yes: it shares the node's addresses and ports" if spec.host_network else ""
    yield "DNS policy", spec.dns_policy


def _made(pod: Pod, target: Pods, now: datetime) -> Iterator[tuple[str, str]]:
    meta = pod.metadata
    yield "Created", _moment(meta.creation_timestamp, now)
    yield "Started", _moment(pod.status.start_time, now)
    yield "To be gone by", _moment(meta.deletion_timestamp, now)
    yield "Finalizers", words(meta.finalizers) if meta.finalizers else ""
    yield "Made by", _owners(pod, target)


def _asked(pod: Pod) -> Iterator[tuple[str, str]]:
    spec = pod.spec
    grace = spec.termination_grace_period_seconds
    yield "QoS class", pod.status.qos_class
    yield "Priority", " ".join(filter(None, (spec.priority_class_name, _text(spec.priority))))
    yield "Service account", spec.service_account_name
    yield "Restart policy", spec.restart_policy
    yield "Grace period", f"{grace} s" if grace is not None else ""
    yield "Active deadline", f"{spec.active_deadline_seconds} s" if spec.active_deadline_seconds else ""
    yield "Runtime class", spec.runtime_class_name
    yield "Scheduler", spec.scheduler_name if spec.scheduler_name != "default-scheduler" else ""
    yield (
        "Scheduling gates",
        words(one.name for one in spec.scheduling_gates) if spec.scheduling_gates else "",
    )
    yield "Readiness gates", ", ".join(one.condition_type for one in spec.readiness_gates)
    yield "Node selector", labels_text(spec.node_selector)
    yield "Tolerations", "; ".join(toleration_text(one) for one in spec.tolerations)
    yield "Pull secrets", ", ".join(one.name for one in spec.image_pull_secrets)


def _labelled(pod: Pod) -> Iterator[tuple[str, str]]:
    yield "Labels", labels_text(pod.metadata.labels).replace(",", ", ")
    for name, value in sorted(pod.metadata.annotations.items()):
        if name != _APPLIED:
            yield f"Annotation {name}", bounded(value, _ANNOTATION)


def toleration_text(one: Toleration) -> str:
    """`node.kubernetes.io/not-ready:NoExecute for 300 s`, `dedicated=batch:NoSchedule`, `everything`."""
    if not one.key and one.operator == "Exists":
        text = f"everything:{one.effect}" if one.effect else "everything"
    else:
        value = f"={one.value}" if one.operator != "Exists" and one.value else ""
        text = f"{one.key}{value}" + (f":{one.effect}" if one.effect else "")
    return text + (f" for {one.toleration_seconds} s" if one.toleration_seconds is not None else "")


def _owners(pod: Pod, target: Pods) -> str:
    """The chain above it, nearest first."""
    owner = pod.controller
    if owner is None:
        return "nobody: a bare pod, which nothing replaces"
    chain = [owner.kind_name]
    above = target.controller_of(pod)
    while above is not None and above.controller is not None:
        chain.append(above.controller.kind_name)
        key = above.controller_key
        above = target.controllers.get(key) if key else None
    if chain[-1] != target.owner_name(pod) and target.owner_name(pod):
        chain.append(target.owner_name(pod))
    return ", made by ".join(chain)


def _moment(at: datetime | None, now: datetime) -> str:
    if at is None:
        return ""
    seconds = (now - at).total_seconds()
    relative = f"{human_duration(seconds)} ago" if seconds >= 0 else f"in {human_duration(-seconds)}"
    return f"{at:%Y-%m-%d %H:%M:%S} UTC ({relative})"


def _text(value: int | None) -> str:
    return "" if value is None else str(value)
