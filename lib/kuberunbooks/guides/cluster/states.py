"""How each node is, worked out once and shared by the steps: its trouble, its excuse, its last contact.

Ordinary life makes nodes not ready: new ones, kubelets that restart, nodes that are
drained, upgraded, or taken away again by an autoscaler. Such a node has an excuse for a
while, and is told as what goes on, not as what is wrong.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Glance
from kuberunbooks.objects import Lease, Node, Pod

from ..rules.node_health import NodeTrouble, trouble_of
from ..rules.node_taints import leaving
from ..rules.patterns import RX_NODE_CNI, RX_NODE_RUNTIME, RX_NODE_SHUTDOWN
from ..rules.thresholds import NODE_BLIP, NODE_LEASE, NODE_MAINTENANCE, NODE_STARTING
from .resolve import Nodes

_CODES = ("NodeStatusUnknown", "ContainerRuntimeDown", "NodeCniNotReady", "NodeNotReady")
"""From the worst: a silent node says nothing of itself any more."""


class State(NamedTuple):
    """One node. `code` is empty for a ready one, `excuse` (what goes on with it) for one without an excuse.

    `away` is for how many seconds it has not been ready, None when not known; `contact` how
    many seconds ago its kubelet renewed its lease, None when it has none or it was not read.
    """

    node: Node
    trouble: NodeTrouble | None
    code: str
    excuse: str
    away: float | None
    lease: Lease | None
    contact: float | None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def is_silent(self) -> bool:
        """Its kubelet has stopped reporting, or never began."""
        return self.code == "NodeStatusUnknown"

    @property
    def is_back(self) -> bool:
        """Silent by its status, but its kubelet renewed its lease just now."""
        return self.is_silent and self.contact is not None and self.contact <= NODE_LEASE

    @property
    def order(self) -> tuple[int, bool, str]:
        """Sort key: the worst first, those with an excuse after them, then the ready ones."""
        place = _CODES.index(self.code) if self.code else len(_CODES)
        return (place + len(_CODES) * bool(self.excuse), not self.node.spec.unschedulable, self.name)


def states(target: Nodes, cluster: Cluster) -> list[State]:
    """The state of every node in question, the worst first."""
    known: list[State] | None = target.memo.get("states")
    if known is None:
        found = _look(target, cluster)
        known = target.memo["states"] = sorted(found, key=lambda one: one.order)
    return known


def troubled(target: Nodes, cluster: Cluster) -> list[State]:
    """Those that are not ready, with an excuse or without."""
    return [one for one in states(target, cluster) if one.code]


def pods_by_node(target: Nodes, cluster: Cluster) -> dict[str, list[Pod]]:
    """The pods on each node that have not ended, as far as they could be read."""
    known: dict[str, list[Pod]] | None = target.memo.get("pods by node")
    if known is None:
        known = target.memo["pods by node"] = {}
        for pod in target.pods_on(cluster):
            if pod.spec.node_name and not pod.is_terminal:
                known.setdefault(pod.spec.node_name, []).append(pod)
    return known


def stays(pod: Pod) -> bool:
    """A drain leaves it where it is: a DaemonSet's pod, or one the kubelet runs from a file (mirror pod)."""
    owner = pod.controller
    return owner is not None and owner.kind in ("DaemonSet", "Node")


def _look(target: Nodes, cluster: Cluster) -> list[State]:
    nodes = target.nodes(cluster)
    leases = {lease.name: lease for lease in target.leases(cluster)} if nodes else {}
    any_ready = any(node.is_ready for node in nodes)
    found = []
    for node in nodes:
        trouble = trouble_of(node.name, Glance(node, True))
        lease = leases.get(node.name)
        renewed = lease.spec.renew_time if lease is not None else None
        contact = (cluster.now - renewed).total_seconds() if renewed is not None else None
        away = (cluster.now - trouble.since).total_seconds() if trouble and trouble.since else None
        one = State(node, trouble, _code(trouble), "", away, lease, contact)
        if one.code:
            others_serve = any_ready or bool(target.node)
            one = one._replace(excuse=_excuse(one, target, cluster, others_serve=others_serve))
        found.append(one)
    return found


def _code(trouble: NodeTrouble | None) -> str:
    """What is wrong, by what the kubelet says of itself: a runtime that is down explains the rest."""
    if trouble is None or trouble.code != "NodeNotReady":
        return trouble.code if trouble else ""
    if RX_NODE_RUNTIME.search(trouble.message):
        return "ContainerRuntimeDown"
    return "NodeCniNotReady" if RX_NODE_CNI.search(trouble.message) else "NodeNotReady"


def _excuse(one: State, target: Nodes, cluster: Cluster, *, others_serve: bool) -> str:
    """`starting`, `blip`, `leaving`, `cordoned`, `drained`, or nothing.

    Where no node is ready, nothing that was done on purpose excuses them all.
    """
    node, away = one.node, one.away if one.away is not None else float("inf")
    if _age(node, cluster.now) < NODE_STARTING:
        return "starting"
    if not one.is_silent and away < NODE_BLIP:
        return "blip"
    if not others_serve:
        return ""
    shuts_down = bool(one.trouble and RX_NODE_SHUTDOWN.search(one.trouble.message))
    if (leaving(node) or shuts_down) and away < NODE_MAINTENANCE:
        return "leaving"
    if not node.spec.unschedulable:
        return ""
    if away < NODE_MAINTENANCE:
        return "cordoned"
    return "drained" if _is_drained(node, target, cluster) else ""


def _age(node: Node, now: datetime) -> float:
    return node.age(now) if node.metadata.creation_timestamp is not None else float("inf")


def _is_drained(node: Node, target: Nodes, cluster: Cluster) -> bool:
    if not target.pods_on(cluster).complete:
        return False
    return all(stays(pod) for pod in pods_by_node(target, cluster).get(node.name, []))
