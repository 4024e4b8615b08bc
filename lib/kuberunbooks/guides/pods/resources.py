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
from kuberunbooks.objects import Evidence, Node, Pod, parse_quantity, quantity_text

from ..rules.node_fit import is_cordoned, is_selected, untolerated_taints
from ..rules.requests import Amounts, effective_request
from ..step import Yielded, step
from .occupancy import MOST_NODES, Occupancy, Room, room
from .target import Pods
from .unscheduled import Refusal, explain, node_count_facts, refusals

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
    offering: list[Node]
    """All nodes that have any of it."""
    largest: Node | None
    """The node that has most of it in all."""


@step("DP-03", title="Do the nodes have what it asks for?")
def resources(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Does any node have as much cpu, memory and other resources left as the pod asks for?"""
    if not target.unscheduled:
        return
    occupancy: Occupancy | None = None
    tables = 0
    for refusal in refusals(target, cluster):
        asked = effective_request(refusal.example.spec)
        short = _named(refusal)
        nodes = cluster.nodes()
        if short:
            occupancy = occupancy or Occupancy(target, cluster)
            candidates = _promising(refusal.example, nodes, [resource for _, resource, _ in short])
            looked = candidates if occupancy.whole else candidates[:MOST_NODES]
            found = [
                _shortage(code, resource, count, asked, nodes, looked, occupancy)
                for code, resource, count in short
            ]
            if tables < _TABLES and looked:
                tables += 1
                yield from _table(refusal, found, len(nodes))
            for one in found:
                yield from _insufficient(refusal, one, nodes, len(looked), target)
        yield from _too_large(refusal, asked, nodes, target)


def _named(refusal: Refusal) -> list[tuple[str, str, int | None]]:
    """The resources the scheduler found short: code, resource, on how many nodes."""
    found = []
    for reason in refusal.message.reasons:
        if reason.code in _RESOURCE:
            found.append((reason.code, _RESOURCE[reason.code], reason.nodes))
        elif reason.code == _EXTENDED:
            found.append((reason.code, reason.detail.get("resource", ""), reason.nodes))
    return found


def _promising(pod: Pod, nodes: Listing[Node], resources_: list[str]) -> list[Node]:
    """The nodes the pod may run on, those that offer most first; all nodes when it may run on none."""

    def offers(node: Node) -> tuple[bool, list[Decimal]]:
        amounts = [parse_quantity(node.status.allocatable.get(resource, 0)) for resource in resources_]
        return node.is_ready, amounts

    open_ = [
        node
        for node in nodes
        if is_selected(pod.spec, node)
        and not is_cordoned(pod.spec, node)
        and not untolerated_taints(pod.spec, node)
    ]
    return sorted(open_ or nodes, key=offers, reverse=True)


def _shortage(
    code: str,
    resource: str,
    count: int | None,
    asked: Amounts,
    nodes: Listing[Node],
    looked: list[Node],
    occupancy: Occupancy,
) -> Shortage:
    offering = [node for node in nodes if parse_quantity(node.status.allocatable.get(resource, 0)) > 0]
    # Who offers nothing of it is short whatever runs there: no need to ask for its pods.
    rooms = [room(occupancy, node, [resource])[0] for node in looked] if offering else []
    rooms.sort(key=lambda one: one.free, reverse=True)
    largest = max(
        offering, key=lambda node: parse_quantity(node.status.allocatable.get(resource, 0)), default=None
    )
    amount = Decimal(1) if resource == "pods" else asked.get(resource, Decimal(0))
    return Shortage(code, resource, amount, count, rooms, offering, largest)


def _insufficient(
    refusal: Refusal, one: Shortage, nodes: Listing[Node], looked: int, target: Pods
) -> Iterator[Finding]:
    best = one.rooms[0] if one.rooms else None
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, nodes),
        "resource": one.resource,
        "asked": quantity_text(one.resource, one.asked),
        "nodes_short": one.nodes_short,
        "nodes_known": nodes.complete,
        "offered": bool(one.offering) or not nodes.complete,
        "offering": len(one.offering),
        "largest": _allocatable(one.largest, one.resource),
        "largest_node": one.largest.name if one.largest else "",
        "best_node": best.node.name if best else "",
        "best_free": quantity_text(one.resource, best.free) if best else "",
        "best_allocatable": quantity_text(one.resource, best.allocatable) if best else "",
        "best_known": bool(best and best.known),
        "fits_now": bool(best and best.fits(one.asked)),
        "looked": looked,
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


def _allocatable(node: Node | None, resource: str) -> str:
    if node is None:
        return ""
    return quantity_text(resource, parse_quantity(node.status.allocatable.get(resource, 0)))


def _evidence(pod: Pod, one: Shortage) -> list[Evidence]:
    found: list[Evidence] = []
    if one.resource != "pods":
        found.append(_cite_request(pod, one.resource, one.asked))
    found += [_cite_allocatable(entry.node, one.resource) for entry in one.rooms[:MOST_NODES]]
    if not one.rooms and one.largest is not None:
        found.append(_cite_allocatable(one.largest, one.resource))
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


def _too_large(refusal: Refusal, asked: Amounts, nodes: Listing[Node], target: Pods) -> Iterator[Finding]:
    """More than the largest node has in all: no node of these sizes will ever do."""
    if not nodes.complete or not nodes:
        return
    for resource, amount in asked.items():
        largest = max(nodes, key=lambda node: parse_quantity(node.status.allocatable.get(resource, 0)))
        most = parse_quantity(largest.status.allocatable.get(resource, 0))
        # Nobody offers it at all: that is the other code's to say.
        if amount <= most or most == 0:
            continue
        facts = {
            "resource": resource,
            "asked": quantity_text(resource, amount),
            "largest": quantity_text(resource, most),
            "largest_node": largest.name,
            "nodes_now": len(nodes),
        }
        evidence = [
            _cite_request(refusal.example, resource, amount),
            _cite_allocatable(largest, resource),
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
