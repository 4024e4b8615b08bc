"""The pods guide's steps, asked about the pods of StatefulSets.

Their findings get the pod's ordinal, so that the lowest leads; what a step of this
guide says better (the tables of pods, that all is well, nodes that are lost) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Table

from ..pods.crashes import crashes
from ..pods.host_ports import host_ports
from ..pods.images import images
from ..pods.overall import overall
from ..pods.placement import placement
from ..pods.resources import resources
from ..pods.scheduling import scheduling
from ..pods.target import Pods
from ..pods.terminating import terminating
from ..pods.waiting import waiting
from ..pods.workloads import workloads
from ..step import Step, StepFunction, Yielded, combined
from .lost_nodes import lost_nodes
from .members import told_of

# The members step shows every pod and every StatefulSet in a table of its own.
_TABLED = ("overall", "workloads")
# What the force step says of a lost node, with what follows for a pod that must be the only one of its name.
_OF_LOST_NODES = frozenset(
    {"NodeStatusUnknown", "NodeMissing", "PodNodeNotReady", "TerminatingOnLostNode", "PodTerminatingStuck"}
)


def borrowed(one: Step) -> Step:
    """A step of the pods guide for the pods of StatefulSets."""
    return one._replace(parts=tuple(_borrowed(function, one.name) for function in one.parts))


def _borrowed(function: StepFunction, name: str) -> StepFunction:
    @wraps(function)
    def asked(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
        if not target.roots:
            return
        for item in function(target, cluster):
            if isinstance(item, Table) and name in _TABLED:
                continue
            if not isinstance(item, Finding):
                yield item
            elif item.severity != "ok" and not _is_told(item, target, cluster):
                yield told_of(item, target)

    return asked


def _is_told(one: Finding, target: Pods, cluster: Cluster) -> bool:
    """Whether the steps on stuck pods say it."""
    if one.code not in _OF_LOST_NODES or one.facts.get("waiting"):
        return False
    lost = lost_nodes(target, cluster)
    if one.subject.kind == "Node":
        return any(found.name == one.subject.name for found in lost)
    node = one.facts.get("node", "")
    return any(found.name == node for found in lost)


deletions = borrowed(terminating)
"""Part of the step on stuck pods."""

making = borrowed(workloads)
"""Part of the first step: can the controller make the pods, are as many ready, may one be evicted?"""

causes = combined(
    "SS-04",
    "causes",
    [
        borrowed(one)
        for one in (
            overall,
            scheduling,
            resources,
            host_ports,
            placement,
            images,
            waiting,
            crashes,
        )
    ],
    title="Why is a pod not ready?",
    question="What keeps each pod from being placed, started and ready, the lowest ordinal first?",
)
