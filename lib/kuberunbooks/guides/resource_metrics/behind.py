"""Asks steps of the pods guide about the pods of metrics-server, when none of them is ready."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding
from kuberunbooks.objects import Deployment, labels_text

from ..pods.resolve import resolve as resolve_pods
from ..pods.target import Pods
from ..registry import Request
from ..step import NotChecked, Step, StepFunction, Yielded
from .metrics_server import EXPLAINS
from .server_pods import Server, server_of
from .target import Measured


def of_the_server(one: Step) -> Step:
    """The step, asked of the pods behind the metrics API."""
    return one._replace(parts=tuple(_asked(part) for part in one.parts))


def _asked(part: StepFunction) -> StepFunction:
    @functools.wraps(part)
    def run(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
        server = server_of(target, cluster)
        if server.service is None or server.ready or (server.pods and server.is_starting(cluster.now)):
            yield NotChecked("Its pods are ready, or there are none to look at.")
            return
        behind = _behind(target, cluster, server)
        if behind is None:
            yield NotChecked("Nothing was found that should make its pods.")
            return
        for item in part(behind, cluster):
            if isinstance(item, Finding):
                item.facts["explains"] = [
                    *item.facts.get("explains", ()),
                    EXPLAINS,
                    f"service/{server.service.name}",
                ]
            yield item

    return run


def _behind(target: Measured, cluster: Cluster, server: Server) -> Pods | None:
    """The pods of metrics-server as a target of the pods guide, with the workload above them."""
    if target.server is None and server.service is not None:
        place, selector = server.service.namespace, labels_text(server.service.spec.selector)
        wanted = selector
        if not server.pods:
            deployment = cluster.find(Deployment, place, server.service.name).object
            if deployment is None:
                return None
            wanted = deployment.kind_name
        try:
            target.server = resolve_pods(cluster, Request(place, wanted, target.since, {}))
        except ClusterError:
            return None
    return target.server
