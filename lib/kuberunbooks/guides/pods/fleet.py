"""The nodes as pods of one shape meet them, computed once per shape.

A shape is what a pod asks of nodes: selector, required affinity, tolerations. Of
2,000 pending pods nearly all have the same. Used by the resources, host port and
placement steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Listing
from kuberunbooks.objects import Node, Pod, SelectorRequirement, Taint, parse_quantity, requirement_holds

from ..rules.node_fit import (
    is_cordoned,
    is_lost,
    is_selected,
    near_misses,
    pinned_nodes,
    required_affinity,
    requirement_text,
    requirements,
    untolerated_taints,
)


@dataclass(frozen=True, eq=False)
class View:
    """What one shape of pod finds.

    `candidates` are the nodes looked at (all, or the one a DaemonSet's pod is pinned
    to), `selected` those its selector matches, `tainted` those it does not tolerate,
    `cordoned` those selected that take no pods, `usable` those nothing keeps it off.
    """

    candidates: list[Node]
    selected: list[Node]
    tainted: list[tuple[Node, list[Taint]]]
    cordoned: list[Node]
    usable: list[Node]
    asked: list[SelectorRequirement]
    pinned: set[str] | None

    @cached_property
    def unmet(self) -> list[SelectorRequirement]:
        """What is asked of labels and no node meets."""
        return [
            one
            for one in self.asked
            if not any(requirement_holds(one, node.metadata.labels) for node in self.candidates)
        ]

    @cached_property
    def near(self) -> list[str]:
        """What nodes carry that comes close to what is unmet."""
        return [text for one in self.unmet for text in near_misses(one, self.candidates)]

    @cached_property
    def wanted_texts(self) -> list[str]:
        """What is asked of labels, as people write it."""
        return [requirement_text(one) for one in self.asked]

    @cached_property
    def lost(self) -> list[Node]:
        """The tainted nodes that stopped reporting."""
        return [node for node, _ in self.tainted if is_lost(node)]

    @cached_property
    def taint_texts(self) -> list[str]:
        """`n1: dedicated=batch:NoSchedule`, per tainted node."""
        return [f"{node.name}: {', '.join(one.text for one in taints)}" for node, taints in self.tainted]

    @cached_property
    def taint_keys(self) -> list[str]:
        """The keys of the taints not tolerated, each once."""
        return list(dict.fromkeys(taint.key for _, taints in self.tainted for taint in taints))

    @cached_property
    def cordoned_all(self) -> bool:
        """Every node that its selector matches is cordoned."""
        return bool(self.selected) and len(self.cordoned) == len(self.selected)


class Offer(NamedTuple):
    """Who has any of a resource, and who has most of it in all."""

    nodes: list[Node]
    largest: Node | None
    most: Decimal


class Fleet:
    """All nodes there are, as far as they could be read."""

    def __init__(self, nodes: Listing[Node]) -> None:
        self.nodes = nodes
        self._by_name = {node.name: node for node in nodes}
        self._views: dict[bytes, View] = {}
        self._offers: dict[str, Offer] = {}

    def view(self, pod: Pod) -> View:
        """The nodes as this pod meets them; the same object for pods of the same shape."""
        spec = pod.spec
        shape = msgspec.json.encode((spec.node_selector, required_affinity(spec), spec.tolerations))
        if shape not in self._views:
            self._views[shape] = self._look(pod)
        return self._views[shape]

    def offer(self, resource: str) -> Offer:
        """What the nodes have of a resource in all (status.allocatable)."""
        if resource not in self._offers:
            amounts = {node.name: amount_on(node, resource) for node in self.nodes}
            offering = [node for node in self.nodes if amounts[node.name] > 0]
            largest = max(offering, key=lambda node: amounts[node.name], default=None)
            self._offers[resource] = Offer(offering, largest, amount_on(largest, resource))
        return self._offers[resource]

    def _look(self, pod: Pod) -> View:
        spec, pinned = pod.spec, pinned_nodes(pod.spec)
        # A DaemonSet's pods are pinned to a node each: not every pod needs every node looked at.
        candidates: list[Node] = self.nodes
        if pinned is not None:
            candidates = [self._by_name[name] for name in sorted(pinned) if name in self._by_name]
        selected = [node for node in candidates if is_selected(spec, node)]
        taints = [(node, untolerated_taints(spec, node)) for node in candidates]
        tainted = [(node, found) for node, found in taints if found]
        cordoned = [node for node in selected if is_cordoned(spec, node)]
        closed = {node.name for node, _ in tainted} | {node.name for node in cordoned}
        return View(
            candidates,
            selected,
            tainted,
            cordoned,
            [node for node in selected if node.name not in closed],
            requirements(spec),
            pinned,
        )


def amount_on(node: Node | None, resource: str) -> Decimal:
    """status.allocatable of one resource, in base units; 0 where the node has none."""
    return parse_quantity(node.status.allocatable.get(resource, 0)) if node is not None else Decimal(0)
