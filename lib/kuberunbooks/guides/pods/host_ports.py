"""DP-04: are the host ports it wants free?

A host port can be had once per node and address, so that at most as many replicas
run as there are nodes. Names who holds the port, as far as that could be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import DaemonSet, Evidence, Node, Pod

from ..rules.node_fit import (
    HostPort,
    host_ports_of,
    port_holders,
)
from ..step import Yielded, step
from .fleet import Fleet
from .occupancy import MOST_NODES, Occupancy
from .target import Pods, owner_text
from .unscheduled import Refusal, explain, node_count_facts, refusals


class Holder(NamedTuple):
    """A pod that holds a wanted port on a node the pending pod could use."""

    node: str
    pod: Pod
    port: HostPort


class Taken(NamedTuple):
    """Who holds wanted ports on the first `looked` usable nodes; `everywhere`: on all usable nodes."""

    holders: list[Holder]
    usable: list[Node]
    looked: int
    everywhere: bool


class Ports:
    """Who holds which wanted ports, worked out once for pods of one shape that want the same."""

    def __init__(self, fleet: Fleet, occupancy: Occupancy) -> None:
        self._fleet = fleet
        self._occupancy = occupancy
        self._known: dict[tuple[int, tuple[HostPort, ...]], Taken] = {}

    def taken(self, pod: Pod, wanted: list[HostPort]) -> Taken:
        """Who holds these ports on the nodes that would take the pod but for them."""
        view = self._fleet.view(pod)
        key = (id(view), tuple(wanted))
        if key not in self._known:
            looked = view.usable if self._occupancy.whole else view.usable[:MOST_NODES]
            holders = [
                Holder(node.name, other, port)
                for node in looked
                for other, port in port_holders(wanted, self._occupancy.on(node).pods)
            ]
            everywhere = bool(looked) and len({one.node for one in holders}) == len(view.usable)
            self._known[key] = Taken(holders, view.usable, len(looked), everywhere)
        return self._known[key]


@step("DP-04", title="Are its host ports free?")
def host_ports(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Are the host ports it asks for free on some node?"""
    if not target.unscheduled:
        return
    ports: Ports | None = None
    told: set[tuple[str, str]] = set()
    for refusal in refusals(target, cluster):
        wanted = host_ports_of(refusal.example.spec)
        if not wanted:
            continue
        nodes = cluster.nodes()
        ports = ports or Ports(Fleet(nodes), Occupancy(target, cluster))
        taken = ports.taken(refusal.example, wanted)
        if taken.everywhere or refusal.message.of("HostPortConflict"):
            yield from _conflict(refusal, wanted, taken, nodes, target)
        owner = (refusal.example.namespace, owner_text(refusal.example, target))
        if owner not in told:
            told.add(owner)
            yield from _too_many_replicas(refusal, wanted, taken.usable, nodes, target)


def _conflict(
    refusal: Refusal,
    wanted: list[HostPort],
    taken: Taken,
    nodes: Listing[Node],
    target: Pods,
) -> Iterator[Yielded]:
    holders = taken.holders
    held = {one.port[1:] for one in holders}
    ports = [port for port in wanted if not held or port[1:] in held]
    mine = owner_text(refusal.example, target)
    own = bool(holders and mine) and all(owner_text(one.pod, target) == mine for one in holders)
    enough = 0 < _desired(refusal, target) <= len(taken.usable)
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, nodes),
        "ports": [_port_text(port) for port in ports],
        "port": ports[0][2],
        "container_port": _container_port(refusal.example, ports[0]),
        "holders": [_holder_text(one, refusal.example.namespace) for one in holders],
        "holders_known": bool(holders),
        "own": own,
        # Enough nodes for all replicas: then the new pod of an update waits for the old one to let go.
        "updating": own and enough and mine.startswith("deployment/"),
        "nodes_taken": refusal.message.nodes_for("HostPortConflict") or len({one.node for one in holders}),
        "looked": taken.looked,
    }
    evidence: list[Evidence] = [refusal.example.cite(_port_path(refusal.example, ports[0]))]
    for one in holders[:MOST_NODES]:
        evidence += [one.pod.cite("spec.nodeName"), one.pod.cite(_port_path(one.pod, one.port))]
    yield from explain(
        refusal, "HostPortConflict", facts, evidence, target=target, group=tuple(facts["ports"])
    )


def _too_many_replicas(
    refusal: Refusal, wanted: list[HostPort], usable: list[Node], nodes: Listing[Node], target: Pods
) -> Iterator[Yielded]:
    """More replicas wanted than there are nodes to hold the port; a DaemonSet never wants more."""
    top, desired = target.top_of(refusal.example), _desired(refusal, target)
    if top is None or not nodes.complete or desired <= len(usable):
        return
    facts = {
        "ports": [_port_text(port) for port in wanted],
        "port": wanted[0][2],
        "container_port": _container_port(refusal.example, wanted[0]),
        "desired": desired,
        "usable": len(usable),
        "nodes_now": len(nodes),
    }
    evidence = [top.cite("spec.replicas"), refusal.example.cite(_port_path(refusal.example, wanted[0]))]
    evidence += [node.cite("metadata.name") for node in usable[:MOST_NODES]]
    yield from explain(refusal, "HostPortLimitsReplicas", facts, evidence, target=target, severity="warning")


def _desired(refusal: Refusal, target: Pods) -> int:
    """How many pods the workload wants; 0 when that is unknown, or as many as there are nodes (DaemonSet)."""
    top = target.top_of(refusal.example)
    desired = getattr(top, "desired", 0)
    return desired if isinstance(desired, int) and not isinstance(top, DaemonSet) else 0


def _port_text(port: HostPort) -> str:
    address = "" if port[0] == "0.0.0.0" else f"{port[0]}:"  # noqa: S104
    return f"{address}{port[2]}/{port[1]}"


def _holder_text(one: Holder, namespace: str) -> str:
    name = one.pod.name if one.pod.namespace == namespace else f"{one.pod.namespace}/{one.pod.name}"
    return f"{name} on node {one.node}"


def _port_path(pod: Pod, port: HostPort) -> str:
    spec = pod.spec
    for field, containers in (("containers", spec.containers), ("initContainers", spec.init_containers)):
        for at, container in enumerate(containers):
            for index, one in enumerate(container.ports):
                if one.host_port == port[2] and (one.protocol or "TCP") == port[1]:
                    return f"spec.{field}[{at}].ports[{index}].hostPort"
    return "spec.containers"


def _container_port(pod: Pod, port: HostPort) -> int:
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        for one in container.ports:
            if one.host_port == port[2] and (one.protocol or "TCP") == port[1]:
                return one.container_port
    return port[2]
