"""The steps of the ephemeral-debug guide, in order, and what it needs to read.

The active half of "Debug running pods": without permission to act it says what would be done, and judges
what was done by others, from the API's objects and from transcripts.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Mark, StepResult

from ..pods.change import change as change_of_pods
from ..pods.guide import GUIDE as PODS
from ..pods.timeline import timeline as timeline_of_pods
from ..registry import Guide
from ..running_pods.leftovers import leftovers as leftovers_of_pods
from ..step import Yielded, step
from .acts import newest
from .capture import capture
from .copies import comparison, copies
from .ephemeral import ephemeral
from .node_shell import node_shell
from .profiles import profiles
from .resolve import resolve
from .target import Debugging
from .way import way


@step("RP-21", title="Was something left behind by debugging?")
def leftovers(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """Are there debug containers, copies or node shells that somebody has forgotten?"""
    # What was added by this run is not in what was read before it.
    behind = target.behind
    seen = [*newest(target, cluster), *target.others]
    for part in leftovers_of_pods.parts:
        held, behind.pods = behind.pods, seen
        try:
            yield from part(behind, cluster)
        finally:
            behind.pods = held


def timeline(target: Debugging, cluster: Cluster) -> list[Mark]:
    """What happened to the pod."""
    return timeline_of_pods(target.behind, cluster) if target.pod is not None else []


def change(target: Debugging, cluster: Cluster, steps: list[StepResult]) -> str:
    """What changed in the pod's workload before its trouble began."""
    return change_of_pods(target.behind, cluster, steps) if target.pod is not None else ""


GUIDE = Guide(
    name="ephemeral-debug",
    title="Look into a running pod or its node",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/#ephemeral-container",
    resolve=resolve,
    steps=(way, profiles, ephemeral, copies, comparison, node_shell, capture, leftovers),
    timeline=timeline,
    change=change,
    rights=(*PODS.rights, ("get", "", "namespaces")),
)
