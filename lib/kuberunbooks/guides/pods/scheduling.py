"""DP-02: has the scheduler placed it, and if not, what does it say?

Says that a pod is refused and quotes the scheduler; the steps after it say why,
reason by reason. Preemption, gates and a scheduler that is silent are told here.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Pod

from ..rules.conditions import cite_absent_condition
from ..rules.scheduler_message import Reason
from ..rules.thresholds import GATE_LONG, PENDING_GRACE
from ..step import Yielded, step
from .preemption import preempted
from .provisioning import awaits_volume
from .target import Pods
from .unscheduled import (
    Refusal,
    explain,
    is_gated,
    newest_event,
    node_count_facts,
    refusals,
)

_DEFAULT_SCHEDULER = "default-scheduler"
_TABLES = 3


@step("DP-02", title="Has the scheduler placed it?")
def scheduling(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Has the scheduler found a node for every pod, and if not, what does it say?"""
    if not target.unscheduled:
        yield from preempted(target, cluster, [])
        return
    refused = refusals(target, cluster)
    spoken = {id(pod) for refusal in refused for pod in refusal.pods}
    for pod in target.unscheduled:
        if is_gated(pod):
            yield _gated(pod, pod.age(cluster.now))
        elif id(pod) not in spoken:
            yield from _unspoken(pod, cluster)
    yield from preempted(target, cluster, refused)
    for index, refusal in enumerate(refused):
        if index < _TABLES:
            yield _histogram(refusal)
        yield from _unschedulable(refusal, target, cluster)


def _gated(pod: Pod, age: float) -> Finding:
    gates = [gate.name for gate in pod.spec.scheduling_gates]
    return finding(
        "SchedulingGatesPresent",
        pod,
        severity="warning" if age > GATE_LONG else "info",
        evidence=pod.cite("spec.schedulingGates") if gates else pod.cite("status.conditions"),
        since=pod.metadata.creation_timestamp,
        group=tuple(gates),
        gates=gates,
        age=age,
    )


def _unspoken(pod: Pod, cluster: Cluster) -> Iterator[Finding]:
    """Nothing was said of this pod: it is new, or no scheduler looks at it."""
    age, name = pod.age(cluster.now), pod.spec.scheduler_name or _DEFAULT_SCHEDULER
    condition = pod.condition("PodScheduled")
    if age < PENDING_GRACE:
        yield finding(
            "PodPendingRecent",
            pod,
            evidence=pod.cite("metadata.creationTimestamp"),
            since=pod.metadata.creation_timestamp,
            age=age,
            reason=condition.message if condition else "",
        )
    elif condition is None and not awaits_volume(pod, cluster):
        yield finding(
            "SchedulerNotResponding",
            pod,
            evidence=[
                pod.cite("spec.schedulerName", name),
                cite_absent_condition(pod, "PodScheduled"),
                pod.cite("spec.nodeName"),
            ],
            since=pod.metadata.creation_timestamp,
            group=(name,),
            age=age,
            scheduler=name,
            default=name == _DEFAULT_SCHEDULER,
        )


def _unschedulable(refusal: Refusal, target: Pods, cluster: Cluster) -> Iterator[Finding]:
    nodes = cluster.nodes()
    pod, evidence = refusal.example, []
    growing = newest_event(cluster, pod, "NotTriggerScaleUp", "TriggeredScaleUp")
    if growing is not None:
        evidence.append(growing.cite("message"))
    if pod.status.nominated_node_name:
        evidence.append(pod.cite("status.nominatedNodeName"))
    facts = {
        **node_count_facts(refusal.message, nodes),
        "autoscaler": growing.text if growing else "",
        "scaling_up": growing is not None and growing.reason == "TriggeredScaleUp",
        "preemption": _preemption_text(refusal),
    }
    if refusal.message.no_nodes or (nodes.complete and not nodes):
        yield from explain(refusal, "NoNodesAvailable", facts, [], target=target)
    yield from explain(
        refusal,
        "PodUnschedulable",
        facts,
        evidence,
        target=target,
        group=(refusal.message.codes,),
    )


def _preemption_text(refusal: Refusal) -> str:
    preemption = refusal.message.preemption
    return preemption.note or ", ".join(one.counted for one in preemption.reasons)


def _histogram(refusal: Refusal) -> Table:
    """The scheduler's own words, one reason a row."""
    message = refusal.message
    rows = [["refused", _nodes(one), one.text] for one in message.reasons]
    rows += [["preemption", _nodes(one), one.text] for one in message.preemption.reasons]
    if message.preemption.note:
        rows.append(["preemption", "", message.preemption.note])
    if message.no_nodes:
        rows.append(["refused", "0", message.text])
    of = f" (0 of {message.nodes} node{'s' if message.nodes != 1 else ''})" if message.nodes else ""
    when = f" at {refusal.said_at:%Y-%m-%d %H:%M:%S} UTC" if refusal.said_at else ""
    others = f" and {len(refusal.pods) - 1} more" if len(refusal.pods) > 1 else ""
    return Table(
        caption=f"What the scheduler said of pod {refusal.example.name}{others}{when}{of}",
        columns=[Column(name="ABOUT"), Column(name="NODES", numeric=True), Column(name="REASON")],
        rows=rows,
    )


def _nodes(reason: Reason) -> str:
    return "all" if reason.nodes is None else str(reason.nodes)
