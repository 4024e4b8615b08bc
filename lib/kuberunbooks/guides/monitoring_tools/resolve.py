"""Finds what the history and the alerts are to be about.

As the resource-metrics guide finds it (pods, a workload, an autoscaler, a node), except that
without a target nothing is read here: the questions are then about a namespace or the cluster.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Words

from ..pods.target import Pods
from ..registry import Request
from ..resource_metrics.resolve import resolve as resolve_measured
from ..resource_metrics.target import Measured, measured


def resolve(cluster: Cluster, request: Request) -> Measured:
    """The target; raises what the resource-metrics guide's resolver raises, and BadParameter.

    An address of a Prometheus that cannot be used is refused here, before the first question.
    """
    _check_address(cluster, request)
    if request.target.strip():
        return resolve_measured(cluster, request)
    nothing = Pods(
        "",
        request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
    )
    return measured(nothing)


def _check_address(cluster: Cluster, request: Request) -> None:
    url = str(request.options.get("prometheus_url") or "")
    if not url:
        return
    # Imported here: a run without an address does not pay for it.
    from kuberunbooks.cluster.other_server import OtherServer, checked_address

    checked_address(url)
    if cluster.origin.kind == "live":
        # The token's file need not be there when a case is read.
        OtherServer(url, str(request.options.get("prometheus_token_file") or ""))
