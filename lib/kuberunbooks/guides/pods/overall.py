"""DP-01: is every container running, has anything restarted lately?

The step that every run begins with: the pods as kubectl prints them, those that
have ended and why, those whose node is lost, those that restarted. Why a
container fails is the business of the later steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from kuberunbooks.cluster import Cluster, Glance
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import ContainerView, Pod, Terminated

from ..rules.conditions import cite_condition
from ..rules.node_health import NodeTrouble, node_finding, nodes_by_name, trouble_of
from ..rules.thresholds import HIGH_RESTART_COUNT, PENDING_GRACE, REPORT_LAG, RESTART_HISTORY
from ..step import Yielded, step
from .ended import ended_findings
from .missing import missing_findings
from .pod_table import pod_tables
from .target import Pods

_MOST_OWNERS = 20
_MOST_LOST_NODES = 5

Troubles = dict[str, NodeTrouble]


@step("DP-01", title="What state are the pods in?")
def overall(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Are all containers running, and has anything restarted lately?"""
    if not target.pods:
        yield from missing_findings(target)
        return
    yield from pod_tables(target, cluster.now)
    names = {pod.spec.node_name for pod in target.pods if not pod.is_terminal}
    nodes = nodes_by_name(names, cluster, single=target.single)
    troubles = {name: found for name, node in nodes.items() if (found := trouble_of(name, node)) is not None}
    yield from _lost_nodes(target, troubles, cluster.now)
    yield from _no_node_left(target, troubles, cluster)
    cited: set[tuple[Any, ...]] = set()
    for pod in target.suspects:
        yield from ended_findings(pod, target, cluster)
        if pod.spec.node_name not in troubles:
            yield from _not_ready(pod, cluster.now)
        yield from _recent_restarts(pod, target, cluster, cited)
    yield from _high_restart_counts(target, cluster)
    yield from _good_news(target, troubles, all(node.known for node in nodes.values()))


def _lost_nodes(target: Pods, troubles: Troubles, now: datetime) -> Iterator[Finding]:
    """The nodes that are lost, and the pods whose containers' states are therefore only the last report."""
    if not troubles:
        return
    stranded: dict[str, list[Pod]] = {}
    for pod in target.pods:
        trouble = troubles.get(pod.spec.node_name)
        if trouble is not None and not pod.is_terminal and not _never_accepted(pod, trouble):
            stranded.setdefault(trouble.name, []).append(pod)
    for name, pods in stranded.items():
        trouble = troubles[name]
        owners = [f"{pod.namespace}/{text}" for pod in pods if (text := target.owner_name(pod))]
        yield node_finding(trouble, pods, of=len(target.pods), owners=owners, now=now)
        for pod in pods:
            yield finding(
                "PodNodeNotReady",
                pod,
                evidence=[pod.cite("spec.nodeName"), *cite_condition(pod, "Ready", "status", "reason")],
                since=trouble.since,
                group=(name,),
                node=name,
                gone=trouble.node is None,
                silent=trouble.code != "NodeNotReady",
                started=bool(pod.status.container_statuses),
                printed=f"{pod.ready_text} {pod.status_text}",
            )


def _no_node_left(target: Pods, troubles: Troubles, cluster: Cluster) -> Iterator[Finding]:
    """Pods wait for a node while every node is lost: then those are the cause, not the taints they carry."""
    waiting = [
        pod
        for pod in target.unscheduled
        if pod.age(cluster.now) >= PENDING_GRACE and not pod.spec.scheduling_gates
    ]
    nodes = cluster.nodes() if waiting else None
    if not nodes or not nodes.complete or any(node.is_ready for node in nodes):
        return
    lost = [trouble_of(node.name, Glance(node, True)) for node in nodes if node.name not in troubles]
    newest_first = sorted(filter(None, lost), key=lambda one: one.since or cluster.now, reverse=True)
    owners = [f"{pod.namespace}/{text}" for pod in waiting if (text := target.owner_name(pod))]
    for trouble in newest_first[:_MOST_LOST_NODES]:
        yield node_finding(
            trouble, waiting, of=len(target.pods), owners=owners, now=cluster.now, waiting=True
        )


def _never_accepted(pod: Pod, trouble: NodeTrouble) -> bool:
    """A pod whose spec names a node that never was: a wrong nodeName, which the placement step explains."""
    return (
        trouble.node is None and not pod.status.container_statuses and pod.condition("PodScheduled") is None
    )


def _not_ready(pod: Pod, now: datetime) -> Iterator[Finding]:
    """Running without being ready, when no container's state nor a probe nor a gate says why."""
    if pod.phase in ("Pending", "Succeeded", "Failed") or pod.is_ready or pod.metadata.deletion_timestamp:
        return
    ready = pod.condition("Ready")
    if any(_explains_unready(view) for view in pod.containers("app", "sidecar")) or _unmet_gates(pod):
        return
    if pod.age(now) < REPORT_LAG:
        return
    yield finding(
        "PodNotReady",
        pod,
        evidence=cite_condition(pod, "Ready", "status", "reason", "message"),
        since=ready.last_transition_time if ready else None,
        group=(ready.reason if ready else "",),
        phase=pod.phase,
        reason=ready.reason if ready else "",
        message=ready.message if ready else "",
    )


