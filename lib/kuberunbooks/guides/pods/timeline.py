"""The timeline of a run: what happened to the target, in which order.

One lane per object, the worst pods first: nodes that are lost, the workloads'
rollouts, then pods, of every owner one before any owner's second. Called by the
closing cell; everything here was read before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import SEVERITIES, Mark, Severity, Words
from kuberunbooks.objects import CronJob, Event, Pod

from ..rules.node_health import nodes_by_name, trouble_of
from .target import Controller, Pods

_MOST_LANES = 12
_MOST_NODE_LANES = 3
_MOST_WORKLOAD_LANES = 3
_MOST_MARKS = 200
_MOST_TEXT = 160

# Steps of every start, and what a condition or a container's state says better.
_ROUTINE = frozenset(
    {"Pulling", "Pulled", "Created", "Started", "Scheduled", "SuccessfulCreate", "SuccessfulDelete"}
)
_NORMAL_BUT_BAD = frozenset({"Preempted", "TaintManagerEviction", "Killing", "NodeNotReady"})

# How far back marks are shown, in multiples of `since`, until one of them shows enough.
_REACHES = (1, 24)
_ENOUGH_MARKS = 3


def timeline(target: Pods, cluster: Cluster) -> list[Mark]:
    """Events, restarts, condition changes, rollouts and deletions, oldest first; at most 200."""
    lanes: list[list[Mark]] = []
    lanes += _node_lanes(target, cluster)[:_MOST_NODE_LANES]
    lanes += _workload_lanes(target, cluster)[:_MOST_WORKLOAD_LANES]
    for pod in worst_first(target):
        if len(lanes) >= _MOST_LANES:
            break
        if marks := list(_pod_marks(pod, target, cluster)):
            lanes.append(marks)
    return _bounded(_recent([mark for lane in lanes for mark in lane], cluster.now, target.since))


def worst_first(target: Pods) -> list[Pod]:
    """Sick pods by how bad they look; of every owner one, then of every owner a second, and so on."""
    seen: dict[tuple[str, str], int] = {}
    keyed: list[tuple[int, int, int, Pod]] = []
    for place, pod in enumerate(sorted(target.suspects or target.pods[:_MOST_LANES], key=_badness)):
        owner = (pod.namespace, target.owner_name(pod) or pod.name)
        seen[owner] = seen.get(owner, 0) + 1
        keyed.append((seen[owner], _badness(pod), place, pod))
    return [pod for *_, pod in sorted(keyed, key=lambda item: item[:3])]


def _badness(pod: Pod) -> int:
    """0 is worst: failed, or a container that does not run; then deleted, pending, not ready, the rest."""
    if pod.phase == "Failed":
        return 0
    if pod.phase == "Running" and not pod.is_ready:
        stopped = any(one.state.running is None for one in pod.status.container_statuses)
        return 0 if stopped else 3
    if pod.metadata.deletion_timestamp is not None:
        return 1
    return 2 if pod.phase == "Pending" else 4


def _pod_marks(pod: Pod, target: Pods, cluster: Cluster) -> Iterator[Mark]:
    lane, words = target.label_of(pod), target.words
    created, due = pod.metadata.creation_timestamp, pod.metadata.deletion_timestamp
    if created is not None:
        yield Mark(lane=lane, at=created, kind="change", text=words("mark_created"))
    if due is not None:
        asked = due - timedelta(seconds=pod.metadata.deletion_grace_period_seconds or 0)
        text = words("mark_deleted")
        yield Mark(lane=lane, at=asked, kind="deletion", text=text, until=due if due > asked else None)
    for type_ in ("PodScheduled", "Ready", "DisruptionTarget"):
        condition = pod.condition(type_)
        if condition is None or condition.last_transition_time is None:
            continue
        bad = condition.is_true if type_ == "DisruptionTarget" else not condition.is_true
        text = f"{type_}={condition.status}" + (f" ({condition.reason})" if condition.reason else "")
        ended_well = pod.phase == "Succeeded"
        severity: Severity = "warning" if bad and not ended_well else "ok" if type_ == "Ready" else "info"
        yield Mark(
            lane=lane, at=condition.last_transition_time, kind="condition", text=text, severity=severity
        )
    yield from _end_marks(pod, lane, target.words)
    yield from _event_marks(cluster.events(pod), lane)


def _end_marks(pod: Pod, lane: str, words: Words) -> Iterator[Mark]:
    """The ends of container runs that the status still remembers: the newest, and the one before."""
    for view in pod.containers():
        for ended in (view.status.last_state.terminated, view.status.state.terminated):
            if ended is None or ended.finished_at is None:
                continue
            text = words("mark_ended", container=view.name, code=ended.exit_code, reason=ended.reason or "-")
            severity: Severity = "critical" if ended.exit_code else "info"
            yield Mark(lane=lane, at=ended.finished_at, kind="restart", text=text, severity=severity)


def _event_marks(events: Iterable[Event], lane: str) -> Iterator[Mark]:
    """One mark per reason and container, from its first to its last occurrence, with the newest message."""
    found: dict[tuple[str, str], Mark] = {}
    for event in events:
        first, last = event.first_seen, event.last_seen
        if event.reason in _ROUTINE or first is None or last is None:
            continue
        bad = event.type == "Warning" or event.reason in _NORMAL_BUT_BAD
        text = f"{event.reason}: {event.text}".strip()[:_MOST_TEXT]
        known = found.get((event.reason, event.container))
        if known is None:
            found[(event.reason, event.container)] = Mark(
                lane=lane,
                at=first,
                kind="event",
                text=text,
                severity="warning" if bad else "info",
                count=event.occurrences,
                until=last if last > first else None,
            )
        else:
            known.text, known.count = text, known.count + event.occurrences
            known.at, known.until = min(known.at, first), max(known.until or known.at, last)
    yield from found.values()


def _node_lanes(target: Pods, cluster: Cluster) -> list[list[Mark]]:
    """The nodes of the target's pods that are lost, by when their conditions turned."""
    names = {pod.spec.node_name for pod in target.suspects if not pod.is_terminal}
    lanes: list[list[Mark]] = []
    for name, glance in sorted(nodes_by_name(names, cluster, single=target.single).items()):
        if glance.object is None or trouble_of(name, glance) is None:
            continue
        turned: dict[datetime, list[str]] = {}
        for one in glance.object.status.conditions:
            is_bad = not one.is_true if one.type == "Ready" else one.status != "False"
            if is_bad and one.last_transition_time is not None:
                turned.setdefault(one.last_transition_time, []).append(f"{one.type}={one.status}")
        lanes.append(
            [
                Mark(lane=f"node/{name}", at=at, kind="condition", text=", ".join(texts), severity="critical")
                for at, texts in turned.items()
            ]
        )
    return lanes


