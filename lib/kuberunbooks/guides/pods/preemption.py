"""Was a pod pushed out for a more important one? Part of the scheduling step.

Event Preempted stands on the victim, which is gone. It is attributed to the
workload whose pods bear such names; the replacement is what can still be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Event, Evidence, Pod, StatefulSet

from ..rules.conditions import condition_path
from ..rules.scheduler_message import PreemptedBy, parse_preempted
from .target import Pods
from .unscheduled import Allowance, Refusal, owner_facts

# Clocks of scheduler and API server may differ; conventional tolerance.
_SKEW = timedelta(seconds=30)
# Only for want of these does the place a victim left behind matter.
_ROOM = frozenset(
    (
        "InsufficientCpu",
        "InsufficientMemory",
        "InsufficientEphemeralStorage",
        "InsufficientExtendedResource",
        "TooManyPods",
        "HostPortConflict",
        "PodAffinityUnsatisfied",
        "TopologySpreadUnsatisfied",
    )
)


class Preemptor(NamedTuple):
    """Who was put in a victim's place, as far as it could be found."""

    text: str
    pod: Pod | None


def preempted(target: Pods, cluster: Cluster, refused: list[Refusal]) -> Iterator[Finding]:
    """Pods being preempted now, and pods that wait because an earlier pod of their workload was preempted."""
    for pod in target.suspects:
        condition = pod.condition("DisruptionTarget")
        if condition is not None and condition.is_true and condition.reason == "PreemptionByScheduler":
            yield finding(
                "PodPreempted",
                pod,
                evidence=pod.cite(f"{condition_path(pod, condition.type)}.message"),
                since=condition.last_transition_time,
                victims=[pod.name],
                replaced=False,
                message=condition.message,
                node=pod.spec.node_name,
                preemptor="",
                preemptor_priority=None,
                priority=pod.spec.priority or 0,
                reasons=[],
                **owner_facts(target, pod),
            )
    waiting = [one for one in refused if one.example.controller and _ROOM.intersection(one.message.codes)]
    events: dict[str, list[Event]] = {}
    for refusal in waiting:
        namespace = refusal.example.namespace
        if namespace not in events:
            events[namespace] = _preemptions(target, cluster, namespace)
        if events[namespace]:
            yield from _replacements(refusal, events[namespace], target, cluster)


def _preemptions(target: Pods, cluster: Cluster, namespace: str) -> list[Event]:
    if target.single and Allowance(target, cluster).left(1) <= 0:
        return []
    if target.single:
        listed = cluster.look(Event, namespace, fields="reason=Preempted")
        return [one for one in listed if one.involved_object.kind == "Pod"]
    known: dict[str, list[Event]] | None = target.memo.get("preemptions")
    if known is None:
        known = target.memo["preemptions"] = {}
        # Read already, with all the events of the place.
        for one in cluster.look(Event, target.namespace):
            if one.reason == "Preempted" and one.involved_object.kind == "Pod":
                known.setdefault(one.namespace, []).append(one)
    return known.get(namespace, [])


def _replacements(refusal: Refusal, events: list[Event], target: Pods, cluster: Cluster) -> Iterator[Finding]:
    names = _names_of(refusal.example, target)
    victims = [one for one in events if names.match(one.involved_object.name)]
    if not victims:
        return
    last = max(victims, key=lambda one: one.last_seen or cluster.now)
    by = parse_preempted(last.text) or PreemptedBy()
    preemptor = _find(by, refusal.example.namespace, target, cluster)
    first_seen = min((one.last_seen for one in victims if one.last_seen), default=None)
    waiting = [
        pod
        for pod in refusal.pods
        if first_seen is None
        or pod.metadata.creation_timestamp is None
        or pod.metadata.creation_timestamp >= first_seen - _SKEW
    ]
    for pod in waiting[: len(victims)]:
        yield finding(
            "PodPreempted",
            pod,
            severity="critical",
            evidence=_evidence(pod, last, refusal, preemptor),
            since=last.last_seen,
            victims=[one.involved_object.name for one in victims],
            replaced=True,
            message=last.text,
            node=by.node,
            preemptor=preemptor.text,
            preemptor_priority=preemptor.pod.spec.priority if preemptor.pod else None,
            priority=pod.spec.priority or 0,
            reasons=[reason.phrase for reason in refusal.message.reasons],
            **owner_facts(target, pod),
        )


def _evidence(pod: Pod, event: Event, refusal: Refusal, preemptor: Preemptor) -> list[Evidence]:
    found = [event.cite("involvedObject.name"), event.cite("message"), *refusal.evidence(pod)]
    found.append(pod.cite("spec.priority"))
    if preemptor.pod is not None:
        found += [preemptor.pod.cite("metadata.uid"), preemptor.pod.cite("spec.priority")]
    return found


def _names_of(pod: Pod, target: Pods) -> re.Pattern[str]:
    """Names the pods of this pod's workload bear, those of its other ReplicaSets included."""
    owner = pod.controller
    assert owner is not None
    if owner.kind == StatefulSet.api.kind:
        return re.compile(rf"{re.escape(owner.name)}-\d+$")
    facts = owner_facts(target, pod)
    if facts["owner_kind"] == "deployment":
        return re.compile(rf"{re.escape(facts['owner_name'])}-[a-z0-9]{{5,10}}-[a-z0-9]{{5}}$")
    return re.compile(rf"{re.escape(owner.name)}-[a-z0-9]{{5}}$")


def _find(by: PreemptedBy, namespace: str, target: Pods, cluster: Cluster) -> Preemptor:
    """The preemptor among the pods read; else among those of its namespace."""
    if not by.uid and not by.name:
        return Preemptor("", None)
    place = by.namespace or namespace
    candidates: list[Pod] = target.pods
    for _ in range(2):
        for pod in candidates:
            if (by.uid and pod.uid == by.uid) or (by.name and (pod.namespace, pod.name) == (place, by.name)):
                same = pod.namespace == namespace
                return Preemptor(pod.name if same else f"{pod.namespace}/{pod.name}", pod)
        if target.single and Allowance(target, cluster).left(1) <= 0:
            break
        candidates = cluster.look(Pod, place)
    return Preemptor(f"{by.namespace}/{by.name}" if by.name else f"with uid {by.uid}", None)