def _explains_unready(view: ContainerView) -> bool:
    """A container about which a later step has a verdict of its own, or that has done its work."""
    if view.status.state.running is None:
        return True
    probes = view.spec is not None and (view.spec.readiness_probe or view.spec.startup_probe)
    return not view.status.ready and bool(probes)


def _unmet_gates(pod: Pod) -> bool:
    return not all(pod.is_condition_true(gate.condition_type) for gate in pod.spec.readiness_gates)


def _recent_restarts(
    pod: Pod, target: Pods, cluster: Cluster, cited: set[tuple[Any, ...]]
) -> Iterator[Finding]:
    """Restarts within `since`; of pods that become one finding only the first, the example, is cited."""
    for view in pod.containers("app", "sidecar", "init"):
        ended = view.status.last_state.terminated
        if not view.status.restart_count or ended is None or ended.finished_at is None:
            continue
        ago = (cluster.now - ended.finished_at).total_seconds()
        if ago > target.since:
            continue
        owner = target.owner_name(pod) or pod.name
        alike = (pod.namespace, owner, view.name, ended.exit_code, ended.reason)
        state = view.status.state.terminated
        succeeded = view.role == "init" and state is not None and state.exit_code == 0
        yield finding(
            "RecentRestarts",
            pod,
            container=view.name,
            severity="info" if succeeded else None,
            evidence=()
            if alike in cited
            else [
                pod.cite(f"{view.path}.restartCount"),
                pod.cite(f"{view.path}.lastState.terminated.finishedAt"),
                pod.cite(f"{view.path}.lastState.terminated.exitCode"),
            ],
            since=ended.finished_at,
            group=(ended.exit_code, ended.reason),
            ago=ago,
            window=target.since,
            **_end_facts(view, ended),
        )
        cited.add(alike)


def _high_restart_counts(target: Pods, cluster: Cluster) -> Iterator[Finding]:
    for pod in target.pods:
        status = pod.status
        if all(one.restart_count < HIGH_RESTART_COUNT for one in status.container_statuses) and all(
            one.restart_count < HIGH_RESTART_COUNT for one in status.init_container_statuses
        ):
            continue
        for view in pod.containers("app", "sidecar", "init"):
            if view.status.restart_count < HIGH_RESTART_COUNT:
                continue
            ended = view.status.last_state.terminated
            at = ended.finished_at if ended else None
            over = pod.is_ready and (at is None or cluster.now - at > RESTART_HISTORY)
            yield finding(
                "HighRestartCount",
                pod,
                container=view.name,
                severity="info" if over else None,
                evidence=pod.cite(f"{view.path}.restartCount"),
                since=at,
                ago=(cluster.now - at).total_seconds() if at else None,
                **_end_facts(view, ended),
            )


def _end_facts(view: ContainerView, ended: Terminated | None) -> dict[str, Any]:
    return {
        "restarts": view.status.restart_count,
        "running": view.status.state.running is not None,
        "exit_code": ended.exit_code if ended else None,
        "reason": ended.reason if ended else "",
    }


def _good_news(target: Pods, troubles: Troubles, nodes_known: bool) -> Iterator[Finding]:
    """One line per workload whose pods are fine, or one for all when there are too many workloads."""
    good: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in target.fine:
        if pod.spec.node_name in troubles and not pod.is_terminal:
            continue
        owner = target.owner_name(pod) or pod.name
        code = "PodCompleted" if pod.phase == "Succeeded" else "PodHealthy"
        good.setdefault((code, pod.namespace, owner), []).append(pod)
    if len(good) > _MOST_OWNERS:
        for code in ("PodHealthy", "PodCompleted"):
            pods = [pod for (one, _, _), group in good.items() if one == code for pod in group]
            if pods:
                yield _good(code, pods, nodes_known, target, lumped=True)
        return
    for (code, _, _), pods in good.items():
        yield _good(code, pods, nodes_known, target, lumped=False)


def _good(code: str, pods: list[Pod], nodes_known: bool, target: Pods, *, lumped: bool) -> Finding:
    example = pods[0]
    cited = (
        [example.cite("status.phase")]
        if code == "PodCompleted"
        else [example.cite("status.phase"), *cite_condition(example, "Ready", "status")]
    )
    one = finding(
        code,
        target.subject if lumped else example,
        evidence=cited,
        pods=len(pods),
        nodes_known=nodes_known,
        lumped=lumped,
    )
    one.count = 1 if lumped else len(pods)
    return one
