"""The pods of each StatefulSet by ordinal, and how each of them stands.

`resolve` fills it; every step reads it. What looks like a member and is none (the
pod of an earlier StatefulSet of the same name) is kept apart: it holds the name that
the controller needs, but it is not its pod.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kuberunbooks.findings import Finding
from kuberunbooks.objects import Pod, StatefulSet

from ..pods.containers import unready_since
from ..pods.target import Key, Pods
from ..rules.settling import is_leaving
from ..rules.thresholds import ROLLOUT_STUCK, STARTING

INDEX_LABEL = "apps.kubernetes.io/pod-index"
REVISION_LABEL = "controller-revision-hash"
_MOST_ORDINALS = 10_000
"""Of one StatefulSet; more are not gone through one by one."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_ORDINARY_WAITS = frozenset({"", "ContainerCreating", "PodInitializing"})

Standing = Literal["ready", "starting", "slow", "broken"]


@dataclass(frozen=True)
class Members:
    """A StatefulSet's own pods by ordinal, lowest first.

    `foreign` are pods that bear the name of a member but were made by somebody else.
    `complete` is False when pods may exist that were not read: then none is missing.
    """

    root: StatefulSet
    by_ordinal: dict[int, Pod]
    foreign: dict[int, Pod]
    complete: bool

    @property
    def pods(self) -> list[Pod]:
        """Its pods, lowest ordinal first."""
        return list(self.by_ordinal.values())

    @property
    def wanted(self) -> range:
        """The ordinals it wants pods for, the first ten thousand of them."""
        return self.root.ordinals[:_MOST_ORDINALS]

    @property
    def absent(self) -> list[int]:
        """The ordinals it wants and that have no pod; none while that cannot be known."""
        if not self.complete:
            return []
        return [number for number in self.wanted if number not in self.by_ordinal]

    @property
    def surplus(self) -> list[int]:
        """The ordinals it does not want any more and whose pods are still there."""
        wanted = self.root.ordinals
        return [number for number in self.by_ordinal if number not in wanted]

    @property
    def is_noticed(self) -> bool:
        """The controller has seen the present specification, and the StatefulSet is not being deleted."""
        meta = self.root.metadata
        return meta.deletion_timestamp is None and self.root.status.observed_generation >= meta.generation

    def first_unready(self) -> Pod | None:
        """The wanted pod with the lowest ordinal that is not ready: in order, all others wait for it."""
        wanted = self.root.ordinals
        return next(
            (
                pod
                for number, pod in self.by_ordinal.items()
                if number in wanted and (not pod.is_ready or pod.metadata.deletion_timestamp is not None)
            ),
            None,
        )


def members_of(target: Pods) -> list[Members]:
    """The StatefulSets of the target with their pods, by namespace and name."""
    known: list[Members] = target.memo.get("members", [])
    return known


def ordinal_of(pod: Pod) -> int | None:
    """Its number: the label the controller sets since Kubernetes 1.28, else the end of its name."""
    for text in (pod.metadata.labels.get(INDEX_LABEL, ""), pod.name.rpartition("-")[2]):
        if _NUMBER.fullmatch(text):
            return int(text)
    return None


def revision_of(pod: Pod) -> str:
    """The name of the ControllerRevision it was made from; empty when it does not say."""
    return pod.metadata.labels.get(REVISION_LABEL, "")


def sort_members(root: StatefulSet, pods: list[Pod], *, complete: bool) -> Members:
    """Tells a StatefulSet's own pods from those that only bear the name of one.

    The controller goes by the owner's uid: a pod whose owner was an earlier StatefulSet
    of the same name, or that nobody owns, keeps the name until it is gone or adopted.
    """
    own: dict[int, Pod] = {}
    foreign: dict[int, Pod] = {}
    for pod in pods:
        number = ordinal_of(pod)
        if number is None or pod.namespace != root.namespace:
            continue
        if _owns(root, pod):
            own[number] = pod
        elif pod.name == f"{root.name}-{number}":
            foreign[number] = pod
    return Members(root, dict(sorted(own.items())), foreign, complete)


def _owns(root: StatefulSet, pod: Pod) -> bool:
    owner = pod.controller
    if owner is None or owner.kind != "StatefulSet" or owner.name != root.name:
        return False
    return owner.uid == root.uid or not (owner.uid and root.uid)


def unready_for(pod: Pod, now: datetime) -> float:
    """How many seconds it has not been ready; 0 when it is, its age when it never said."""
    if pod.is_ready:
        return 0.0
    since = unready_since(pod)
    return max(0.0, (now - since).total_seconds()) if since is not None else pod.age(now)


def standing_of(pod: Pod, now: datetime) -> Standing:
    """Whether it is ready, has only just begun (or is leaving in time), takes long, or does not get there.

    A pod whose containers merely run without being ready may be a database reading its log:
    it counts as broken only after ten minutes.
    """
    if pod.metadata.deletion_timestamp is not None:
        return "starting" if is_leaving(pod, now) else "broken"
    seconds = unready_for(pod, now)
    if not seconds:
        return "ready"
    if seconds < STARTING:
        return "starting"
    return "broken" if seconds >= ROLLOUT_STUCK or is_failing(pod) else "slow"


def is_failing(pod: Pod) -> bool:
    """It has no node, or a container waits for more than its creation, has ended badly or begun again."""
    if not pod.is_scheduled or pod.phase == "Failed":
        return True
    for view in pod.containers("app", "init", "sidecar"):
        state = view.status.state
        if state.waiting is not None and state.waiting.reason not in _ORDINARY_WAITS:
            return True
        if state.terminated is not None and state.terminated.exit_code:
            return True
        if view.status.restart_count and not view.status.ready and view.role != "init":
            return True
    return False


def told_of(one: Finding, target: Pods) -> Finding:
    """The finding with its pod's place in the order: the lowest ordinal leads, and explains its StatefulSet.

    The StatefulSet is named because its pods' top owner may be somebody else: an operator's resource.
    """
    if one.subject.kind == "Node":
        bound = [pod for pod in target.pods if pod.spec.node_name == one.subject.name]
        sets = {f"{root.namespace}/{root.kind_name}" for pod in bound if (root := set_of(pod, target))}
        one.facts["explains"] = [*one.facts.get("explains", ()), *sorted(sets)]
    if one.subject.kind != "Pod":
        return one
    place = _places(target).get((one.subject.namespace, one.subject.name))
    if place is not None:
        number, root = place
        one.facts.setdefault("ordinal", number)
        one.facts["explains"] = [*one.facts.get("explains", ()), root.kind_name]
    return one


def _places(target: Pods) -> dict[tuple[str, str], tuple[int, StatefulSet]]:
    known: dict[tuple[str, str], tuple[int, StatefulSet]] | None = target.memo.get("places")
    if known is None:
        known = target.memo["places"] = {
            (pod.namespace, pod.name): (number, one.root)
            for one in members_of(target)
            for number, pod in one.by_ordinal.items()
        }
    return known


def set_of(pod: Pod, target: Pods) -> StatefulSet | None:
    """The StatefulSet a pod of the target is a member of."""
    place = _places(target).get((pod.namespace, pod.name))
    return place[1] if place else None


def key_of(root: StatefulSet, ordinal: int) -> Key:
    """(kind, namespace, name) of the pod with this ordinal, whether it exists or not."""
    return ("Pod", root.namespace, f"{root.name}-{ordinal}")
