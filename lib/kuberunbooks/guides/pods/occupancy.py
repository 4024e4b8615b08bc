"""What stands on a node already: which pods, and what they ask for together.

Needs the pods of every namespace on that node. Where those cannot be had (not
permitted, not in the case, too many requests) the sum is a lower bound and says
so. Used by the resources and host port steps.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import Node, Pod

from ..rules.requests import Amounts, requested_by
from .fleet import amount_on
from .target import Pods
from .unscheduled import Allowance

# How many nodes a run asks for their pods, the most promising first.
MOST_NODES = 3


class Occupants(NamedTuple):
    """The pods on a node that count against it. `complete` False: there may be more; `why` says why."""

    pods: list[Pod]
    complete: bool
    why: str = ""


class Occupancy:
    """The pods by node, read as sparingly as the target allows and remembered."""

    def __init__(self, target: Pods, cluster: Cluster) -> None:
        self._cluster = cluster
        self._allowance = Allowance(target, cluster)
        self._known: dict[str, Occupants] = {}
        self._requested: dict[str, Amounts] = {}
        self._refused = ""
        self.asked = 0
        """How many nodes were asked for their pods one by one."""
        self._namespace = target.namespace if target.single else ""
        everything = not target.namespace and not target.wanted
        whole = cluster.look(Pod) if everything or cluster.origin.kind == "case" else None
        self.whole = whole is not None and whole.complete
        """Whether the pods of all namespaces were read."""
        self._why = whole.why if whole is not None and not whole.complete else ""
        self._by_node = _by_node(whole or target.pods)

    def on(self, node: Node) -> Occupants:
        """The pods on a node; a request each for the first nodes when not all pods were read."""
        name = node.name
        if name not in self._known:
            self._known[name] = self._read(name)
        return self._known[name]

    def requested_on(self, node: Node) -> Amounts:
        """What the pods on a node ask for together; a lower bound unless all of them were read."""
        if node.name not in self._requested:
            self._requested[node.name] = requested_by(self.on(node).pods)
        return self._requested[node.name]

    def _read(self, name: str) -> Occupants:
        read = self._by_node.get(name, [])
        if self.whole:
            return Occupants(read, True)
        if self._refused:
            return Occupants(read, False, self._refused)
        if self._allowance.left(MOST_NODES - self.asked) <= 0:
            return Occupants(read, False, f"only {self.asked} nodes were asked for their pods")
        self.asked += 1
        fields = f"spec.nodeName={name},status.phase!=Succeeded,status.phase!=Failed"
        listed: Listing[Pod] = self._cluster.look(Pod, fields=fields)
        if listed.complete:
            return Occupants(list(listed), True)
        self._refused = "the pods of all namespaces could not be read: " + (self._why or listed.why)
        self._widen()
        return Occupants(self._by_node.get(name, []), False, self._refused)

    def _widen(self) -> None:
        """The other pods of the one pod's namespace, when no more can be had: a better bound than none."""
        if self._namespace and not self._by_node and self._allowance.left(1) > 0:
            self._by_node = _by_node(self._cluster.look(Pod, self._namespace))


def _by_node(pods: list[Pod]) -> dict[str, list[Pod]]:
    found: dict[str, list[Pod]] = {}
    for pod in pods:
        if pod.spec.node_name and not pod.is_terminal:
            found.setdefault(pod.spec.node_name, []).append(pod)
    return found


class Room(NamedTuple):
    """What a node has of one resource. `free` is an upper bound unless `known`."""

    node: Node
    resource: str
    allocatable: Decimal
    requested: Decimal
    known: bool
    why: str

    @property
    def free(self) -> Decimal:
        """allocatable less requested, never below 0."""
        return max(Decimal(0), self.allocatable - self.requested)

    def fits(self, asked: Decimal) -> bool | None:
        """Whether that much fits; None when it would, but not all pods on the node were read."""
        if asked > self.free:
            return False
        return True if self.known else None


def room(occupancy: Occupancy, node: Node, resource: str) -> Room:
    """What a node has of a resource."""
    occupants = occupancy.on(node)
    requested = occupancy.requested_on(node).get(resource, Decimal(0))
    return Room(node, resource, amount_on(node, resource), requested, occupants.complete, occupants.why)
