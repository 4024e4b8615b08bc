"""DP-03: does any node have room for what the pod asks?

Takes the resources the scheduler named, and computes again: what the pod asks for,
what each node offers, and what the pods there already ask for.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Table
from kuberunbooks.objects import Evidence, Node, Pod, quantity_text

from ..rules.requests import Amounts, effective_request
from ..step import Yielded, step
from .fleet import Fleet, Offer, View, amount_on
from .occupancy import MOST_NODES, Occupancy, Room, room
from .target import Pods
from .unscheduled import Ration, Refusal, explain, node_count_facts, refusals

_RESOURCE = {
    "InsufficientCpu": "cpu",
    "InsufficientMemory": "memory",
    "InsufficientEphemeralStorage": "ephemeral-storage",
    "TooManyPods": "pods",
}
_EXTENDED = "InsufficientExtendedResource"
_TABLES = 3
_ROWS = 12


class Shortage(NamedTuple):
    """One resource of one refusal: what is asked, and what the nodes have."""

    code: str
    resource: str
    asked: Decimal
    nodes_short: int | None
    rooms: list[Room]
    """The nodes looked at, the one with most room first."""
    offer: Offer


@step("DP-03", title="Do the nodes have what it asks for?")
def resources(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Does any node have as much cpu, memory and other resources left as the pod asks for?"""
    if not target.unscheduled:
        return
    fleet = Fleet(cluster.nodes())
    desk: Desk | None = None
    tables = Ration(_TABLES)
    for refusal in refusals(target, cluster):
        asked = effective_request(refusal.example.spec)
        if _named(refusal):
            desk = desk or Desk(fleet, Occupancy(target, cluster))
            found, look = desk.shortages(refusal, asked)
            if tables.take():
                yield from _table(refusal, found, len(fleet.nodes))
            for one in found:
                yield from _insufficient(refusal, one, fleet.nodes, look, target)
        yield from _too_large(refusal, asked, fleet, target)


def _named(refusal: Refusal) -> list[tuple[str, str, int | None]]:
    """The resources the scheduler found short: code, resource, on how many nodes."""
    found = []
    for reason in refusal.message.reasons:
        if reason.code in _RESOURCE:
            found.append((reason.code, _RESOURCE[reason.code], reason.nodes))
        elif reason.code == _EXTENDED:
            found.append((reason.code, reason.detail.get("resource", ""), reason.nodes))
    return found


class Look(NamedTuple):
    """The room found per resource, how many nodes were looked at, and how many could have been."""

    rooms: dict[str, list[Room]]
    looked: int
    candidates: int


class Desk:
    """Works out shortages, once for pods of one shape that ask for the same."""

    def __init__(self, fleet: Fleet, occupancy: Occupancy) -> None:
        self._fleet = fleet
        self._occupancy = occupancy
        self._rooms: dict[tuple[int, tuple[str, ...]], Look] = {}

    def shortages(self, refusal: Refusal, asked: Amounts) -> tuple[list[Shortage], Look]:
        """What is short for these pods, and what it was judged by."""
        named = _named(refusal)
        look = self._look(self._fleet.view(refusal.example), tuple(resource for _, resource, _ in named))
        return [
            Shortage(
                code,
                resource,
                Decimal(1) if resource == "pods" else asked.get(resource, Decimal(0)),
                nodes_short,
                look.rooms[resource],
                self._fleet.offer(resource),
            )
            for code, resource, nodes_short in named
        ], look

    def _look(self, view: View, wanted: tuple[str, ...]) -> Look:
        key = (id(view), wanted)
        if key not in self._rooms:
            candidates = _promising(view, wanted)
            looked = candidates if self._occupancy.whole else candidates[:MOST_NODES]
            rooms = {name: self._room(looked, name) for name in wanted}
            self._rooms[key] = Look(rooms, len(looked), len(candidates))
        return self._rooms[key]

    def _room(self, looked: list[Node], resource: str) -> list[Room]:
        # Who offers nothing of it is short whatever runs there: no need to ask for its pods.
        if not self._fleet.offer(resource).nodes:
            return []
        found = [room(self._occupancy, node, resource) for node in looked]
        return sorted(found, key=lambda one: one.free, reverse=True)


def _promising(view: View, wanted: tuple[str, ...]) -> list[Node]:
    """The nodes the pod may run on, those that offer most first; all candidates when on none."""

    def offers(node: Node) -> tuple[bool, list[Decimal]]:
        return node.is_ready, [amount_on(node, resource) for resource in wanted]

    return sorted(view.usable or view.candidates, key=offers, reverse=True)


