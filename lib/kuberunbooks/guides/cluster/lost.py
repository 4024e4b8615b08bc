"""Which nodes are lost, so that what ran there is told as explained by that and not as a trouble of its own.

Called by the steps about the control plane, webhooks and failure modes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding

from ..rules.thresholds import CLOCK_SKEW, NODE_LEASE
from .resolve import Nodes
from .states import states


def lost_nodes(target: Nodes, cluster: Cluster) -> set[str]:
    """The names of those that are not ready, or whose kubelet has not been heard of for too long.

    The latter stay Ready by their status while nobody runs who would change it.
    """
    return {
        one.name
        for one in states(target, cluster)
        if one.code or (one.contact is not None and one.contact > NODE_LEASE + CLOCK_SKEW)
    }


def because_of(nodes: Iterable[str], lost: set[str]) -> dict[str, Any]:
    """The fact that names the lost ones among these nodes; none, and the finding stands for itself."""
    names = sorted(lost & set(nodes))
    return {"because": [f"node/{name}" for name in names]} if names else {}


def explained_by(found: Finding, because: dict[str, Any]) -> Finding:
    """The finding with that fact."""
    found.facts.update(because)
    return found
