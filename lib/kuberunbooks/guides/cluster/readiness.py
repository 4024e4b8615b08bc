"""CL-02: why each node that is not Ready is not, since when, and when it was last heard of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Mark, Table
from kuberunbooks.objects import Evidence, human_duration

from ..rules.conditions import cite_condition
from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.node_conditions import troubles
from ..rules.node_taints import leaving
from ..step import NotChecked, Yielded, step
from .nodes import zone_of
from .partitions import cut_off
from .resolve import Nodes
from .states import State, pods_by_node, states, troubled

_MOST_ROWS = 30
_MOST_LANES = 20
_MOST_PROBLEMS = 3


@step("CL-02", title="Is every node ready?")
def readiness(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Which nodes are not ready, why, since when, and when did their kubelets last give a sign of life?"""
    everything = states(target, cluster)
    if not everything:
        yield NotChecked("No node could be looked at.")
        return
    away = troubled(target, cluster)
    if away:
        yield _table(away, target, cluster)
    for alike in _alike(away):
        yield _found(alike, target, cluster)
    ready = [one for one in everything if not one.code]
    if ready:
        cited = cite_condition(ready[0].node, "Ready", "status")
        yield about_nodes("NodeReady", [one.node for one in ready], evidence=cited, of=len(everything))
    yield from _marks(away[:_MOST_LANES])


def _alike(away: Sequence[State]) -> Iterator[list[State]]:
    """Those with the same trouble are told as one; silent ones that never reported, or are back, apart."""

    def kind(one: State) -> tuple[str, str, bool, bool]:
        return (one.code, one.excuse, _never(one), one.is_back)

    for _, alike in groupby(sorted(away, key=kind), key=kind):
        yield list(alike)


def _never(one: State) -> bool:
    return one.is_silent and (one.trouble is None or one.trouble.reason in ("", "NodeStatusNeverUpdated"))


def _found(alike: Sequence[State], target: Nodes, cluster: Cluster) -> Finding:
    """The one with the most pods is the example."""
    by_node = pods_by_node(target, cluster)
    alike = sorted(alike, key=lambda one: (-len(by_node.get(one.name, ())), -(one.away or 0.0), one.name))
    first = alike[0]
    away = [one.away for one in alike if one.away is not None]
    since = [one.trouble.since for one in alike if one.trouble and one.trouble.since]
    bound = [pod for one in alike for pod in by_node.get(one.name, ())]
    contacts = [one.contact for one in alike if one.contact is not None]
    messages = list(
        dict.fromkeys(one.trouble.message for one in alike if one.trouble and one.trouble.message)
    )
    facts: dict[str, Any] = {
        "reason": first.trouble.reason if first.trouble else "",
        "message": messages[0] if messages else "",
        "messages": len(messages),
        "silent": max(away, default=None),
        "silent_least": min(away, default=None),
        "never": _never(first),
        "back": first.is_back,
        # Of several the one that was heard of last: none of them can be younger.
        "contact": min(contacts, default=None),
        "leases": len(contacts),
        "leases_read": target.leases(cluster).complete,
        "problems": _problems(alike),
        "bound": len(bound),
        "deleting": sum(pod.metadata.deletion_timestamp is not None for pod in bound),
        "counted": target.pods_on(cluster).complete,
        "crowd": len(alike) > CITED_NODES,
        "zone": _zone(alike, target, cluster),
        "excuse": first.excuse,
        "leaving": leaving(first.node) or "it is shutting down",
    }
    if first.is_silent and not first.excuse:
        facts |= cut_off([one.name for one in alike], target, cluster)
    code = "NodeNotReadyExpected" if first.excuse else first.code
    return about_nodes(
        code,
        [one.node for one in alike],
        severity="warning" if first.is_back and not first.excuse else None,
        evidence=[cited for one in alike[:CITED_NODES] for cited in _evidence(one)],
        since=min(since, default=None),
        group=(first.code, first.excuse, _never(first), first.is_back),
        **facts,
    )


