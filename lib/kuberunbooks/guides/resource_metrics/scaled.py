"""What an autoscaler scales: its target, the pods under it, and which of them lack a request."""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import (
    Deployment,
    Evidence,
    HorizontalPodAutoscaler,
    LimitRange,
    Pod,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    Workload,
)

from ..rules.autoscaling import NeededRequest, defaulted_requests, needed_requests, without_request
from ..rules.label_index import LabelIndex
from .target import Measured

_MEMO = "pods by label"
_KINDS: dict[str, type[Workload]] = {
    "Deployment": Deployment,
    "StatefulSet": StatefulSet,
    "ReplicaSet": ReplicaSet,
    "ReplicationController": ReplicationController,
}


class Scaled(NamedTuple):
    """The target of an autoscaler.

    `object` None: it does not exist where `known`, else it is of a kind this runbook does not
    know or was not read. `pods` are those its selector finds, as far as they were read.
    """

    object: Workload | None
    known: bool
    pods: list[Pod]

    @property
    def ready(self) -> int:
        """How many of the pods are ready."""
        return sum(pod.is_ready for pod in self.pods)


class Lacking(NamedTuple):
    """A request that is missing: of which containers, in which pods (none: read off the template).

    `template_fine`: only pods lack it, so it goes away as soon as they are replaced.
    """

    needed: NeededRequest
    containers: list[str]
    pods: list[str]
    evidence: list[Evidence]
    template_fine: bool = False


def scaled(target: Measured, cluster: Cluster, hpa: HorizontalPodAutoscaler) -> Scaled:
    """The target of an autoscaler; a request of its own only where the workloads were not listed."""
    ref = hpa.spec.scale_target_ref
    kind = _KINDS.get(ref.kind)
    if kind is None or not ref.name:
        return Scaled(None, False, [])
    held = target.controllers.get((ref.kind, hpa.namespace, ref.name))
    if isinstance(held, Workload):
        return Scaled(held, True, _pods_of(held, target))
    glance = cluster.find(kind, hpa.namespace, ref.name)
    if glance.object is None:
        return Scaled(None, glance.known, [])
    return Scaled(glance.object, True, _pods_of(glance.object, target))


def _pods_of(made: Workload, target: Measured) -> list[Pod]:
    """Whatever its selector finds, as the autoscaler's controller does: strangers count too."""
    if _MEMO not in target.memo:
        running = ((pod.namespace, pod.metadata.labels, pod) for pod in target.pods if not pod.is_terminal)
        target.memo[_MEMO] = LabelIndex(running)
    index: LabelIndex[Pod] = target.memo[_MEMO]
    return index.match(made.namespace, made.selector)


def lacking_requests(
    target: Measured, cluster: Cluster, hpa: HorizontalPodAutoscaler, below: Scaled
) -> list[Lacking]:
    """The requests an autoscaler needs and its pods do not have.

    The pods decide, since LimitRanges and webhooks give them requests the template lacks; the
    template does where no pod was read. Then what a LimitRange would give is taken into account,
    and nothing is claimed where those could not be read.
    """
    found = []
    for needed in needed_requests(hpa):
        if below.pods:
            found += _in_pods(needed, below)
        elif below.object is not None:
            found += _in_template(needed, below.object, target, cluster)
    return found


def _in_pods(needed: NeededRequest, below: Scaled) -> list[Lacking]:
    without = [(pod, names) for pod in below.pods if (names := without_request(pod.spec, needed))]
    if not without:
        return []
    cited = [
        pod.cite(_path(pod, name, needed.resource), "absent")
        for pod, names in without[:2]
        for name in names[:2]
    ]
    containers = list(dict.fromkeys(name for _, names in without for name in names))
    fine = below.object is not None and not without_request(below.object.template.spec, needed)
    return [Lacking(needed, containers, [pod.name for pod, _ in without], cited, fine)]


def _path(pod: Pod, container: str, resource: str) -> str:
    for field, listed in (("containers", pod.spec.containers), ("initContainers", pod.spec.init_containers)):
        for index, one in enumerate(listed):
            if one.name == container:
                return f"spec.{field}[{index}].resources.requests['{resource}']"
    return "spec.containers"


def _in_template(needed: NeededRequest, made: Workload, target: Measured, cluster: Cluster) -> list[Lacking]:
    names = without_request(made.template.spec, needed)
    if not names:
        return []
    ranges = cluster.look(LimitRange, made.namespace)
    if not ranges.complete or needed.resource in defaulted_requests(ranges):
        return []
    path = f"spec.template.spec.containers[name={names[0]}].resources.requests['{needed.resource}']"
    return [Lacking(needed, names, [], [made.cite(path, "absent")])]
