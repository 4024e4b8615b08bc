"""On which nodes a detector should run and on which it does. Called by the steps about where it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import Node, Pod, PodSpec, Toleration

from ..rules.node_fit import is_lost, is_selected, untolerated_taints
from ..rules.thresholds import NODE_STARTING, STARTING
from .detector import Detector
from .target import NodeProblems

# The DaemonSet controller adds these itself (AddOrUpdateDaemonPodTolerations).
_ADDED = tuple(
    Toleration(key=f"node.kubernetes.io/{name}", operator="Exists", effect=effect)
    for name, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
        ("network-unavailable", "NoSchedule"),
    )
)
# Nodes that are no machines: no DaemonSet runs there.
_NO_MACHINE = (("type", "virtual-kubelet"), ("eks.amazonaws.com/compute-type", "fargate"))


class Place(NamedTuple):
    """A ready node and its detector. `pods` are those on it; `why` is what keeps every detector off."""

    node: Node
    pods: list[Pod]
    wanted_by: Detector | None
    why: str

    @property
    def is_covered(self) -> bool:
        """Whether a ready detector is on it."""
        return any(pod.is_ready for pod in self.pods)


def places(detectors: list[Detector], target: NodeProblems, cluster: Cluster) -> list[Place]:
    """The ready machines that could be judged; those of an operating system nothing is for are left out."""
    found = []
    for node in target.nodes(cluster):
        if not node.is_ready or is_lost(node) or _is_no_machine(node):
            continue
        refusals = [(one, refusal(one, node)) for one in detectors]
        wanted = next((one for one, why in refusals if not why), None)
        if wanted is None and not any(_suits(one, node) for one in detectors):
            continue
        pods = [pod for one in detectors for pod in one.pods if pod.spec.node_name == node.name]
        found.append(Place(node, pods, wanted, "" if wanted else next((why for _, why in refusals), "")))
    return found


def refusal(detector: Detector, node: Node) -> str:
    """What keeps the detector's pods off a node, in one clause; empty when nothing does."""
    spec = _spec(detector)
    if not is_selected(spec, node):
        return f"the node selector or affinity of {detector.text} does not match"
    taints = untolerated_taints(spec, node)
    return f"{detector.text} does not tolerate {', '.join(one.text for one in taints)}" if taints else ""


def is_settling(place: Place, cluster: Cluster) -> bool:
    """Whether the node, or the newest pod on it, is so young that nothing is late yet."""
    ready = place.node.condition("Ready")
    since = ready.last_transition_time if ready is not None else None
    if place.node.age(cluster.now) < NODE_STARTING:
        return True
    if since is not None and (cluster.now - since).total_seconds() < STARTING:
        return True
    return any(pod.age(cluster.now) < STARTING for pod in place.pods) or any(
        pod.metadata.deletion_timestamp is not None for pod in place.pods
    )


def names(found: Iterable[Place]) -> list[str]:
    """The names of their nodes."""
    return [one.node.name for one in found]


def _spec(detector: Detector) -> PodSpec:
    spec = detector.daemon_set.template.spec
    return msgspec.structs.replace(spec, tolerations=[*spec.tolerations, *_ADDED])


def _suits(detector: Detector, node: Node) -> bool:
    """Whether it is for the node's operating system: one for Linux alone leaves no Windows node uncovered."""
    system = node.status.node_info.operating_system or node.metadata.labels.get("kubernetes.io/os", "linux")
    if system != "windows":
        return True
    return "windows" in detector.container.image or is_selected(_spec(detector), node)


def _is_no_machine(node: Node) -> bool:
    return any(node.metadata.labels.get(key) == value for key, value in _NO_MACHINE)
