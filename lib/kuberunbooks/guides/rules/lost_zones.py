"""Zones that fell silent as one: a network that is cut looks like that, machines that die do not.

Called by the step about failure modes.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.objects import Node

from .thresholds import ZONE_LOST_TOGETHER, ZONE_UNHEALTHY

_LABEL = "topology.kubernetes.io/zone"


class LostZone(NamedTuple):
    """A zone, its nodes that fell silent together (at least two), how many it has, and since when."""

    zone: str
    nodes: list[Node]
    all: int
    since: datetime


def lost_zones(nodes: Sequence[Node], silent: Collection[str]) -> list[LostZone]:
    """The zones most of whose nodes (`silent`: names) fell silent within a minute, while others are well.

    Where nodes carry no zone, or no other zone has a ready node, a zone is nothing to tell by.
    """
    zones: dict[str, list[Node]] = {}
    for node in nodes:
        zone = node.metadata.labels.get(_LABEL, "")
        if zone:
            zones.setdefault(zone, []).append(node)
    found: list[LostZone] = []
    for zone, members in zones.items():
        others_live = any(node.is_ready for other, alike in zones.items() if other != zone for node in alike)
        together = _together([node for node in members if node.name in silent])
        if others_live and len(together) >= 2 and len(together) >= len(members) * ZONE_UNHEALTHY:
            found.append(LostZone(zone, [node for _, node in together], len(members), together[0][0]))
    return found


def _together(silent: Sequence[Node]) -> list[tuple[datetime, Node]]:
    """The largest number of them that fell silent within a minute, the first one first."""
    times: list[tuple[datetime, Node]] = []
    for node in silent:
        ready = node.condition("Ready")
        if ready is not None and ready.last_transition_time is not None:
            times.append((ready.last_transition_time, node))
    times.sort(key=lambda pair: (pair[0], pair[1].name))
    best: list[tuple[datetime, Node]] = []
    start = 0
    for stop in range(1, len(times) + 1):
        while (times[stop - 1][0] - times[start][0]).total_seconds() > ZONE_LOST_TOGETHER:
            start += 1
        if stop - start > len(best):
            best = times[start:stop]
    return best
