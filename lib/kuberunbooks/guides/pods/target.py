"""What the pods runbook looks at, resolved: the pods, the workloads above them, and who is who.

`resolve` fills it; every step reads it. The partitions (`suspects`, `pending`,
`unscheduled`) are worked out once, so that a step over 5,000 healthy pods costs
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from kuberunbooks.findings import Owner, Subject, Words
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

Controller = Deployment | ReplicaSet | StatefulSet | DaemonSet | ReplicationController | Job | CronJob
Key = tuple[str, str, str]
"""(kind, namespace, name)."""


@dataclass
class Pods:
    """The target of the pods runbook, resolved.

    `pods` are the pods in question. `controllers` are the workloads above them
    that could be read, by (kind, namespace, name); of a Deployment's ReplicaSets
    those with pods and the newest. `roots` are the top workloads in question,
    also those that have no pods at all. `history` are the ReplicaSets of each
    Deployment as far as they were read, newest rollout last.

    `wanted` is the target (`deployment/web`, `app=web`, a name), `kind` its API
    kind when it names one, `namespace` empty for all namespaces, `since` how many
    seconds back things count as recent.

    `missing` is set when the target does not exist; then `near_names` are names
    that look alike (`deployment/web`), `other_namespaces` where it lives instead.
    `namespace_missing`: the namespace itself does not exist, and `near_names`
    are namespaces.

    `unread` are the kinds of workloads that could not be listed (`deployments.apps`).

    `single` is True when the target is one pod: then reads stay bounded.
    `warned` are (namespace, name) of the pods that recent Warning events are about.
    `words` are those of the run's language, for captions and notes.
    `most_requests` is how many a run on one live pod makes, whatever the cluster's size.
    `memo` is what steps worked out that following steps need again.
    """

    wanted: str
    namespace: str
    kind: str = ""
    pods: list[Pod] = field(default_factory=list)
    controllers: dict[Key, Controller] = field(default_factory=dict)
    roots: list[Controller] = field(default_factory=list)
    history: dict[Key, list[ReplicaSet]] = field(default_factory=dict)
    single: bool = False
    missing: bool = False
    namespace_missing: bool = False
    near_names: list[str] = field(default_factory=list)
    other_namespaces: list[str] = field(default_factory=list)
    since: float = 3600.0
    options: dict[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    unread: list[str] = field(default_factory=list)
    warned: frozenset[tuple[str, str]] = frozenset()
    words: Words = field(default_factory=Words)
    most_requests: int = 12
    memo: dict[str, Any] = field(default_factory=dict)
    _owners: dict[tuple[str, str], str] = field(default_factory=dict)
    _totals: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The target as the report names it: `shop/deployment/web`, `namespace shop`, `all namespaces`."""
        place = self.namespace or "all namespaces"
        if self.wanted:
            return f"{place}/{self.wanted}"
        return f"namespace {place}" if self.namespace else place

    @property
    def subject(self) -> Subject:
        """The target as a whole."""
        if self.kind:
            return Subject(
                kind=self.kind,
                namespace=self.namespace,
                name=self.wanted.removeprefix(f"{self.kind.lower()}/"),
            )
        if not self.wanted and self.namespace:
            return Subject(kind="Namespace", namespace="", name=self.namespace)
        return Subject(kind="Pods", namespace=self.namespace, name=self.wanted or "all namespaces")

    @cached_property
    def fine(self) -> list[Pod]:
        """The pods that are plainly fine: completed, or running and ready, not deleted, no recent restart."""
        horizon = self.now - timedelta(seconds=self.since) if self.now else None
        return [pod for pod in self.pods if _is_fine(pod, horizon)]

    @cached_property
    def suspects(self) -> list[Pod]:
        """The pods worth a look: those not plainly fine, and those that recent Warning events are about."""
        fine = {id(pod) for pod in self.fine}
        return [pod for pod in self.pods if id(pod) not in fine or self._is_warned(pod)]

    @cached_property
    def pending(self) -> list[Pod]:
        """The pods of phase Pending that are not being deleted."""
        return [
            pod for pod in self.suspects if pod.phase == "Pending" and not pod.metadata.deletion_timestamp
        ]

    @cached_property
    def unscheduled(self) -> list[Pod]:
        """The pods without a node that still want one: neither ended nor being deleted."""
        return [
            pod
            for pod in self.suspects
            if not pod.spec.node_name and not pod.is_terminal and not pod.metadata.deletion_timestamp
        ]

    def owner_of(self, subject: Subject) -> Owner:
        """The top workload of a pod (`deployment/web`) and how many pods it has, as far as they were read."""
        if subject.kind != "Pod":
            return Owner()
        owner = self._owners.get((subject.namespace, subject.name), "")
        return Owner(owner, self._totals.get((subject.namespace, owner), 0)) if owner else Owner()

    def owner_name(self, pod: Pod) -> str:
        """The top workload of a pod as text (`deployment/web`); empty for a bare pod."""
        return self._owners.get((pod.namespace, pod.name), "")

    def label_of(self, one: Pod | Controller) -> str:
        """`pod/web-1`; with its namespace when the target spans several."""
        return one.kind_name if self.namespace else f"{one.namespace}/{one.kind_name}"

    def controller_of(self, pod: Pod) -> Controller | None:
        """The workload directly above a pod, if it was read."""
        key = pod.controller_key
        return self.controllers.get(key) if key else None

    def top_of(self, thing: Pod | Controller) -> Controller | None:
        """The workload at the top above a pod (the Deployment, not its ReplicaSet), if it was read."""
        current = self.controller_of(thing) if isinstance(thing, Pod) else thing
        while current is not None and (above := current.controller_key) is not None:
            higher = self.controllers.get(above)
            if higher is None:
                break
            current = higher
        return current

    def index(self, population: list[Pod] | None = None) -> None:
        """Works out owners and totals once, after `pods` and `controllers` are filled.

        `population` are all pods that were read when the target is only some of
        them: an owner's total counts those too.
        """
        self._owners.clear()
        self._totals.clear()
        for name in ("fine", "suspects", "pending", "unscheduled"):
            self.__dict__.pop(name, None)
        wanted = {(pod.namespace, pod.name) for pod in self.pods} if population is not None else None
        for pod in population if population is not None else self.pods:
            text = owner_text(pod, self)
            if not text:
                continue
            key = (pod.namespace, text)
            self._totals[key] = self._totals.get(key, 0) + 1
            if wanted is None or (pod.namespace, pod.name) in wanted:
                self._owners[(pod.namespace, pod.name)] = text

    def _is_warned(self, pod: Pod) -> bool:
        return bool(self.warned) and (pod.namespace, pod.name) in self.warned


