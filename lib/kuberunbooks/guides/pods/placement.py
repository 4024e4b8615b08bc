"""DP-05: may it run on any node, with its volumes and beside its neighbours?

Everything that keeps a pod off nodes other than room and ports: names, selectors,
taints and cordons in `node_rules`; claims and volumes in `claims`; affinity to other
pods and topology spread in `neighbours`. What nodes carry is computed again, because
a message is as old as the last attempt and hides all but the first reason per node.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Node

from ..rules.conditions import cite_absent_condition
from ..rules.scheduler_message import UNCLASSIFIED
from ..step import Yielded, step
from .claims import volumes
from .fleet import Fleet, View
from .neighbours import Company, neighbours
from .node_rules import node_rules
from .provisioning import volumes_being_made
from .storage import Storage
from .target import Pods
from .unscheduled import Ration, Refusal, explain, node_count_facts, refusals

_TABLES = 3
_ROWS = 12


@step("DP-05", title="May it run on any node, with its volumes?")
def placement(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Do selectors, taints, volumes and neighbours let it onto any node?"""
    yield from _named_node_missing(target, cluster)
    if not target.unscheduled:
        return
    nodes = cluster.nodes()
    fleet, storage, company = Fleet(nodes), Storage(target, cluster), Company(target, cluster)
    yield from volumes_being_made(target, storage)
    tables = Ration(_TABLES)
    for refusal in refusals(target, cluster):
        if tables.take():
            yield from _table(refusal, fleet.view(refusal.example), nodes)
        yield from node_rules(refusal, fleet, target)
        yield from volumes(refusal, nodes, target, storage)
        yield from neighbours(refusal, nodes, target, company)
        yield from _verbatim(refusal, nodes, target)


def _named_node_missing(target: Pods, cluster: Cluster) -> Iterator[Finding]:
    """spec.nodeName was set by hand to a node that does not exist: such a pod never meets the scheduler."""
    for pod in target.pending:
        name = pod.spec.node_name
        if not name or pod.condition("PodScheduled") is not None or pod.status.start_time is not None:
            continue
        if not target.single:
            cluster.nodes()
        glance = cluster.node(name)
        if glance.object is None and glance.known:
            yield finding(
                "NodeNameMismatch",
                pod,
                evidence=[
                    pod.cite("spec.nodeName"),
                    cite_absent_condition(pod, "PodScheduled"),
                ],
                since=pod.metadata.creation_timestamp,
                group=(name,),
                node=name,
                preset=True,
                message="",
            )


def _verbatim(refusal: Refusal, nodes: Listing[Node], target: Pods) -> Iterator[Finding]:
    """What no rule knows is quoted, and what only quotes itself is said here too."""
    for code in (UNCLASSIFIED, "ResourceClaimUnavailable"):
        for reason in refusal.message.of(code):
            facts = {
                "reason": reason.text,
                "count_then": reason.nodes,
                **node_count_facts(refusal.message, nodes),
            }
            yield from explain(refusal, code, facts, [], target=target, group=(reason.text,))


def _table(refusal: Refusal, view: View, nodes: Listing[Node]) -> Iterator[Table]:
    """The nodes as this pod meets them, today; nothing when they are all open to it."""
    selected = {node.name for node in view.selected}
    tainted = {node.name: taints for node, taints in view.tainted}
    asked = bool(view.asked or view.pinned)
    if not (asked or tainted or view.cordoned):
        return
    rows = [
        [
            node.name,
            node.status_text,
            ", ".join(taint.text for taint in tainted.get(node.name, [])) or "none",
            ("yes" if node.name in selected else "no") if asked else "nothing asked",
        ]
        for node in view.candidates[:_ROWS]
    ]
    yield Table(
        caption=f"Nodes as pod {refusal.example.name} meets them now",
        columns=[
            Column(name="NODE"),
            Column(name="STATUS"),
            Column(name="TAINTS NOT TOLERATED"),
            Column(name="SELECTOR MATCHES"),
        ],
        rows=rows,
        omitted=max(0, len(view.candidates) - _ROWS),
    )
