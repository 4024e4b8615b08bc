"""CL-09: what becomes of the pods of lost nodes, and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table
from kuberunbooks.objects import Evidence, human_duration

from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.taint_eviction import Eviction, evictions, lost_taints
from ..step import NotChecked, Yielded, step
from .resolve import Nodes
from .states import State, pods_by_node, states

_MOST_ROWS = 30
_RESTARTS = (
    "The times count from the taint. After all nodes were lost at once the node controller takes that taint "
    "off and puts it on again later, so it may be younger than the loss."
)


class _Lost(NamedTuple):
    """A node whose pods are moved off, with what becomes of each."""

    state: State
    evictions: list[Eviction]

    def of(self, *fates: str) -> list[Eviction]:
        return [one for one in self.evictions if one.fate in fates]


@step("CL-09", title="When are the pods of lost nodes replaced?")
def eviction(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Which pods are deleted because their node is lost, when, and which stay there for ever?"""
    everything = states(target, cluster)
    if not everything:
        yield NotChecked("No node could be looked at.")
        return
    tainted = [one for one in everything if lost_taints(one.node)]
    if not tainted:
        return
    read = target.pods_on(cluster)
    if not read.complete and not read:
        yield NotChecked(f"The pods of all namespaces could not be read: {read.why}.")
        return
    by_node = pods_by_node(target, cluster)
    lost = [_Lost(one, evictions(one.node, by_node.get(one.name, []), cluster.now)) for one in tainted]
    yield _table(lost, cluster)
    yield Note(text=_RESTARTS)
    if not read.complete:
        yield Note(text=f"Not all pods were read ({read.why}): there may be more of each.")
    excused = [one for one in lost if one.state.excuse]
    for alike in ([one for one in lost if not one.state.excuse], excused):
        yield from _evicting(alike, cluster, excused=alike is excused)
    yield from _forever(lost)


def _table(lost: Sequence[_Lost], cluster: Cluster) -> Table:
    columns = ["NODE", "TAINTED", "PODS", "BEING DELETED", "TO BE DELETED", "NEXT AT", "STAY"]
    rows = []
    for one in lost[:_MOST_ROWS]:
        since = [taint.time_added for taint in lost_taints(one.state.node) if taint.time_added is not None]
        due = [item.at for item in one.of("due") if item.at is not None]
        rows.append(
            [
                one.state.name,
                f"{human_duration((cluster.now - min(since)).total_seconds())} ago" if since else "not known",
                str(len(one.evictions)),
                str(len(one.of("deleting"))),
                str(len(one.of("due", "overdue"))),
                f"{min(due):%H:%M:%S} UTC" if due else "",
                str(len(one.of("stays"))),
            ]
        )
    return Table(
        caption="What becomes of the pods on lost nodes",
        columns=[Column(name=name, numeric=name not in ("NODE", "NEXT AT")) for name in columns],
        rows=rows,
        omitted=max(0, len(lost) - _MOST_ROWS),
    )


def _evicting(lost: Sequence[_Lost], cluster: Cluster, *, excused: bool) -> Iterator[Finding]:
    """What the loss of a node does to its pods: the node's own finding is the cause."""
    moving = [one for one in lost if one.of("deleting", "due", "overdue")]
    if not moving:
        return
    deleting = [item for one in moving for item in one.of("deleting")]
    coming = [item for one in moving for item in one.of("due", "overdue")]
    due = min((item.at for item in coming if item.at is not None), default=None)
    since = [
        taint.time_added
        for one in moving
        for taint in lost_taints(one.state.node)
        if taint.time_added is not None
    ]
    yield about_nodes(
        "NodeEvictingPods",
        [one.state.node for one in moving],
        severity=None if deleting and not excused else "info",
        evidence=[cited for one in moving[:CITED_NODES] for cited in _evidence(one)],
        since=min(since, default=None),
        group=(bool(deleting), excused),
        because=[f"node/{one.state.name}" for one in moving],
        deleting=len(deleting),
        coming=len(coming),
        due=f"{due:%H:%M:%S} UTC" if due is not None else "",
        due_in=(due - cluster.now).total_seconds() if due is not None else None,
        stateful=sum(_is_stateful(item) for item in deleting),
        tainted=(cluster.now - min(since)).total_seconds() if since else None,
    )


def _is_stateful(item: Eviction) -> bool:
    owner = item.pod.controller
    return owner is not None and owner.kind == "StatefulSet"


def _evidence(one: _Lost) -> list[Evidence]:
    node = one.state.node
    taint = lost_taints(node)[0]
    index = node.spec.taints.index(taint)
    cited = [node.cite(f"spec.taints[{index}].key"), node.cite(f"spec.taints[{index}].timeAdded")]
    example = next(iter(one.of("deleting", "due", "overdue")), None)
    if example is not None and example.fate == "deleting":
        cited.append(example.pod.cite("metadata.deletionTimestamp"))
    elif example is not None:
        cited.append(example.pod.cite("spec.tolerations"))
    return cited


def _forever(lost: Sequence[_Lost]) -> Iterator[Finding]:
    staying = [one for one in lost if one.of("stays")]
    if not staying:
        return
    pods = [item.pod for one in staying for item in one.of("stays")]
    made_by = Counter(pod.controller.kind if pod.controller is not None else "" for pod in pods)
    others = [
        pod for pod in pods if pod.controller is None or pod.controller.kind not in ("DaemonSet", "Node")
    ]
    yield about_nodes(
        "PodsToleratingForever",
        [one.state.node for one in staying],
        evidence=[pod.cite("spec.tolerations") for pod in (*others, *pods)[:CITED_NODES]],
        pods=len(pods),
        daemons=made_by["DaemonSet"] + made_by["Node"],
        others=[f"{pod.namespace}/{pod.name}" for pod in others][:10],
        other=len(others),
    )
