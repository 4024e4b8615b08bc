"""The nodes as pods of one shape meet them, computed once per shape.

A shape is what a pod asks of nodes: selector, required affinity, tolerations. Of
2,000 pending pods nearly all have the same. Used by the placement step.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Listing
from kuberunbooks.objects import Node, Pod, SelectorRequirement, Taint, requirement_holds

from ..rules.node_fit import (
    is_cordoned,
    is_selected,
    pinned_nodes,
    required_affinity,
    requirements,
    untolerated_taints,
)


class View(NamedTuple):
    """What one shape of pod finds: nodes its selector matches, what keeps it off, labels no node carries."""

    selected: list[Node]
    tainted: list[tuple[Node, list[Taint]]]
    cordoned: list[Node]
    unmet: list[SelectorRequirement]
    cordoned_all: bool
    """Every node that the selector matches is cordoned."""


class Fleet:
    """All nodes there are, as far as they could be read."""

    def __init__(self, nodes: Listing[Node]) -> None:
        self._nodes = nodes
        self._by_name = {node.name: node for node in nodes}
        self._views: dict[bytes, View] = {}

    def view(self, pod: Pod) -> View:
        """The nodes as this pod meets them."""
        spec = pod.spec
        shape = msgspec.json.encode((spec.node_selector, required_affinity(spec), spec.tolerations))
        if shape not in self._views:
            self._views[shape] = self._look(pod)
        return self._views[shape]

    def _look(self, pod: Pod) -> View:
        spec, pinned = pod.spec, pinned_nodes(pod.spec)
        # A DaemonSet's pods are pinned to a node each: not every pod needs every node looked at.
        candidates = (
            list(self._nodes)
            if pinned is None
            else [self._by_name[name] for name in sorted(pinned) if name in self._by_name]
        )
        selected = [node for node in candidates if is_selected(spec, node)]
        taints = [(node, untolerated_taints(spec, node)) for node in candidates]
        cordoned = [node for node in selected if is_cordoned(spec, node)]
        return View(
            selected,
            [(node, found) for node, found in taints if found],
            cordoned,
            [
                one
                for one in requirements(spec)
                if not any(requirement_holds(one, node.metadata.labels) for node in candidates)
            ],
            bool(selected) and len(cordoned) == len(selected),
        )