def _evidence(one: State) -> list[Evidence]:
    cited = cite_condition(one.node, "Ready", "status", "reason", "message", "lastTransitionTime")
    for problem in troubles(one.node):
        cited += cite_condition(one.node, problem.type, "status", "message")
    if one.lease is not None:
        cited.append(one.lease.cite("spec.renewTime"))
    return cited


def _problems(alike: Sequence[State]) -> list[str]:
    """What else they report, or last reported: `KernelDeadlock=True on worker-2 (task blocked)`."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in alike:
        for condition in troubles(one.node):
            said = (condition.message or condition.reason).rstrip(".")
            found.setdefault(f"{condition.type}={condition.status}", []).append((one.name, said))
    texts = []
    for what, told in list(found.items())[:_MOST_PROBLEMS]:
        (name, said), others = told[0], len(told) - 1
        more = f" and {others} more" if others else ""
        texts.append(f"{what} on {name}{more}" + (f" ({said})" if said else ""))
    return texts


def _zone(alike: Sequence[State], target: Nodes, cluster: Cluster) -> str:
    """The zone all of them share, where there are others: a hint at what they have in common."""
    zones = {zone_of(one.node) for one in alike}
    others = {zone_of(one.node) for one in states(target, cluster)}
    return zones.pop() if len(alike) > 1 and len(zones) == 1 and len(others) > 1 else ""


_PLAIN = {
    "ContainerRuntimeDown": "its container runtime does not answer",
    "NodeCniNotReady": "its network plugin is not running",
    "NodeNotReady": "its kubelet says that it cannot run pods",
}
_EXCUSES = {
    "starting": "it is new",
    "blip": "a kubelet that restarts needs this long",
    "cordoned": "it is cordoned: being drained or upgraded",
    "drained": "it is cordoned and drained",
}


def _why(one: State) -> str:
    """In plain words, for the table."""
    said = one.trouble.message if one.trouble else ""
    if one.is_silent:
        why = "it has never reported" if _never(one) else "it stopped reporting"
        if one.is_back:
            why += ", but has just renewed its lease"
    else:
        why = _PLAIN[one.code] + (f': "{said}"' if said else "")
    if one.excuse:
        why += "; " + _EXCUSES.get(one.excuse, leaving(one.node) or "it is shutting down")
    return why


def _table(away: Sequence[State], target: Nodes, cluster: Cluster) -> Table:
    by_node, counted = pods_by_node(target, cluster), target.pods_on(cluster).complete
    columns = ["NODE", "READY", "WHY NOT", "FOR", "LAST CONTACT", "PODS ON IT"]
    rows = []
    for one in away[:_MOST_ROWS]:
        ready = one.node.condition("Ready")
        pods = len(by_node.get(one.name, ()))
        rows.append(
            [
                one.name,
                ready.status if ready is not None else "absent",
                _why(one),
                human_duration(one.away) if one.away is not None else "not known",
                f"{human_duration(max(0.0, one.contact))} ago" if one.contact is not None else "no lease",
                str(pods) if counted else f"at least {pods}",
            ]
        )
    return Table(
        caption="Why each is not ready (last contact: when its kubelet renewed its lease)",
        columns=[Column(name=name, numeric=name == "FOR") for name in columns],
        rows=rows,
        omitted=max(0, len(away) - _MOST_ROWS),
    )


def _marks(away: Sequence[State]) -> Iterator[Mark]:
    for one in away:
        ready = one.node.condition("Ready")
        if one.trouble is not None and one.trouble.since is not None and ready is not None:
            text = f"Ready={ready.status}" + (f" ({ready.reason})" if ready.reason else "")
            yield Mark(
                lane=one.name,
                at=one.trouble.since,
                kind="condition",
                text=text,
                severity="info" if one.excuse else "critical",
            )
        for problem in troubles(one.node):
            if problem.last_transition_time is not None:
                said = f"{problem.type}={problem.status}"
                yield Mark(
                    lane=one.name,
                    at=problem.last_transition_time,
                    kind="condition",
                    text=said,
                    severity="warning",
                )
        if one.lease is not None and one.lease.spec.renew_time is not None:
            yield Mark(
                lane=one.name, at=one.lease.spec.renew_time, kind="event", text="last renewed its lease"
            )
