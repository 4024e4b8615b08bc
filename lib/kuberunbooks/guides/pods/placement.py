"""DP-05: may it run on any node, with its volumes and beside its neighbours?

Everything that keeps a pod off nodes other than room and ports: names, selectors,
taints and cordons here; claims and volumes in `claims`; affinity to other pods and
topology spread in `neighbours`. What nodes carry is computed again, because a
message is as old as the last attempt and hides all but the first reason per node.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Severity, Table, finding
from kuberunbooks.objects import Node, Pod

from ..rules.node_fit import (
    is_lost,
    near_misses,
    pinned_nodes,
    requirement_text,
    requirements,
)
from ..rules.scheduler_message import UNCLASSIFIED
from ..step import Yielded, step
from .claims import volumes
from .fleet import Fleet, View
from .neighbours import neighbours
from .target import Pods
from .unscheduled import Refusal, explain, node_count_facts, refusals, severity_of

_TABLES = 3
_ROWS = 12
_CITED = 3


@step("DP-05", title="May it run on any node, with its volumes?")
def placement(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Do selectors, taints, volumes and neighbours let it onto any node?"""
    yield from _named_node_missing(target, cluster)
    if not target.unscheduled:
        return
    nodes = cluster.nodes()
    fleet = Fleet(nodes)
    for index, refusal in enumerate(refusals(target, cluster)):
        view = fleet.view(refusal.example)
        if index < _TABLES:
            yield from _table(refusal, view, nodes)
        yield from _selector(refusal, view, nodes, target)
        yield from _taints(refusal, view, nodes, target)
        yield from _cordons(refusal, view, nodes, target)
        yield from _node_name(refusal, nodes, target)
        yield from volumes(refusal, nodes, target, cluster)
        yield from neighbours(refusal, nodes, target, cluster)
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
                    pod.cite("status.conditions[type=PodScheduled]", "absent"),
                ],
                since=pod.metadata.creation_timestamp,
                group=(name,),
                node=name,
                preset=True,
                message="",
            )


def _selector(refusal: Refusal, view: View, nodes: Listing[Node], target: Pods) -> Iterator[Finding]:
    said, pod = refusal.message.of("NodeSelectorMismatch"), refusal.example
    none_fits = nodes.complete and bool(nodes) and not view.selected
    asked = requirements(pod.spec)
    pinned = pinned_nodes(pod.spec)
    if not said and not (none_fits and (asked or pinned is not None)):
        return
    unmet = view.unmet if none_fits else []
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, nodes),
        "wanted": [requirement_text(one) for one in asked],
        "unmet": [requirement_text(one) for one in unmet],
        "near": [text for one in unmet for text in near_misses(one, nodes)],
        "none_fits": none_fits,
        "matching": [node.name for node in view.selected],
        "pinned": sorted(pinned or ()),
        "count_then": refusal.message.nodes_for("NodeSelectorMismatch"),
        "label_key": unmet[0].key if unmet and unmet[0].operator == "In" else "",
        "label_value": unmet[0].values[0] if unmet and unmet[0].operator == "In" and unmet[0].values else "",
        "node": nodes[0].name if len(nodes) == 1 else "",
    }
    evidence = [pod.cite(path) for path in _selector_paths(pod)]
    evidence += [node.cite("metadata.labels") for node in nodes[:_CITED]] if none_fits else []
    severity: Severity = "critical" if none_fits else severity_of("NodeSelectorMismatch", refusal.message)
    if view.selected and len(refusal.message.codes) > 1:
        # Some nodes do match, so the selector is meant; what keeps the pod off those is the cause.
        severity = "warning"
    yield from explain(
        refusal,
        "NodeSelectorMismatch",
        facts,
        evidence,
        target=target,
        severity=severity,
        group=tuple(facts["wanted"]),
    )


def _selector_paths(pod: Pod) -> list[str]:
    found = ["spec.nodeSelector"] if pod.spec.node_selector else []
    if pod.spec.affinity is not None and pod.spec.affinity.node_affinity is not None:
        found.append("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution")
    return found


def _taints(refusal: Refusal, view: View, nodes: Listing[Node], target: Pods) -> Iterator[Finding]:
    said = refusal.message.of("UntoleratedTaint")
    if not said or (nodes.complete and not view.tainted):
        # No node has such a taint any more: the message is older than that.
        return
    lost = [node for node, _ in view.tainted if is_lost(node)]
    keys = dict.fromkeys(taint.key for _, taints in view.tainted for taint in taints)
    named = dict.fromkeys(reason.detail["key"] for reason in said if "key" in reason.detail)
    first = next(((node, taints) for node, taints in view.tainted if node not in lost), None)
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, nodes),
        "count_then": refusal.message.nodes_for("UntoleratedTaint"),
        "all": refusal.message.covers_all("UntoleratedTaint"),
        "keys": list(keys) or list(named),
        "taints": [f"{node.name}: {', '.join(one.text for one in taints)}" for node, taints in view.tainted],
        "tainted": len(view.tainted),
        "lost": [node.name for node in lost],
        "all_lost": bool(view.tainted) and len(lost) == len(view.tainted),
        "first_node": first[0].name if first else "",
        "first_taint": first[1][0].text if first else "",
    }
    # Lost nodes first: theirs is the taint nobody put there on purpose.
    cited = sorted(view.tainted, key=lambda pair: not is_lost(pair[0]))[:_CITED]
    evidence = [node.cite("spec.taints") for node, _ in cited]
    group = (tuple(facts["keys"]), facts["all"])
    yield from explain(refusal, "UntoleratedTaint", facts, evidence, target=target, group=group)


def _cordons(refusal: Refusal, view: View, nodes: Listing[Node], target: Pods) -> Iterator[Finding]:
    said = refusal.message.of("NodesCordoned")
    if (nodes.complete and not view.cordoned) or not (said or view.cordoned_all):
        return
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, nodes),
        "count_then": refusal.message.nodes_for("NodesCordoned"),
        "cordoned": [node.name for node in view.cordoned],
        "first_node": view.cordoned[0].name if view.cordoned else "",
        "all": refusal.message.covers_all("NodesCordoned") or view.cordoned_all,
    }
    evidence = [node.cite("spec.unschedulable") for node in view.cordoned[:_CITED]]
    severity: Severity | None = "critical" if facts["all"] else None
    yield from explain(refusal, "NodesCordoned", facts, evidence, target=target, severity=severity)


def _node_name(refusal: Refusal, nodes: Listing[Node], target: Pods) -> Iterator[Finding]:
    if refusal.message.of("NodeNameMismatch"):
        pod = refusal.example
        facts = {"node": pod.spec.node_name, "preset": False, **node_count_facts(refusal.message, nodes)}
        yield from explain(refusal, "NodeNameMismatch", facts, [pod.cite("spec.nodeName")], target=target)


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
    asked = bool(requirements(refusal.example.spec) or pinned_nodes(refusal.example.spec))
    if not (asked or tainted or view.cordoned):
        return
    rows = [
        [
            node.name,
            node.status_text,
            ", ".join(taint.text for taint in tainted.get(node.name, [])) or "none",
            ("yes" if node.name in selected else "no") if asked else "nothing asked",
        ]
        for node in nodes[:_ROWS]
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
        omitted=max(0, len(nodes) - _ROWS),
    )
