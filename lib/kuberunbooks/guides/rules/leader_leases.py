"""Who leads: the Leases by which the scheduler and the controller manager choose one of them to work.

A leader renews its Lease every two seconds; a Lease that is not renewed has no leader, and
the work is not done. Where leader election is off (--leader-elect=false), an old Lease may
lie about for ever, so a Lease alone proves little: what the component did since counts too.
Called by the cluster guide.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from kuberunbooks.objects import Lease

from .thresholds import CLOCK_SKEW, LEADER_LEASE, LEADER_LEASES_MISSED

LeaderState = Literal["leads", "silent", "released"]


class Leader(NamedTuple):
    """One component's leader: `state`, and how many seconds ago it renewed its Lease.

    `silent` has not renewed it for too long, `released` gave it up as it ended and nobody
    has taken over since.
    """

    lease: Lease
    state: LeaderState
    age: float

    @property
    def holder(self) -> str:
        """The host name of who holds it; identities are `HOST_UUID`."""
        return self.lease.spec.holder_identity.partition("_")[0]


def leader(lease: Lease, now: datetime) -> Leader | None:
    """How the leader is; None for a Lease that was never renewed."""
    renewed = lease.spec.renew_time
    if renewed is None:
        return None
    age = max(0.0, (now - renewed).total_seconds())
    # A leader that gives up leaves a duration of one second.
    duration = max(float(lease.spec.lease_duration_seconds or 0), LEADER_LEASE)
    if age <= duration * LEADER_LEASES_MISSED + CLOCK_SKEW:
        return Leader(lease, "leads", age)
    return Leader(lease, "silent" if lease.spec.holder_identity else "released", age)