def _workload_lanes(target: Pods, cluster: Cluster) -> list[list[Mark]]:
    """Rollouts and the controllers' own events, of the workloads with sick pods first."""
    sick = {top.key for pod in target.suspects if (top := target.top_of(pod)) is not None}
    roots = sorted(target.roots, key=lambda one: one.key not in sick)
    lanes = (list(_workload_marks(one, target, cluster)) for one in roots[: _MOST_WORKLOAD_LANES * 2])
    return [lane for lane in lanes if lane]


def _workload_marks(one: Controller, target: Pods, cluster: Cluster) -> Iterator[Mark]:
    lane, words = target.label_of(one), target.words
    rollouts = target.history.get(one.key, [])
    for made in rollouts:
        if made.metadata.creation_timestamp is not None:
            text = words("mark_rollout", revision=made.revision or "?")
            yield Mark(lane=lane, at=made.metadata.creation_timestamp, kind="change", text=text)
    if not isinstance(one, CronJob):
        for condition in one.status.conditions:
            failing = condition.type == "ReplicaFailure" or condition.type == "Failed"
            good = condition.is_true is not failing
            if condition.last_transition_time is not None and not good:
                text = f"{condition.type}={condition.status}" + (
                    f" ({condition.reason})" if condition.reason else ""
                )
                yield Mark(
                    lane=lane,
                    at=condition.last_transition_time,
                    kind="condition",
                    text=text,
                    severity="critical",
                )
    # Of one pod only its own events were read: asking for these too would cost a request each.
    if not target.single:
        events = list(cluster.events(one))
        for made in rollouts:
            events += cluster.events(made)
        yield from _event_marks(events, lane)


def _recent(marks: list[Mark], now: datetime, since: float) -> list[Mark]:
    """The marks of the time in question, or of as much more as it takes to show something."""
    for reach in _REACHES:
        oldest = now - timedelta(seconds=since * reach)
        recent = [mark for mark in marks if (mark.until or mark.at) >= oldest]
        if len(recent) >= _ENOUGH_MARKS:
            return recent
    return marks


def _bounded(marks: list[Mark]) -> list[Mark]:
    """At most 200, the worst and newest of them, oldest first."""
    if len(marks) > _MOST_MARKS:
        marks.sort(key=lambda mark: (SEVERITIES.index(mark.severity), -(mark.until or mark.at).timestamp()))
    return sorted(marks[:_MOST_MARKS], key=lambda mark: mark.at)
