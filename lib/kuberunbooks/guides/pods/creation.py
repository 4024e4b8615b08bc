"""Containers that are in creation for long although no event says why, and pods no kubelet has taken up.

Called by the waiting step when nothing else was found about a pod.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod

from ..rules.conditions import cite_condition
from ..rules.thresholds import CREATING_GRACE
from .containers import ContainerCase, PodCase, container_facts, last_seen_node_lost
from .init_containers import unfinished

IN_CREATION = frozenset({"", "ContainerCreating", "PodInitializing"})
"""state.waiting.reason of a container for which something else is still being done."""


def slow_creation(whole: PodCase, cluster: Cluster) -> Iterator[Finding]:
    """ContainerCreatingSlow, of the first unfinished init container or else of the app containers."""
    pod = whole.pod
    if pod.is_terminal or last_seen_node_lost(pod):
        return
    if pod.status.start_time is None:
        yield from _not_taken_up(pod, cluster)
        return
    first = unfinished(whole)
    began = _free_to_start(pod)
    seconds = (cluster.now - began).total_seconds()
    if seconds < CREATING_GRACE:
        return
    for case in [first] if first is not None else whole.containers("app"):
        waiting = case.view.status.state.waiting
        if waiting is None or waiting.reason not in IN_CREATION or case.view.status.restart_count:
            continue
        if not _node_is_lost(pod, cluster):
            yield _slow(case, began, seconds)


def _slow(case: ContainerCase, began: datetime, seconds: float) -> Finding:
    pulling, pulled = case.newest("Pulling"), case.newest("Pulled")
    is_pulling = pulling is not None and (
        pulled is None or (pulled.last_seen or began) < (pulling.last_seen or began)
    )
    evidence = [case.cite("state.waiting.reason"), case.pod.cite("status.startTime")]
    return finding(
        "ContainerCreatingSlow",
        case.pod,
        container=case.name,
        evidence=[*evidence, pulling.cite("message")] if is_pulling and pulling else evidence,
        since=began,
        group=(is_pulling,),
        seconds=seconds,
        pulling=is_pulling,
        accepted=True,
        node=case.pod.spec.node_name,
        **container_facts(case),
    )


def _free_to_start(pod: Pod) -> datetime:
    """Since when nothing of the pod's own stands before the container: its start, or the last init's end."""
    times = [pod.status.start_time]
    initialized = pod.condition("Initialized")
    if initialized is not None and initialized.is_true:
        times.append(initialized.last_transition_time)
    times += [one.ended_at() for one in pod.status.init_container_statuses]
    return max(time for time in times if time is not None)


def _not_taken_up(pod: Pod, cluster: Cluster) -> Iterator[Finding]:
    """The pod has a node whose kubelet, by what can be seen, lives, and has not so much as noted the pod."""
    scheduled = pod.condition("PodScheduled")
    if pod.phase != "Pending" or scheduled is None or scheduled.last_transition_time is None:
        return
    seconds = (cluster.now - scheduled.last_transition_time).total_seconds()
    if seconds < CREATING_GRACE or not pod.spec.containers or _node_is_lost(pod, cluster):
        return
    first = pod.spec.containers[0]
    yield finding(
        "ContainerCreatingSlow",
        pod,
        container=first.name,
        evidence=[
            *cite_condition(pod, "PodScheduled", "status"),
            pod.cite("status.startTime", "absent"),
        ],
        since=scheduled.last_transition_time,
        group=("not taken up", pod.spec.node_name),
        seconds=seconds,
        pulling=False,
        accepted=False,
        node=pod.spec.node_name,
        image=first.image,
        role="app",
    )


def _node_is_lost(pod: Pod, cluster: Cluster) -> bool:
    node = cluster.node(pod.spec.node_name)
    return node.known and (node.object is None or not node.object.is_ready)
