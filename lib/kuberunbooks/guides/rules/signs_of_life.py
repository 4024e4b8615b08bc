"""A node whose kubelet is silent while the machine is not: then the kubelet is at fault, not the machine.

What else runs on the machine and speaks to the API server by itself shows it: a problem
detector that reports conditions, a component of the control plane that renews its Lease.
Called by the step about failure modes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from kuberunbooks.objects import Evidence, Lease, Node

from .thresholds import NODE_LEASE

_BY_THE_KUBELET = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}
_FROM_AFAR = {"NetworkUnavailable"}
"""Written by a controller that need not run on the node."""
_HOST = "kubernetes.io/hostname"


def sign_of_life(node: Node, leases: Iterable[Lease], contact: datetime | None) -> Evidence | None:
    """What the machine said well after its kubelet's last sign (`contact`, its lease); None for nothing.

    `leases` are those of kube-system.
    """
    ready = node.condition("Ready")
    last = contact or (ready.last_transition_time if ready is not None else None)
    if last is None:
        return None
    for index, condition in enumerate(node.status.conditions):
        other = condition.type not in _BY_THE_KUBELET | _FROM_AFAR
        if other and _well_after(condition.last_heartbeat_time, last):
            return node.cite(f"status.conditions[{index}].lastHeartbeatTime")
    for lease in leases:
        host = lease.metadata.labels.get(_HOST) or lease.spec.holder_identity.partition("_")[0]
        if host == node.name and _well_after(lease.spec.renew_time, last):
            return lease.cite("spec.renewTime")
    return None


def _well_after(time: datetime | None, last: datetime) -> bool:
    return time is not None and (time - last).total_seconds() > NODE_LEASE
