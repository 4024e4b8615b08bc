"""What kubelets and controllers wrote down about the nodes: one list for all, one question for one node.

Called by the steps about reboots and evictions, and for the timeline.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Mark
from kuberunbooks.objects import Event

from .resolve import EVENTS, Nodes
from .states import states

# Written at every start of a kubelet and for every node, saying nothing by themselves.
_ROUTINE = frozenset(
    (
        "NodeHasSufficientMemory",
        "NodeHasNoDiskPressure",
        "NodeHasSufficientPID",
        "NodeAllocatableEnforced",
        "RegisteredNode",
        "NodePasswordValidationComplete",
        "Synced",
    )
)
_MOST_LANES = 20
_MOST_MARKS = 200


def node_events(target: Nodes, cluster: Cluster) -> dict[str, list[Event]]:
    """The events about the nodes in question by node, oldest first; none where they could not be read."""
    if not target.node:
        try:
            cluster.read_events(EVENTS)
        except ClusterError as error:
            cluster.note_failure(error, "list events", EVENTS)
            return {}
    names = [target.node] if target.node else [one.name for one in states(target, cluster)]
    found = {name: cluster.events_about("Node", "", name) for name in names}
    return {name: events for name, events in found.items() if events}


def timeline(target: Nodes, cluster: Cluster) -> list[Mark]:
    """The events about nodes, those in trouble first; routine of a kubelet's start left out."""
    if target.unreachable or not target.nodes(cluster).complete:
        return []
    told = node_events(target, cluster)
    marks = [
        mark
        for one in states(target, cluster)
        for mark in _marks(one.name, told.get(one.name, []), target, cluster)
    ]
    lanes = list(dict.fromkeys(mark.lane for mark in marks))[:_MOST_LANES]
    return sorted((mark for mark in marks if mark.lane in lanes), key=lambda one: one.at)[-_MOST_MARKS:]


def _marks(name: str, events: list[Event], target: Nodes, cluster: Cluster) -> Iterator[Mark]:
    for event in events:
        seen = event.last_seen
        if event.reason in _ROUTINE or seen is None or (cluster.now - seen).total_seconds() > target.since:
            continue
        yield Mark(
            lane=name,
            at=seen,
            kind="event",
            text=f"{event.reason}: {event.text}"[:200],
            severity="warning" if event.type == "Warning" else "info",
            count=event.occurrences,
        )