def _insufficient(
    refusal: Refusal, one: Shortage, nodes: Listing[Node], look: Look, target: Pods
) -> Iterator[Finding]:
    best = one.rooms[0] if one.rooms else None
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, nodes),
        "resource": one.resource,
        "asked": quantity_text(one.resource, one.asked),
        "nodes_short": one.nodes_short,
        "nodes_known": nodes.complete,
        "offered": bool(one.offer.nodes) or not nodes.complete,
        "offering": len(one.offer.nodes),
        "largest": quantity_text(one.resource, one.offer.most) if one.offer.largest else "",
        "largest_node": one.offer.largest.name if one.offer.largest else "",
        "best_node": best.node.name if best else "",
        "best_free": quantity_text(one.resource, best.free) if best else "",
        "best_allocatable": quantity_text(one.resource, best.allocatable) if best else "",
        "best_known": bool(best and best.known),
        "best_counted": bool(best and (best.known or best.requested)),
        "fits_now": bool(best and best.fits(one.asked)),
        "looked": look.looked,
        "candidates": look.candidates,
        "why_unknown": next((entry.why for entry in one.rooms if not entry.known), ""),
        "lower": _lower(refusal.example, one, best),
        "asking": _only_asking(refusal.example, one.resource),
    }
    yield from explain(
        refusal, one.code, facts, _evidence(refusal.example, one), target=target, group=(one.resource,)
    )


def _lower(pod: Pod, one: Shortage, best: Room | None) -> str:
    """A request of the one container that asks, that would fit now; empty where that is not known."""
    if best is None or not best.known or best.free >= one.asked or not _only_asking(pod, one.resource):
        return ""
    unit, suffix = (Decimal("0.001"), "m") if one.resource == "cpu" else (Decimal(1 << 20), "Mi")
    whole = int(best.free / unit)
    return f"{whole}{suffix}" if whole else ""


def _evidence(pod: Pod, one: Shortage) -> list[Evidence]:
    found: list[Evidence] = []
    if one.resource != "pods":
        found.append(_cite_request(pod, one.resource, one.asked))
    found += [_cite_allocatable(entry.node, one.resource) for entry in one.rooms[:MOST_NODES]]
    if not one.rooms and one.offer.largest is not None:
        found.append(_cite_allocatable(one.offer.largest, one.resource))
    return found


def _cite_request(pod: Pod, resource: str, asked: Decimal) -> Evidence:
    path, amount = _request_path(pod, resource), quantity_text(resource, asked)
    return pod.cite(path, amount if path != "spec" else f"effective request: {resource} {amount}")


def _cite_allocatable(node: Node, resource: str) -> Evidence:
    return node.cite(f"status.allocatable['{resource}']")


def _request_path(pod: Pod, resource: str) -> str:
    """The one field the request stands in, or the whole specification when it is a sum."""
    only = _only_asking(pod, resource)
    for index, container in enumerate(pod.spec.containers):
        if container.name == only:
            return f"spec.containers[{index}].resources.requests['{resource}']"
    return "spec"


def _only_asking(pod: Pod, resource: str) -> str:
    """The name of the container whose request is the pod's; empty when the pod's is a sum."""
    spec = pod.spec
    asking = [one.name for one in spec.containers if resource in one.resources.requests]
    if len(asking) != 1 or spec.init_containers or spec.overhead or spec.resources:
        return ""
    return asking[0]


def _too_large(refusal: Refusal, asked: Amounts, fleet: Fleet, target: Pods) -> Iterator[Finding]:
    """More than the largest node has in all: no node of these sizes will ever do."""
    if not fleet.nodes.complete:
        return
    for resource, amount in asked.items():
        offer = fleet.offer(resource)
        # Where nobody offers it at all, the shortage itself says so.
        if offer.largest is None or amount <= offer.most:
            continue
        facts = {
            "resource": resource,
            "asked": quantity_text(resource, amount),
            "largest": quantity_text(resource, offer.most),
            "largest_node": offer.largest.name,
            "nodes_now": len(fleet.nodes),
        }
        evidence = [
            _cite_request(refusal.example, resource, amount),
            _cite_allocatable(offer.largest, resource),
        ]
        yield from explain(
            refusal, "RequestExceedsAnyNode", facts, evidence, target=target, group=(resource,)
        )


def _table(refusal: Refusal, shortages: list[Shortage], nodes: int) -> Iterator[Table]:
    """Per node and resource: what it offers, what is taken, what is left, whether the pod fits."""
    if not any(one.rooms for one in shortages):
        return
    rows = []
    for one in shortages:
        for entry in one.rooms:
            sign = "" if entry.known else "≥ "
            fits = entry.fits(one.asked)
            rows.append(
                [
                    entry.node.name,
                    entry.node.status_text,
                    one.resource,
                    quantity_text(one.resource, entry.allocatable),
                    sign + quantity_text(one.resource, entry.requested),
                    ("" if entry.known else "≤ ") + quantity_text(one.resource, entry.free),
                    quantity_text(one.resource, one.asked),
                    "not known" if fits is None else "yes" if fits else "no",
                ]
            )
    looked = len({entry.node.name for one in shortages for entry in one.rooms})
    unknown = next((entry.why for one in shortages for entry in one.rooms if not entry.known), "")
    caption = (
        f"Room for pod {refusal.example.name}: {looked} of {nodes} node{'s' if nodes != 1 else ''} looked at"
    )
    yield Table(
        caption=caption + (f"; ≥ and ≤: {unknown}" if unknown else ""),
        columns=[
            Column(name="NODE"),
            Column(name="STATUS"),
            Column(name="RESOURCE"),
            Column(name="ALLOCATABLE", numeric=True),
            Column(name="REQUESTED", numeric=True),
            Column(name="FREE", numeric=True),
            Column(name="ASKED", numeric=True),
            Column(name="FITS"),
        ],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )
