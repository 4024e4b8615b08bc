"""Silent nodes, told apart: zones that are cut off as one, machines that outlive their kubelet, the rest.

Called by the steps about readiness (a zone explains its nodes) and failure modes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster, Glance
from kuberunbooks.objects import Evidence, Lease, Node

from ..rules.lost_zones import LostZone, lost_zones
from ..rules.node_health import trouble_of
from ..rules.signs_of_life import sign_of_life
from .leaders import system_leases
from .resolve import Nodes
from .states import State, states


class Silent(NamedTuple):
    """The silent nodes that have no excuse for it.

    `faults` are those whose machine was heard of well after its kubelet, with what it said;
    `zones` what is cut off as one; `down` all others.
    """

    faults: dict[str, Evidence]
    zones: list[LostZone]
    down: list[State]


def silent_nodes(target: Nodes, cluster: Cluster) -> Silent:
    """Told apart by all there is. The Leases of kube-system are read only when a node is silent."""
    silent = _without_excuse(target, cluster)
    return _told_apart(silent, target, cluster, system_leases(cluster) if silent else ())


def cut_off(names: Collection[str], target: Nodes, cluster: Cluster) -> dict[str, Any]:
    """The fact that names the zone by which all of these nodes are explained; none where there is none.

    By the nodes alone, without another request; one node that was asked for speaks for itself.
    """
    if target.node:
        return {}
    for zone in _told_apart(_without_excuse(target, cluster), target, cluster, ()).zones:
        if set(names) <= {node.name for node in zone.nodes}:
            return {"because": [f"zone/{zone.zone}"]}
    return {}


def _without_excuse(target: Nodes, cluster: Cluster) -> list[State]:
    return [one for one in states(target, cluster) if one.is_silent and not one.excuse and not one.is_back]


def _told_apart(silent: list[State], target: Nodes, cluster: Cluster, leases: Sequence[Lease]) -> Silent:
    faults = {one.name: sign for one in silent if (sign := _sign(one, leases)) is not None}
    dead = [one for one in silent if one.name not in faults]
    zones = _zones(dead, target, cluster) if dead else []
    cut = {node.name for zone in zones for node in zone.nodes}
    return Silent(faults, zones, [one for one in dead if one.name not in cut])


def _sign(one: State, leases: Sequence[Lease]) -> Evidence | None:
    renewed = one.lease.spec.renew_time if one.lease is not None else None
    return sign_of_life(one.node, leases, renewed)


def _zones(dead: list[State], target: Nodes, cluster: Cluster) -> list[LostZone]:
    """Whether whole zones are cut off; for that all nodes count, whichever was asked for."""
    everyone = cluster.nodes()
    asked = {one.name for one in dead}
    # Of the others the status has to do.
    names = asked | ({node.name for node in everyone if _is_silent(node)} if target.node else set())
    return [zone for zone in lost_zones(everyone, names) if asked & {node.name for node in zone.nodes}]


def _is_silent(node: Node) -> bool:
    trouble = trouble_of(node.name, Glance(node, True))
    return trouble is not None and trouble.code == "NodeStatusUnknown"
