"""SS-02: is a pod Unknown, or Terminating for long?

The question of the upstream guide. Such a pod keeps its name, and with it its place:
the controller makes no other until it is gone. What holds a deletion is found by the
pods guide's step on deletions; here stands which pods are meant, and since when.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod

from ..pods.target import Pods
from ..pods.terminating import asked_at, every_container_ended
from ..rules.conditions import cite_condition
from ..rules.thresholds import DELETION_SLACK, UNKNOWN_EXTENDED
from ..step import Yielded, step
from .borrowed import deletions
from .lost_nodes import LostNode, lost_nodes
from .members import told_of


@step(
    "SS-02",
    title="Is a pod Unknown, or Terminating for long?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-statefulset/",
)
def stuck(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is a pod in a state that it cannot leave by itself, and holds its name?"""
    lost = {pod.key: one for one in lost_nodes(target, cluster) for pod in one.pods}
    for pod in target.pods:
        if is_terminating_long(pod, cluster.now):
            yield told_of(_terminating(pod, cluster.now), target)
        elif is_unknown(pod, lost.get(pod.key)):
            yield told_of(_unknown(pod, lost.get(pod.key)), target)
    for function in deletions.parts:
        for item in function(target, cluster):
            if not (isinstance(item, Finding) and _is_said(item, target, cluster.now)):
                yield item


def is_terminating_long(pod: Pod, now: datetime) -> bool:
    """Overdue by the guide's "extended period", or by a minute with nothing left but finalizers."""
    due = pod.metadata.deletion_timestamp
    if due is None:
        return False
    if now > due + timedelta(seconds=UNKNOWN_EXTENDED):
        return True
    ended = pod.is_terminal or every_container_ended(pod)
    return now > due + DELETION_SLACK and bool(pod.metadata.finalizers) and ended


def is_unknown(pod: Pod, lost: LostNode | None) -> bool:
    """What older servers call Unknown by name, and today's form of it: bound to a node silent for long."""
    named = pod.status.reason == "NodeLost" or pod.phase == "Unknown"
    return not pod.is_terminal and (named or lost is not None)


def _terminating(pod: Pod, now: datetime) -> Finding:
    due = pod.metadata.deletion_timestamp or now
    return finding(
        "StatefulSetPodTerminatingStuck",
        pod,
        evidence=[pod.cite("metadata.deletionTimestamp"), pod.cite("metadata.finalizers")],
        since=asked_at(pod, due),
        overdue=(now - due).total_seconds(),
        finalizers=pod.metadata.finalizers,
        node=pod.spec.node_name,
        printed=pod.status_text,
    )


def _unknown(pod: Pod, lost: LostNode | None) -> Finding:
    return finding(
        "StatefulSetPodUnknown",
        pod,
        evidence=[
            pod.cite("spec.nodeName"),
            pod.cite("status.phase"),
            *cite_condition(pod, "Ready", "status", "lastTransitionTime"),
        ],
        since=lost.trouble.since if lost is not None else None,
        node=pod.spec.node_name,
        deleting=pod.metadata.deletion_timestamp is not None,
        silent=lost is not None,
        printed=pod.status_text,
    )


def _is_said(one: Finding, target: Pods, now: datetime) -> bool:
    """That a deletion is overdue, of a pod of which this step has just said so."""
    if one.code != "PodTerminatingStuck":
        return False
    long = {(pod.namespace, pod.name) for pod in target.suspects if is_terminating_long(pod, now)}
    return (one.subject.namespace, one.subject.name) in long