def owner_text(pod: Pod, target: Pods) -> str:
    """`deployment/web` for a pod of any of its ReplicaSets, also when the workloads could not be read.

    Empty for a bare pod and for a static one, whose owner is only its node.
    """
    owner = pod.controller
    if owner is None or owner.kind == "Node":
        return ""
    top = target.top_of(pod)
    if top is not None:
        above = top.controller
        return above.kind_name if above else top.kind_name
    hash_ = pod.metadata.labels.get("pod-template-hash", "")
    if owner.kind == "ReplicaSet" and hash_ and owner.name.endswith(f"-{hash_}"):
        return f"deployment/{owner.name.removesuffix(f'-{hash_}')}"
    return owner.kind_name


def _is_fine(pod: Pod, horizon: datetime | None) -> bool:
    """Cheap: called for every pod of the target."""
    status = pod.status
    if pod.metadata.deletion_timestamp is not None:
        return False
    if status.phase == "Succeeded":
        return True
    if status.phase != "Running" or not pod.is_ready:
        return False
    for statuses in (status.container_statuses, status.init_container_statuses):
        for one in statuses:
            ended = one.last_state.terminated
            if ended is not None and (
                horizon is None or ended.finished_at is None or ended.finished_at >= horizon
            ):
                return False
    return True
