"""The steps of the telepresence guide, in order, and what it needs to read."""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Mark, StepResult

from ..pods.change import change as change_of_pods
from ..pods.guide import GUIDE as PODS
from ..pods.timeline import timeline as timeline_of_pods
from ..registry import Guide
from .agents import agents
from .behind import pods, trouble_of
from .client import UPSTREAM, client
from .intercepts import intercepts
from .leftovers import leftovers
from .manager import manager
from .reach import reach
from .resolve import resolve
from .target import Telepresence
from .targets import targets


def timeline(target: Telepresence, cluster: Cluster) -> list[Mark]:
    """What happened to the traffic managers and to the pods whose agent is in trouble."""
    trouble = trouble_of(target, cluster)
    return timeline_of_pods(trouble, cluster) if trouble.pods else []


def change(target: Telepresence, cluster: Cluster, steps: list[StepResult]) -> str:
    """What changed in the managers' workloads and around sick agents before the headline began."""
    return change_of_pods(trouble_of(target, cluster), cluster, steps)


GUIDE = Guide(
    name="telepresence",
    title="Developing and debugging services locally using telepresence",
    upstream=UPSTREAM,
    resolve=resolve,
    steps=(client, manager, reach, targets, agents, intercepts, leftovers, pods),
    timeline=timeline,
    change=change,
    rights=(
        *PODS.rights,
        ("get", "", "services"),
        ("get", "", "configmaps"),
        ("get", "", "namespaces"),
        ("get", "apps", "deployments"),
        ("get", "apps", "statefulsets"),
    ),
)
