"""RP-07: what was written down about a pod, what made it, where it runs and what it mounts.

Events repeat and come from several writers: they are gathered by object and reason,
counted, and shown oldest first with the window they reach back. What a rule already
says of a warning is not said again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Event, Pod, human_duration

from ..pods.storage import claim_names
from ..pods.target import Pods
from ..rules.error_lines import bounded
from ..rules.superseded import started_since
from ..step import Yielded, step
from .described import described

_ROWS = 40
_MESSAGE = 400
_MOST_CLAIMS = 5
# Warnings that a rule of the pods guide reads: it gives their cause, or knows that they are history.
TOLD_ELSEWHERE = frozenset(
    {
        "FailedScheduling", "Preempting", "Failed", "BackOff", "Unhealthy", "FailedMount",
        "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "NetworkNotReady",
        "FailedPostStartHook", "FailedPreStopHook", "Evicted", "FailedCreate", "NodeNotReady",
        "FailedToRetrieveImagePullSecret", "ErrImageNeverPull", "InspectFailed", "BackoffLimitExceeded",
        "DeadlineExceeded",
    }
)  # fmt: skip


class Group(NamedTuple):
    """Events about one object with one reason, about one container if about any; newest message."""

    about: str
    container: str
    newest: Event
    times: int
    first: datetime | None
    last: datetime | None


@step("RP-07", title="What was written down about it?")
def events(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What do the events say of the pod, its owners, its node and its claims?"""
    shown = described(target)
    for pod in shown:
        about_pod = cluster.events(pod)
        groups = gathered([*about_pod, *_around(pod, target, cluster)])
        if groups:
            yield _table(pod, groups, cluster.now)
        if not about_pod and not _unread(cluster, pod):
            yield _none(pod, cluster)
    for pod in target.suspects:
        yield from _unexplained(pod, target, cluster)


def gathered(found: list[Event]) -> list[Group]:
    """One group per object, reason and container, the one seen last at the end."""
    together: dict[tuple[str, str, str], list[Event]] = {}
    for one in found:
        about = f"{one.involved_object.kind.lower()}/{one.involved_object.name}"
        together.setdefault((about, one.reason, one.container), []).append(one)
    groups = []
    for (about, _, container), alike in together.items():
        alike.sort(key=_seen)
        first = [one.first_seen for one in alike if one.first_seen is not None]
        times = sum(one.occurrences for one in alike)
        groups.append(
            Group(about, container, alike[-1], times, min(first, default=None), alike[-1].last_seen)
        )
    return sorted(groups, key=lambda group: _seen(group.newest))


def _around(pod: Pod, target: Pods, cluster: Cluster) -> Iterator[Event]:
    """The events about what the pod hangs on; a request each where not all were read at once."""
    above = target.controller_of(pod)
    while above is not None:
        yield from cluster.events(above)
        key = above.controller_key
        above = target.controllers.get(key) if key else None
    if pod.spec.node_name:
        yield from cluster.events_about("Node", "", pod.spec.node_name)
    for claim in claim_names(pod)[:_MOST_CLAIMS]:
        yield from cluster.events_about("PersistentVolumeClaim", pod.namespace, claim)


def _unread(cluster: Cluster, pod: Pod) -> bool:
    """Whether the events of its namespace were refused or not recorded: then nothing follows from none."""
    places = (Event.api.path(pod.namespace), Event.api.path())
    gaps = [*cluster.coverage.refused, *cluster.coverage.missing]
    return any(one.path in places or one.path.endswith(f" -n {pod.namespace}") for one in gaps)


def _none(pod: Pod, cluster: Cluster) -> Finding:
    return finding(
        "PodEventsNone",
        pod,
        evidence=pod.cite("metadata.creationTimestamp"),
        age=pod.age(cluster.now),
    )


def _unexplained(pod: Pod, target: Pods, cluster: Cluster) -> Iterator[Finding]:
    """Warnings within `since` that no rule reads and nothing has overcome: quoted as they are."""
    horizon = cluster.now - timedelta(seconds=target.since)
    left = [
        one
        for one in cluster.events(pod)
        if one.type == "Warning"
        and one.reason not in TOLD_ELSEWHERE
        and one.last_seen is not None
        and one.last_seen >= horizon
        and not started_since(pod, one)
    ]
    for group in gathered(left):
        yield finding(
            "PodWarningEvents",
            pod,
            container=group.container,
            # A pod that is ready in spite of it is no alarm.
            severity="info" if pod.is_ready or pod.is_terminal else None,
            evidence=group.newest.cite("message"),
            since=group.first,
            group=(group.newest.reason,),
            reason=group.newest.reason,
            message=bounded(group.newest.text, _MESSAGE),
            times=group.times,
            ago=(cluster.now - group.last).total_seconds() if group.last else None,
        )


def _table(pod: Pod, groups: list[Group], now: datetime) -> Table:
    oldest = min((group.first for group in groups if group.first is not None), default=None)
    reach = f"; the oldest is from {oldest:%H:%M:%S} UTC" if oldest else ""
    names = ["LAST SEEN", "REASON", "COUNT", "ABOUT", "MESSAGE", "TYPE", "FIRST SEEN", "FROM"]
    return Table(
        caption=f"Events about {pod.name}, its owners, node and claims, newest at the end{reach}",
        columns=[Column(name=name, numeric=name in ("LAST SEEN", "FIRST SEEN", "COUNT")) for name in names],
        rows=[_row(group, pod, now) for group in groups[-_ROWS:]],
        omitted=max(0, len(groups) - _ROWS),
    )


def _row(group: Group, pod: Pod, now: datetime) -> list[str]:
    """What `kubectl events` prints of it, what is asked for most first: a phone shows three columns."""
    about = "the pod" if group.about == pod.kind_name else group.about
    if group.container:
        about = f"container {group.container}"
    return [
        _age(group.last, now),
        group.newest.reason,
        str(group.times),
        about,
        bounded(group.newest.text, _MESSAGE),
        group.newest.type,
        _age(group.first, now),
        group.newest.component,
    ]


def _age(at: datetime | None, now: datetime) -> str:
    return human_duration((now - at).total_seconds()) if at is not None else "unknown"


def _seen(one: Event) -> float:
    seen = one.last_seen
    return seen.timestamp() if seen else 0.0
