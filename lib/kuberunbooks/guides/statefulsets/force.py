"""SS-03: may a stuck pod be deleted by force, and in which order?

Upstream: Force Delete StatefulSet Pods. A forced deletion frees the name at once, whether
the old process runs or not; then the controller makes a second pod of the same identity on the
same volume. So it is offered only where the node is known to be dead, and last: after the
ways by which the control plane itself removes the pods and detaches their volumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Pod, human_duration

from ..pods.target import Pods
from ..pods.terminating import every_container_ended
from ..step import Yielded, step
from .lost_nodes import LostNode, lost_nodes, node_facts, nodes_off
from .members import Members, members_of, set_of, told_of
from .stuck import is_terminating_long

_ROWS = 50


@step(
    "SS-03",
    title="May a stuck pod be deleted by force?",
    upstream="https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/",
)
def force(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is the node of a stuck pod known to be dead, and what is the safe order of action?"""
    lost = lost_nodes(target, cluster)
    stranded = {pod.key for one in lost for pod in one.pods}
    alive = [
        pod
        for pod in target.suspects
        if is_terminating_long(pod, cluster.now) and pod.key not in stranded and not _has_ended(pod)
    ]
    if lost or alive:
        yield _table(lost, alive, target, cluster)
    for one in lost:
        for pod in one.pods:
            yield told_of(_verdict(one, pod, target, cluster), target)
            if one.proof != "gone":
                yield told_of(_unsafe(pod, {**node_facts(one, cluster), "alive": False}, one), target)
    for pod in alive:
        facts = {"node": pod.spec.node_name, "proof": "", "renewing": False, "alive": True}
        yield told_of(_unsafe(pod, facts, None), target)
    for members in members_of(target):
        yield from _zero_grace(members)
    yield from _not_believed(target, lost)


def _has_ended(pod: Pod) -> bool:
    """Nothing of it runs: only a finalizer or a webhook holds the record, and there is nothing to fear."""
    return pod.is_terminal or every_container_ended(pod)


def _verdict(one: LostNode, pod: Pod, target: Pods, cluster: Cluster) -> Finding:
    root = set_of(pod, target)
    return finding(
        "StatefulSetNodeDead" if one.proof else "StatefulSetNodePartitioned",
        pod,
        evidence=[*one.evidence(), pod.cite("spec.nodeName"), pod.cite("metadata.deletionTimestamp")],
        likely=one.proof == "told",
        since=one.trouble.since,
        group=(one.name, one.proof),
        deleting=pod.metadata.deletion_timestamp is not None,
        siblings=[other.name for other in one.pods if set_of(other, target) is root],
        set_name=root.name if root else "",
        selector=root.selector.text() if root else "",
        **node_facts(one, cluster),
    )


def _unsafe(pod: Pod, facts: dict[str, Any], one: LostNode | None) -> Finding:
    return finding(
        "StatefulSetForceDeleteUnsafe",
        pod,
        evidence=[pod.cite("spec.nodeName"), *(one.evidence() if one else [pod.cite("status.phase")])],
        group=(facts["node"], facts["proof"]),
        claims=[
            volume.persistent_volume_claim.claim_name
            for volume in pod.spec.volumes
            if volume.persistent_volume_claim is not None
        ],
        finalizers=pod.metadata.finalizers,
        **facts,
    )


def _zero_grace(one: Members) -> Iterator[Finding]:
    """A grace period of zero is a forced deletion in every deletion, by whoever it is asked for."""
    if one.root.template.spec.termination_grace_period_seconds == 0:
        yield finding(
            "StatefulSetZeroGracePeriod",
            one.root,
            evidence=one.root.cite("spec.template.spec.terminationGracePeriodSeconds"),
        )


def _not_believed(target: Pods, lost: list[LostNode]) -> Iterator[Note]:
    """What the operator says of a node against what the node says of itself."""
    bound = {pod.spec.node_name for pod in target.pods}
    by_name = {one.name: one for one in lost}
    for name in nodes_off(target):
        one = by_name.get(name)
        if one is not None and one.is_renewing and not one.proof:
            yield Note(
                text=f"nodes_off names {name}, but its kubelet renewed its lease {one.lease_age:.0f} s ago: "
                "the machine runs. It is not treated as off."
            )
        elif one is None and name in bound:
            yield Note(text=f"nodes_off names {name}, but that node still reports: it is not treated as off.")
        elif one is None:
            yield Note(text=f"nodes_off names {name}, to which none of these pods is bound.")


def _table(lost: list[LostNode], alive: list[Pod], target: Pods, cluster: Cluster) -> Table:
    stuck = [*((pod, one) for one in lost for pod in one.pods), *((pod, None) for pod in alive)]
    rows = [[_label(pod, target), *_row(pod, one, cluster)] for pod, one in stuck]
    names = ("POD", "STATUS", "NODE", "NODE SAYS", "SILENT FOR", "LEASE RENEWED", "KNOWN TO BE OFF")
    return Table(
        caption="Stuck pods and what is known of their nodes",
        columns=[Column(name=name, numeric=name in ("SILENT FOR", "LEASE RENEWED")) for name in names],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )


_PROOFS = {
    "gone": "yes: no such node any more",
    "taint": "yes: taint out-of-service",
    "told": "yes: nodes_off",
    "": "no",
}


def _label(pod: Pod, target: Pods) -> str:
    return pod.name if target.namespace else f"{pod.namespace}/{pod.name}"


def _row(pod: Pod, one: LostNode | None, cluster: Cluster) -> list[str]:
    if one is None:
        return [pod.status_text, pod.spec.node_name or "none", "it reports", "", "", "no"]
    node, since = one.trouble.node, one.trouble.since
    return [
        pod.status_text,
        one.name,
        node.status_text if node is not None else "gone",
        human_duration((cluster.now - since).total_seconds()) if since is not None else "",
        f"{human_duration(one.lease_age)} ago" if one.lease_age is not None else "not known",
        _PROOFS[one.proof],
    ]
