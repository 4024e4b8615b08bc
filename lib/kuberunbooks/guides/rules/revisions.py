"""The revisions of a workload: which templates its pods were made from, and which of them worked.

A Deployment keeps them as ReplicaSets, StatefulSet and DaemonSet as ControllerRevisions;
a pod's label says which one it is of. Called by the change history of the running-pods guide
and the rollout step of the statefulsets guide.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import ControllerRevision, DaemonSet, Deployment, Pod, ReplicaSet, StatefulSet

Versioned = Deployment | StatefulSet | DaemonSet
POD_HASHES = ("pod-template-hash", "controller-revision-hash")
"""Labels by which a pod names its revision (set by the Deployment, StatefulSet and DaemonSet controllers)."""


class Revision(NamedTuple):
    """One template. `number` grows with each rollout (0: unknown), `created` is when it was first used.

    `ready` is how many of its pods are ready, None where the controller does not count that.
    """

    of: ReplicaSet | ControllerRevision
    number: int
    created: datetime | None
    ready: int | None

    @property
    def name(self) -> str:
        """The name of the ReplicaSet or ControllerRevision."""
        return self.of.name

    def is_of(self, pod: Pod) -> bool:
        """Whether the pod was made from it.

        A StatefulSet's pod carries the revision's whole name, the others' the hash it ends in.
        """
        marks = [pod.metadata.labels.get(label, "") for label in POD_HASHES]
        return any(mark and (mark == self.name or self.name.endswith(f"-{mark}")) for mark in marks)


def revisions(workload: Versioned, cluster: Cluster) -> tuple[list[Revision], str]:
    """The revisions that are still kept, newest last, and why there may be more (empty: there are none).

    One request, by the workload's selector.
    """
    labels = workload.selector.text()
    found: Listing[Any]
    if isinstance(workload, Deployment):
        found = cluster.look(ReplicaSet, workload.namespace, labels=labels)
    else:
        found = cluster.look(ControllerRevision, workload.namespace, labels=labels)
    own = [_revision(one) for one in found if one.controller_key == workload.key]
    return sorted(own, key=_age), found.why


def template_of(one: Revision, cluster: Cluster) -> dict[str, Any]:
    """The pod template of a revision, all its fields. Raises ClusterError; empty when it holds none."""
    held = cluster.read_raw_object(type(one.of), one.of.namespace, one.name)
    inside = held if isinstance(one.of, ReplicaSet) else held.get("data")
    spec = inside.get("spec") if isinstance(inside, dict) else None
    template = spec.get("template") if isinstance(spec, dict) else None
    if not isinstance(template, dict):
        return {}
    # A ControllerRevision is a patch: this says how to apply it, and is no field of a template.
    return {field: value for field, value in template.items() if field != "$patch"}


def last_good(known: list[Revision], failing: Revision, pods: Iterable[Pod]) -> tuple[Revision | None, bool]:
    """The revision before the failing one to compare with, and whether it is known to have worked.

    The newest older one that has ready pods now; where none has, the one just before.
    """
    older = known[: known.index(failing)]
    ready = [pod for pod in pods if pod.is_ready]
    for one in reversed(older):
        if one.ready or any(one.is_of(pod) for pod in ready):
            return one, True
    return (older[-1], False) if older else (None, False)


def _revision(one: ReplicaSet | ControllerRevision) -> Revision:
    created = one.metadata.creation_timestamp
    if isinstance(one, ReplicaSet):
        return Revision(one, one.revision, created, one.ready)
    return Revision(one, one.revision, created, None)


def _age(one: Revision) -> tuple[int, float]:
    return (one.number, one.created.timestamp() if one.created else 0.0)
