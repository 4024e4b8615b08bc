"""What the steps about usage say when nothing was measured."""

from __future__ import annotations

from kuberunbooks.cluster import Cluster

from ..step import NotChecked
from .measurements import node_use, pod_use
from .node_metrics import without_api
from .target import Measured


def unmeasured(target: Measured, cluster: Cluster) -> NotChecked:
    """Why there is no usage to show; that the metrics API was refused is said in full by the steps before."""
    nodes, pods = node_use(target, cluster), pod_use(target, cluster)
    error = nodes.error or pods.error
    if error is not None:
        return NotChecked(f"No usage could be read: {error}")
    if nodes.origin == "api":
        return NotChecked("The metrics API has no values for what was asked for; see the steps before.")
    return NotChecked(without_api(target, cluster, from_kubelet=False))
