"""CL-06: taints in plain words, cordons, and taints that should have gone by now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table
from kuberunbooks.objects import Evidence, Node, Taint, human_duration

from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.node_fit import CORDON_TAINT
from ..rules.node_taints import OUT_OF_SERVICE, distinct, is_known, meaning_of, tainted_since, taints_of
from ..rules.thresholds import CORDON_LONG, NODE_PROVISIONING
from ..step import NotChecked, Yielded, step
from .nodes import MOST_ROWS
from .resolve import Nodes
from .states import State, states


@step("CL-06", title="What keeps pods off the nodes?")
def taints(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Which taints and cordons are there, what do they mean, and is one left over?"""
    everything = states(target, cluster)
    if not everything:
        yield NotChecked("No node could be looked at.")
        return
    nodes = [one.node for one in everything]
    if found := distinct(nodes):
        yield _table(found, cluster)
    yield from _cordoned(nodes, target, cluster)
    yield from _out_of_service(nodes)
    yield from _never_started(everything, cluster)
    yield from _tainted(nodes)


def _table(found: dict[tuple[str, str, str], list[Node]], cluster: Cluster) -> Table:
    rows = []
    for (key, value, effect), tainted in sorted(found.items(), key=lambda item: (-len(item[1]), item[0])):
        since = [
            at
            for node in tainted
            for one in node.spec.taints
            if one.key == key and (at := tainted_since(one))
        ]
        oldest = human_duration((cluster.now - min(since)).total_seconds()) if since else ""
        rows.append(
            [
                Taint(key=key, value=value, effect=effect).text,
                meaning_of(Taint(key=key)).text,
                f"{len(tainted):,}",
                ", ".join(node.name for node in tainted[:3]) + (", …" if len(tainted) > 3 else ""),
                oldest,
            ]
        )
    columns = ("TAINT", "WHICH MEANS OF THE NODE", "NODES", "WHICH", "FOR")
    return Table(
        caption="Taints and what they mean",
        columns=[Column(name=name, numeric=name in ("NODES", "FOR")) for name in columns],
        rows=rows[:MOST_ROWS],
        omitted=max(0, len(rows) - MOST_ROWS),
    )


def _cordoned(nodes: Sequence[Node], target: Nodes, cluster: Cluster) -> Iterator[Finding]:
    """Where every node is cordoned no new pod finds a place; else it is what somebody wanted."""
    cordoned = [node for node in nodes if node.spec.unschedulable]
    if not cordoned:
        return
    since = [
        taint.time_added
        for node in cordoned
        for taint in node.spec.taints
        if taint.key == CORDON_TAINT and taint.time_added
    ]
    lasts = (cluster.now - min(since)).total_seconds() if since else None
    every = len(cordoned) == len(nodes) and not target.node
    yield about_nodes(
        "NodeCordoned",
        cordoned,
        severity="warning" if every else None,
        evidence=[node.cite("spec.unschedulable") for node in cordoned[:CITED_NODES]],
        since=min(since, default=None),
        group=(every,),
        every=every,
        lasts=lasts,
        long=lasts is not None and lasts > CORDON_LONG,
    )


def _out_of_service(nodes: Sequence[Node]) -> Iterator[Finding]:
    """The taint says that a node is off for good, and there it is."""
    back = [node for node in nodes if node.is_ready and _index(node, OUT_OF_SERVICE) is not None]
    if back:
        cited = [node.cite(f"spec.taints[{_index(node, OUT_OF_SERVICE)}].key") for node in back[:CITED_NODES]]
        yield about_nodes("NodeOutOfServiceTaint", back, evidence=cited, taint=OUT_OF_SERVICE)


def _never_started(everything: Sequence[State], cluster: Cluster) -> Iterator[Finding]:
    """Ready nodes still closed by a taint that some agent takes off within minutes of a node's start."""
    stuck: dict[str, list[Node]] = {}
    for one in everything:
        if not one.code and one.node.age(cluster.now) > NODE_PROVISIONING:
            for taint in taints_of(one.node, "starting"):
                if taint.effect != "PreferNoSchedule":
                    stuck.setdefault(taint.key, []).append(one.node)
    for key, nodes in stuck.items():
        cited: list[Evidence] = [
            node.cite(f"spec.taints[{_index(node, key)}].key") for node in nodes[:CITED_NODES]
        ]
        yield about_nodes(
            "NodeStartupTaintLeft",
            nodes,
            evidence=cited,
            group=(key,),
            taint=key,
            means=meaning_of(Taint(key=key)).text,
        )


def _tainted(nodes: Sequence[Node]) -> Iterator[Finding]:
    """Those somebody put there on purpose; what a lost, full or cordoned node carries is told as that."""
    told = {node.name: taints_of(node, "own", "role", "leaving", "starting") for node in nodes}
    tainted = [node for node in nodes if told[node.name]]
    if not tainted:
        return
    said: dict[str, None] = {}
    for node in tainted:
        for taint in told[node.name]:
            said[f"{taint.key} ({meaning_of(taint).text})" if is_known(taint) else taint.text] = None
    yield about_nodes(
        "NodeTainted",
        tainted,
        evidence=[node.cite("spec.taints") for node in tainted[:CITED_NODES]],
        of=len(nodes),
        means=list(said)[:MOST_ROWS],
    )


def _index(node: Node, key: str) -> int | None:
    return next((index for index, taint in enumerate(node.spec.taints) if taint.key == key), None)
