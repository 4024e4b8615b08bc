"""DP-01: is every container running, has anything restarted lately?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding

from ..step import Yielded, step
from .target import Pods


@step("DP-01", title="What state are the pods in?")
def overall(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Are all containers running, and has anything restarted lately?"""
    yield Table(
        caption="Pods as kubectl prints them",
        columns=[Column(name="NAME"), Column(name="READY"), Column(name="STATUS"), Column(name="RESTARTS")],
        rows=[
            [pod.name, pod.ready_text, pod.status_text, pod.restarts_text(cluster.now)]
            for pod in target.pods[:50]
        ],
        omitted=max(0, len(target.pods) - 50),
    )
    for pod in target.pods:
        yield from _completed(pod)


def _completed(pod) -> Iterator[Finding]:  # type: ignore[no-untyped-def]
    if pod.phase == "Succeeded":
        yield finding("PodCompleted", pod, evidence=pod.cite("status.phase"))
