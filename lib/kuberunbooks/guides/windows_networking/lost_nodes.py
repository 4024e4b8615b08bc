"""Which Windows nodes are lost: what the API says of their pods is the last report."""

from __future__ import annotations

from datetime import datetime

from kuberunbooks.cluster import Glance
from kuberunbooks.objects import Node

from ..rules.node_health import NodeTrouble, trouble_of
from ..rules.thresholds import WINDOWS_NODE_AWAY, WINDOWS_NODE_STARTING
from .target import WindowsNetworking

_BLIP = 60.0


def lost_nodes(target: WindowsNetworking) -> dict[str, NodeTrouble]:
    """What is wrong with the Windows nodes that are not ready, by name."""
    found: dict[str, NodeTrouble] | None = target.memo.get("lost nodes")
    if found is None:
        troubles = {node.name: trouble_of(node.name, Glance(node, True)) for node in target.windows_nodes}
        target.memo["lost nodes"] = found = {name: one for name, one in troubles.items() if one is not None}
    return found


def is_passing(node: Node, trouble: NodeTrouble, now: datetime) -> bool:
    """What goes by itself: a new node that still starts, a reboot after a cordon, a moment's silence."""
    if trouble.since is None:
        return node.age(now) < WINDOWS_NODE_STARTING
    silent = (now - trouble.since).total_seconds()
    if silent < _BLIP or (node.spec.unschedulable and silent < WINDOWS_NODE_AWAY):
        return True
    return trouble.code == "NodeNotReady" and node.age(now) < WINDOWS_NODE_STARTING
