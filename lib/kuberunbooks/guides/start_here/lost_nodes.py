"""Nodes that are not Ready, and whether that touches what was asked for.

A node touches a target that has pods on it, or pods that wait because of it; it touches
the whole cluster always. A node that is just being added, drained or taken away is
everyday life. Called by the first step and by the sweep.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Glance, Listing
from kuberunbooks.objects import Node, Pod

from ..cluster.states import stays
from ..pods.target import Pods
from ..rules.node_fit import LOST_TAINTS, is_selected, untolerated_taints
from ..rules.node_health import NodeTrouble, trouble_of
from ..rules.node_taints import leaving
from ..rules.thresholds import NODE_BLIP, NODE_STARTING, PENDING_GRACE
from .resolve import is_whole_cluster

# Pods of one maker are alike: so many makers' pods are asked whether a lost node would take them.
_MOST_WAITING = 20


class Nodes(NamedTuple):
    """The nodes, `listed` as far as they could be read, and the names of those not Ready.

    `touching` concern the target and `elsewhere` do not. `aside` are cordoned or on their way
    out and hold nothing that a drain would have moved: somebody does that on purpose.
    """

    listed: Listing[Node]
    touching: list[NodeTrouble]
    elsewhere: list[NodeTrouble]
    aside: list[str]


def look_at_nodes(target: Pods, cluster: Cluster) -> Nodes:
    """The nodes and their troubles; worked out once."""
    known: Nodes | None = target.memo.get("nodes")
    if known is None:
        known = target.memo["nodes"] = _look(target, cluster)
    return known


def pods_on(target: Pods) -> Counter[str]:
    """How many of the target's pods that have not ended are on each node."""
    return Counter(pod.spec.node_name for pod in target.pods if pod.spec.node_name and not pod.is_terminal)


def _look(target: Pods, cluster: Cluster) -> Nodes:
    found = Nodes(cluster.nodes(), [], [], [])
    troubles = [(node, trouble_of(node.name, Glance(node, True))) for node in found.listed]
    lost = [(node, trouble) for node, trouble in troubles if trouble is not None]
    if not lost:
        return found
    bound, moving = pods_on(target), _movable(target, {node.name for node, _ in lost})
    waiting, whole = _waiting(target, cluster.now), is_whole_cluster(target)
    for node, trouble in lost:
        if (node.spec.unschedulable or leaving(node)) and node.name not in moving:
            found.aside.append(node.name)
        elif node.name not in bound and _passes(node, trouble, cluster.now):
            continue
        elif whole or node.name in bound or any(_holds_back(node, pod) for pod in waiting):
            found.touching.append(trouble)
        else:
            found.elsewhere.append(trouble)
    return found


def _movable(target: Pods, lost: set[str]) -> set[str]:
    """The lost nodes with pods of the target that a drain would have moved."""
    return {
        pod.spec.node_name
        for pod in target.pods
        if pod.spec.node_name in lost and not pod.is_terminal and not stays(pod)
    }


def _passes(node: Node, trouble: NodeTrouble, now: datetime) -> bool:
    """New and not ready yet, or not ready for a moment; a node that has reported and fell silent is lost."""
    if trouble.code == "NodeStatusUnknown" and trouble.reason == "NodeStatusUnknown":
        return False
    away = (now - trouble.since).total_seconds() if trouble.since else NODE_BLIP
    return node.age(now) < NODE_STARTING or away < NODE_BLIP


def _waiting(target: Pods, now: datetime) -> list[Pod]:
    """Pods that wait for a node, one of each maker."""
    found: dict[object, Pod] = {}
    for pod in target.unscheduled:
        if pod.age(now) >= PENDING_GRACE and not pod.spec.scheduling_gates:
            found.setdefault(pod.controller_key or pod.name, pod)
    return list(found.values())[:_MOST_WAITING]


def _holds_back(node: Node, pod: Pod) -> bool:
    """Whether it is only its loss that keeps the pod from being tried there."""
    taints = untolerated_taints(pod.spec, node)
    return is_selected(pod.spec, node) and bool(taints) and all(one.key in LOST_TAINTS for one in taints)
