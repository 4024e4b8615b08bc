"""CL-04: pressure and the other conditions, as far as the nodes still report them.

Those a silent kubelet owns are Unknown: their last value is lost. What node problem
detector and other agents report is in the table here; the node-problems runbook judges it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Severity, Table
from kuberunbooks.objects import Node, human_duration

from ..rules.conditions import cite_condition
from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.node_conditions import meaning_of, reported_by_others, troubles
from ..rules.thresholds import NODE_STARTING
from ..step import NotChecked, Yielded, step
from .nodes import MOST_ROWS
from .resolve import Nodes
from .states import State, states

_PRESSURES = {
    "MemoryPressure": "NodeMemoryPressure",
    "DiskPressure": "NodeDiskPressure",
    "PIDPressure": "NodePidPressure",
    "NetworkUnavailable": "NodeNetworkUnavailable",
}


@step("CL-04", title="What trouble do the nodes report of themselves?")
def conditions(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Does a node run out of memory, disk or process ids, lack a network, or report anything else?"""
    everything = states(target, cluster)
    if not everything:
        yield NotChecked("No node could be looked at.")
        return
    if target.node:
        yield _of_one(everything[0].node, cluster)
    else:
        yield from _of_many(everything)
    for type_, code in _PRESSURES.items():
        pressed = [one.node for one in everything if one.node.is_condition_true(type_)]
        for severity, alike in _by_severity(type_, pressed, cluster):
            yield _pressure(code, type_, alike, severity, cluster)
    sound = [one.node for one in everything if not one.code and not troubles(one.node)]
    if sound:
        cited = cite_condition(sound[0], "Ready", "status")
        yield about_nodes("NodeHealthy", sound, evidence=cited, of=len(everything))


def _by_severity(
    type_: str, pressed: Sequence[Node], cluster: Cluster
) -> Iterator[tuple[Severity | None, list[Node]]]:
    """A new node has no network until its routes are set up: that is no fault yet."""
    new = [
        node for node in pressed if type_ == "NetworkUnavailable" and node.age(cluster.now) < NODE_STARTING
    ]
    if new:
        yield "info", new
    if others := [node for node in pressed if node not in new]:
        yield None, others


def _pressure(
    code: str, type_: str, pressed: Sequence[Node], severity: Severity | None, cluster: Cluster
) -> Finding:
    def began(node: Node) -> float:
        condition = node.condition(type_)
        since = condition.last_transition_time if condition is not None else None
        return since.timestamp() if since is not None else cluster.now.timestamp()

    sorted_ = sorted(pressed, key=began)
    first = sorted_[0].condition(type_)
    since = first.last_transition_time if first is not None else None
    cited = [
        one
        for node in sorted_[:CITED_NODES]
        for one in cite_condition(node, type_, "status", "reason", "message", "lastTransitionTime")
    ]
    return about_nodes(
        code,
        sorted_,
        severity=severity,
        evidence=cited,
        since=since,
        message=(first.message or first.reason) if first is not None else "",
        lasts=(cluster.now - since).total_seconds() if since is not None else None,
        new=severity == "info",
    )


def _of_one(node: Node, cluster: Cluster) -> Table:
    """As `kubectl describe node` shows them."""
    rows = []
    for one in node.status.conditions:
        since, heard = one.last_transition_time, one.last_heartbeat_time
        rows.append(
            [
                one.type,
                one.status,
                one.reason,
                one.message,
                human_duration((cluster.now - since).total_seconds()) if since is not None else "not known",
                f"{human_duration((cluster.now - heard).total_seconds())} ago" if heard else "not known",
            ]
        )
    columns = ("TYPE", "STATUS", "REASON", "MESSAGE", "FOR", "REPORTED")
    return Table(
        caption=f"Conditions of node {node.name}",
        columns=[Column(name=name, numeric=name == "FOR") for name in columns],
        rows=rows,
    )


def _of_many(everything: Sequence[State]) -> Iterator[Table | Note]:
    """Only what is not as it should be, by condition; the rest would be thousands of rows."""
    counted: Counter[tuple[str, str]] = Counter()
    example: dict[tuple[str, str], tuple[str, str]] = {}
    for one in everything:
        lost = [item for item in one.node.status.conditions if item.status == "Unknown"]
        unclear = [
            item
            for item in reported_by_others(one.node)
            if item.is_true and meaning_of(item.type).polarity in ("unknown", "notice")
        ]
        for condition in (*lost, *troubles(one.node), *unclear):
            key = (condition.type, condition.status)
            counted[key] += 1
            example.setdefault(key, (one.name, condition.message or condition.reason))
    if not counted:
        yield Note(text="No node reports anything but what is good.")
        return
    yield Table(
        caption="Conditions that are not as they are on a healthy node",
        columns=[
            Column(name="CONDITION"),
            Column(name="STATUS"),
            Column(name="NODES", numeric=True),
            Column(name="FOR EXAMPLE"),
            Column(name="WHICH SAYS"),
        ],
        rows=[
            [type_, status, f"{number:,}", *example[(type_, status)]]
            for (type_, status), number in counted.most_common(MOST_ROWS)
        ],
        omitted=max(0, len(counted) - MOST_ROWS),
    )
