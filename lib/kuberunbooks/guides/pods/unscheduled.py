"""The pods without a node, gathered by what the scheduler said of them.

Shared by the scheduling, resources, host port and placement steps: 2,000 replicas
refused with the same words are one `Refusal`, worked out once. Also here: how
severe a reason is for a pod, and how many requests a run on one pod has left.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Finding, Severity, Subject, finding
from kuberunbooks.findings.catalogue import default_severity
from kuberunbooks.objects import Event, Evidence, Node, Pod

from ..rules.node_fit import is_lost
from ..rules.scheduler_message import SchedulerMessage, parse
from ..rules.thresholds import NODE_PROVISIONING, PENDING_GRACE
from .target import Pods

# Of a run's requests on one pod, what the steps after placement need: Services and EndpointSlices.
_REQUESTS_KEPT = 2
# Owners whose pods are all made from one unchanging template.
_IDENTICAL = ("ReplicaSet", "Job")
_SCALABLE = ("deployment", "statefulset", "replicaset", "replicationcontroller")
# Events are asked per object when a namespace's list was not read; that many times at most.
_EVENT_EXAMPLES = 10


class Refusal(NamedTuple):
    """Pods refused with the same words. `path` is where they stand in each pod, empty for an event.

    `growing`: the cluster autoscaler is adding a node for them.
    """

    pods: list[Pod]
    message: SchedulerMessage
    path: str
    event: Event | None = None
    growing: bool = False

    @property
    def example(self) -> Pod:
        """The pod worked out for all of them."""
        return self.pods[0]

    @property
    def said_at(self) -> datetime | None:
        """When the scheduler last said so, as far as the events still show."""
        return self.event.last_seen if self.event else None

    def since(self, pod: Pod) -> datetime | None:
        """When the pod was first refused: lastTransitionTime stays at the first refusal."""
        condition = pod.condition("PodScheduled")
        return condition.last_transition_time if condition else pod.metadata.creation_timestamp

    def evidence(self, pod: Pod) -> list[Evidence]:
        """The message, where it was read."""
        if self.path:
            return [pod.cite(self.path)]
        return [self.event.cite("message")] if self.event else []


def refusals(target: Pods, cluster: Cluster) -> list[Refusal]:
    """Every pod refused for longer than the grace period, gathered; a gated pod is not refused."""
    gathered: dict[tuple[str, str], list[Pod]] = {}
    paths: dict[tuple[str, str], str] = {}
    examples = 0
    found: list[Refusal] = []
    for pod in target.unscheduled:
        if is_gated(pod):
            continue
        text, path = _refused(pod)
        if pod.age(cluster.now) < PENDING_GRACE and not _is_hopeless(text, cluster):
            continue
        if not text:
            if examples < _EVENT_EXAMPLES and not pod.is_condition_true("PodScheduled"):
                examples += 1
                found += _from_events(pod, cluster)
            continue
        owner = pod.controller
        key = (owner.uid if owner and owner.kind in _IDENTICAL else pod.uid or pod.name, text)
        gathered.setdefault(key, []).append(pod)
        paths.setdefault(key, path)
    for index, (key, pods) in enumerate(gathered.items()):
        said, growing = None, False
        if index < _EVENT_EXAMPLES:
            said = newest_event(cluster, pods[0], "FailedScheduling")
            said = said if said is not None and parse(said.message).text == parse(key[1]).text else None
            growing = _is_node_coming(pods[0], cluster)
        found.append(Refusal(pods, parse(key[1]), paths[key], said, growing))
    return found


def _is_node_coming(pod: Pod, cluster: Cluster) -> bool:
    event = newest_event(cluster, pod, "TriggeredScaleUp", "NotTriggerScaleUp")
    if event is None or event.reason != "TriggeredScaleUp" or event.last_seen is None:
        return False
    return (cluster.now - event.last_seen).total_seconds() <= NODE_PROVISIONING


def is_gated(pod: Pod) -> bool:
    """Scheduling gates hold it back, so the scheduler does not even try."""
    condition = pod.condition("PodScheduled")
    return bool(pod.spec.scheduling_gates) or (
        condition is not None and condition.reason == "SchedulingGated"
    )


def newest_event(cluster: Cluster, pod: Pod, *reasons: str) -> Event | None:
    """The newest event about the pod with one of these reasons, or None."""
    return next((one for one in reversed(cluster.events(pod)) if one.reason in reasons), None)


def _is_hopeless(text: str, cluster: Cluster) -> bool:
    """Waiting will not help: the scheduler names taints on every node, and every node is lost."""
    if not text or not parse(text).covers_all("UntoleratedTaint"):
        return False
    nodes = cluster.nodes()
    return bool(nodes) and all(is_lost(node) for node in nodes)


def _refused(pod: Pod) -> tuple[str, str]:
    for index, condition in enumerate(pod.status.conditions):
        if condition.type == "PodScheduled" and condition.status == "False" and condition.message:
            return condition.message, f"status.conditions[{index}].message"
    return "", ""


def _from_events(pod: Pod, cluster: Cluster) -> list[Refusal]:
    event = newest_event(cluster, pod, "FailedScheduling")
    return [Refusal([pod], parse(event.message), "", event)] if event is not None else []


def severity_of(code: str, message: SchedulerMessage) -> Severity:
    """How severe a reason is for the pod it keeps pending.

    As the catalogue says, but critical when it accounts for every node, or when
    no other reason given is critical: then it is what keeps the pod down.
    """
    usual = default_severity(code)
    if usual == "critical" or message.covers_all(code):
        return "critical"
    others = [default_severity(other) for other in message.codes if other != code]
    return usual if "critical" in others else "critical"


def explain(
    refusal: Refusal,
    code: str,
    facts: dict[str, Any],
    evidence: list[Evidence],
    *,
    target: Pods,
    severity: Severity | None = None,
    group: tuple[Any, ...] = (),
) -> Iterator[Finding]:
    """One finding per refused pod with the same facts, which the step then folds into one with a count.

    Adds what every text of these codes may use: what the scheduler said, when,
    about how many nodes, and how to name the workload in a command.
    """
    shared = {**said(refusal), **facts}
    for pod in refusal.pods:
        yield finding(
            code,
            pod,
            severity=_eased(severity or severity_of(code, refusal.message), pod, refusal),
            evidence=[*refusal.evidence(pod), *evidence],
            since=refusal.since(pod),
            group=group,
            **shared,
            **owner_facts(target, pod),
        )


def _eased(severity: Severity, pod: Pod, refusal: Refusal) -> Severity:
    """A pod waits whose place is being made: victims go from its nominated node, or a node is being added."""
    waits = bool(pod.status.nominated_node_name) or refusal.growing
    return "warning" if severity == "critical" and waits else severity


def said(refusal: Refusal) -> dict[str, Any]:
    """The scheduler's words as facts."""
    message = refusal.message
    return {
        "message": message.text,
        "said_at": refusal.said_at.strftime("%H:%M:%S UTC") if refusal.said_at else "",
        "nodes_then": message.nodes,
        "reasons": [one.counted for one in message.reasons],
        "nominated": refusal.example.status.nominated_node_name,
    }


