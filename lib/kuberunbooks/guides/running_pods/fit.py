"""RP-08, its last part: how many more replicas would fit, for pods the scheduler has no room for.

The upstream guide's own example: a replica that stays pending does no harm, or the
workload is scaled to what fits. Only computed where all pods of all usable nodes were
read: a guess would be a wrong command.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Node

from ..pods.fleet import Fleet, amount_on
from ..pods.occupancy import Occupancy
from ..pods.target import Pods
from ..pods.unscheduled import Refusal, owner_facts, refusals
from ..rules.requests import Amounts, effective_request
from ..step import Yielded, step


@step("RP-08", title="How many would fit?")
def fit(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """How many pods of this size have room on the nodes now?"""
    short = [one for one in refusals(target, cluster) if _is_short(one)] if target.unscheduled else []
    if not short:
        return
    fleet = Fleet(cluster.nodes())
    occupancy = Occupancy(target, cluster)
    for refusal in short:
        yield from _fits(refusal, fleet, occupancy, target)


def _is_short(refusal: Refusal) -> bool:
    return any(code.startswith("Insufficient") or code == "TooManyPods" for code in refusal.message.codes)


def _fits(refusal: Refusal, fleet: Fleet, occupancy: Occupancy, target: Pods) -> Iterator[Finding]:
    facts = owner_facts(target, refusal.example)
    usable = fleet.view(refusal.example).usable
    if not fleet.nodes.complete or not facts["adjustable"]:
        return
    if not occupancy.whole and not all(occupancy.on(node).complete for node in usable):
        return
    asked = effective_request(refusal.example.spec) | {"pods": Decimal(1)}
    more = sum(_on(node, asked, occupancy) for node in usable)
    yield finding(
        "ReplicasThatFit",
        refusal.example,
        evidence=[node.cite("status.allocatable") for node in usable[:3]],
        waiting=len(refusal.pods),
        more=more,
        replicas=facts["placed"] + more,
        **facts,
    )


def _on(node: Node, asked: Amounts, occupancy: Occupancy) -> int:
    """How many pods of this size a node has room for: its scarcest resource decides."""
    taken = occupancy.requested_on(node)
    rooms = [
        int(max(Decimal(0), amount_on(node, resource) - taken.get(resource, Decimal(0))) / amount)
        for resource, amount in asked.items()
        if amount > 0
    ]
    return min(rooms, default=0)
