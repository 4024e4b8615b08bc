"""What the pods runbook looks at: a pod, a prefix, a selector, a workload, a namespace, everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Owner, Subject
from kuberunbooks.objects import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    Pod,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
)

from ..registry import Request

Controller = Deployment | ReplicaSet | StatefulSet | DaemonSet | ReplicationController | Job | CronJob


@dataclass
class Pods:
    """The target of the pods runbook, resolved.

    `pods` are the pods in question, worst candidates not yet sorted out.
    `controllers` are the workloads above them that could be read, by
    (kind, namespace, name); a Deployment's newest ReplicaSet is there too.
    `wanted` is the target as typed, `namespace` empty for all namespaces.
    `missing` is set when the target does not exist: near names and the other
    namespaces where it lives.
    `single` is True when the target is one pod: then reads stay bounded.
    """

    wanted: str
    namespace: str
    pods: list[Pod] = field(default_factory=list)
    controllers: dict[tuple[str, str, str], Controller] = field(default_factory=dict)
    roots: list[Controller] = field(default_factory=list)
    single: bool = False
    missing: bool = False
    near_names: list[str] = field(default_factory=list)
    other_namespaces: list[str] = field(default_factory=list)
    since: float = 3600.0
    options: dict[str, Any] = field(default_factory=dict)
    _owners: dict[tuple[str, str], str] = field(default_factory=dict)
    _totals: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The target as the report names it: `shop/deployment/web`, `namespace shop`, `all namespaces`."""
        place = self.namespace or "all namespaces"
        return (
            f"{place}/{self.wanted}" if self.wanted else (f"namespace {place}" if self.namespace else place)
        )

    @property
    def subject(self) -> Subject:
        """The target as a whole."""
        kind, _, name = self.wanted.rpartition("/")
        return Subject(kind=kind.capitalize() or "Target", namespace=self.namespace, name=name or self.text)

    def owner_of(self, subject: Subject) -> Owner:
        """The top workload of a pod (`deployment/web`) and how many of the target's pods it has."""
        if subject.kind != "Pod":
            return Owner()
        key = (subject.namespace, subject.name)
        owner = self._owners.get(key, "")
        return Owner(owner, self._totals.get((subject.namespace, owner), 0)) if owner else Owner()

    def controller_of(self, pod: Pod) -> Controller | None:
        """The workload directly above a pod, if it was read."""
        owner = pod.controller
        return self.controllers.get((owner.kind, pod.namespace, owner.name)) if owner else None

    def top_of(self, pod: Pod) -> Controller | None:
        """The workload at the top above a pod (the Deployment, not its ReplicaSet), if it was read."""
        current = self.controller_of(pod)
        while current is not None and (above := current.controller) is not None:
            higher = self.controllers.get((above.kind, current.namespace, above.name))
            if higher is None:
                break
            current = higher
        return current

    def index(self) -> None:
        """Works out owner texts and totals once, after `pods` and `controllers` are filled."""
        self._owners.clear()
        self._totals.clear()
        for pod in self.pods:
            text = owner_text(pod, self)
            if text:
                self._owners[(pod.namespace, pod.name)] = text
                key = (pod.namespace, text)
                self._totals[key] = self._totals.get(key, 0) + 1


def owner_text(pod: Pod, target: Pods) -> str:
    """`deployment/web` for a pod of any of its ReplicaSets, also when the ReplicaSet could not be read."""
    top = target.top_of(pod)
    if top is not None:
        return f"{top.kind.lower()}/{top.name}"
    owner = pod.controller
    if owner is None:
        return ""
    hash_ = pod.metadata.labels.get("pod-template-hash", "")
    if owner.kind == "ReplicaSet" and hash_ and owner.name.endswith(f"-{hash_}"):
        return f"deployment/{owner.name.removesuffix(f'-{hash_}')}"
    return f"{owner.kind.lower()}/{owner.name}"


def resolve(cluster: Cluster, request: Request) -> Pods:
    """Finds the target. Raises ClusterError when pods cannot be read at all."""
    target = Pods(request.target, request.namespace, since=request.since, options=request.options)
    target.pods = list(cluster.read(Pod, request.namespace))
    target.index()
    return target