def owner_facts(target: Pods, pod: Pod) -> dict[str, Any]:
    """How commands name the workload above a pod: `owner_kind` deployment, `owner_name` web; else empty.

    `adjustable`: kubectl can scale it. `templated`: it can set the resources of its
    template. `placed`: how many of its pods are ready, 0 when unknown.
    """
    subject = Subject(kind="Pod", namespace=pod.namespace, name=pod.name)
    kind, _, name = target.owner_of(subject).text.partition("/")
    top = target.top_of(pod)
    ready = getattr(top, "ready", 0) if top is not None else 0
    return {
        "owner_kind": kind,
        "owner_name": name,
        "adjustable": kind in _SCALABLE,
        "templated": kind in (*_SCALABLE, "daemonset"),
        "placed": ready if isinstance(ready, int) else 0,
    }


def node_count_facts(message: SchedulerMessage, nodes: Listing[Node]) -> dict[str, Any]:
    """How many nodes there are now, and whether that differs from what the scheduler counted."""
    now = len(nodes) if nodes.complete else None
    return {
        "nodes_now": now,
        "nodes_changed": bool(message.nodes is not None and now is not None and now != message.nodes),
    }


class Ration:
    """A number of times something may still be done in this run: tables shown, logs or events asked for."""

    def __init__(self, number: int) -> None:
        self._left = number

    def take(self) -> bool:
        """Takes one; False when none is left."""
        self._left -= 1
        return self._left >= 0


class Allowance:
    """Requests a step may still make: on one live pod what is left of the run's, else `most`."""

    def __init__(self, target: Pods, cluster: Cluster) -> None:
        self._bounded = target.single and cluster.origin.kind == "live"
        self._coverage = cluster.coverage
        self._most = target.most_requests

    def left(self, most: int) -> int:
        """How many of `most` requests are affordable now."""
        if not self._bounded:
            return most
        return max(0, min(most, self._most - _REQUESTS_KEPT - self._coverage.requests))
