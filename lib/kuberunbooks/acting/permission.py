"""Whether a cluster may be acted on: the one place where `allow_actions` is looked at.

Without an actor nothing in this package can be reached, and nothing of it is loaded. Called by the
notebook session when it has connected to a live cluster.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.live import LiveSource

from .actions import Actor


def actor_for(cluster: Cluster, live: LiveSource, allow_actions: object) -> Actor | None:
    """The actor of a live cluster where actions are allowed; None unless `allow_actions` is exactly True."""
    if allow_actions is not True:
        return None
    from .actor import LiveActor

    return LiveActor(cluster, live)
