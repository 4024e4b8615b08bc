"""OV-01: is it the cluster, or the application?

Three looks decide: what the API server says of itself, whether the nodes that matter are
Ready, and whether the cluster's own pods are. What cannot be seen is named, not guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Subject, finding
from kuberunbooks.objects import Evidence

from ..pods.target import Pods
from ..rules.conditions import cite_condition
from ..step import Yielded, step
from .api_server import Readiness, readiness
from .lost_nodes import Nodes, look_at_nodes
from .resolve import is_whole_cluster
from .system_pods import SystemPods, look_at_system_pods

_CITED = 3
_CLUSTER = Subject(kind="Cluster", namespace="", name="cluster")


@step(
    "OV-01",
    title="Is it the cluster or the application?",
    upstream="https://kubernetes.io/docs/tasks/debug/",
)
def triage(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is the API server ready, are the nodes that matter, and do the cluster's own pods run?"""
    server = readiness(cluster)
    nodes = look_at_nodes(target, cluster)
    lost = [one.name for one in nodes.touching]
    elsewhere = [one.name for one in nodes.elsewhere]
    system = look_at_system_pods(target, cluster, frozenset((*lost, *elsewhere, *nodes.aside)))
    facts: dict[str, Any] = {
        "whole": is_whole_cluster(target),
        "nodes": len(nodes.listed),
        "elsewhere": elsewhere,
        "aside": nodes.aside,
        "unseen": _unseen(server, nodes, system),
    }
    if server.ready is False or lost or system.unready:
        if server.ready is not False and not system.unready:
            # The nodes' own findings say why.
            facts["because"] = [f"node/{name}" for name in lost]
        yield finding(
            "TriageCluster",
            _CLUSTER,
            evidence=_signs(server, nodes, system),
            since=_began(nodes, system),
            not_ready=server.ready is False,
            checks=server.failed,
            lost=lost,
            unready=[f"{pod.name} ({pod.status_text})" for pod in system.unready],
            **facts,
        )
        return
    ready = [node for node in nodes.listed if node.is_ready]
    yield finding(
        "TriageApplication",
        target.subject,
        evidence=[
            *server.evidence,
            *(cite for one in ready[:1] for cite in cite_condition(one, "Ready", "status")),
        ],
        api_ready=server.ready,
        ready=len(ready),
        system=len(system.read),
        **facts,
    )


def _unseen(server: Readiness, nodes: Nodes, system: SystemPods) -> list[str]:
    looks = {
        "the API server's own checks": server.ready is not None,
        "the nodes": nodes.listed.complete,
        "the pods of kube-system": system.known,
    }
    return [what for what, seen in looks.items() if not seen]


def _signs(server: Readiness, nodes: Nodes, system: SystemPods) -> list[Evidence]:
    cited = server.evidence if server.ready is False else []
    for trouble in nodes.touching[:_CITED]:
        if trouble.node is not None:
            cited += cite_condition(trouble.node, "Ready", "status", "reason")
    for pod in system.unready[:_CITED]:
        cited += cite_condition(pod, "Ready", "status", "reason")
    return cited


def _began(nodes: Nodes, system: SystemPods) -> Any:
    """The earliest of what is known."""
    conditions = (pod.condition("Ready") for pod in system.unready)
    times = [one.since for one in nodes.touching]
    times += [one.last_transition_time for one in conditions if one is not None]
    return min((at for at in times if at is not None), default=None)
