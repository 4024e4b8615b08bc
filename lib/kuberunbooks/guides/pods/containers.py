"""One container of one pod with what was written about it: what the container steps (images, waiting, crashes) pass around."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Subject
from kuberunbooks.objects import ContainerView, Event, Evidence, Pod

from .target import Pods

CREATING_GRACE = 120.0
"""Seconds a container may be in creation before that is worth a word."""


@dataclass
class ContainerCase:
    """A container, its pod, and the events about it that are younger than the run's `since`."""

    pod: Pod
    view: ContainerView
    pod_events: list[Event]
    now: datetime
    since: float

    @property
    def name(self) -> str:
        """The container's name."""
        return self.view.name

    @cached_property
    def events(self) -> list[Event]:
        """The events about this container, oldest first."""
        return [event for event in self.pod_events if event.container == self.name]

    def newest(self, reason: str, starting: str = "") -> Event | None:
        """The newest event of that reason whose text starts so."""
        found = (e for e in reversed(self.events) if e.reason == reason and e.text.startswith(starting))
        return next(found, None)

    def cite(self, path: str) -> Evidence:
        """Evidence for a field of this container's status: `state.waiting.message`."""
        return self.pod.cite(f"{self.view.path}.{path}")

    def cite_spec(self, path: str) -> Evidence:
        """Evidence for a field of this container's specification: `resources.limits`."""
        return self.pod.cite(f"{self.spec_path}.{path}")

    @cached_property
    def spec_path(self) -> str:
        """Where its specification stands: `spec.containers[1]`."""
        field, plural = {
            "initContainerStatuses": (self.pod.spec.init_containers, "initContainers"),
            "ephemeralContainerStatuses": (self.pod.spec.ephemeral_containers, "ephemeralContainers"),
        }.get(self.view.path.split(".")[1].split("[")[0], (self.pod.spec.containers, "containers"))
        index = next((place for place, one in enumerate(field) if one.name == self.name), 0)
        return f"spec.{plural}[{index}]"

    def is_recent(self, time: datetime | None) -> bool:
        """Whether a time is younger than the run's `since`; an unknown one counts as recent."""
        return time is None or (self.now - time).total_seconds() <= self.since

    def began(self, *also: datetime | None) -> datetime | None:
        """When the container's trouble began, as far as can be seen: the earliest of these times.

        First sight of an event that says it fails (BackOff, Unhealthy, Killing, Failed), the ends of
        its runs that status still holds, the pod's start if it has never been ready since, and `also`.
        The true beginning may lie earlier: status keeps two ends, events go after an hour.
        """
        times = [event.first_seen for event in self.events if event.reason in _TROUBLE]
        for end in (self.view.status.state.terminated, self.view.status.last_state.terminated):
            if end is not None and self.is_recent(end.finished_at):
                times.append(end.finished_at)
        times += also
        return min((time for time in times if time is not None), default=unready_since(self.pod))


_TROUBLE = frozenset({"BackOff", "Unhealthy", "Killing", "Failed"})


def unready_since(pod: Pod) -> datetime | None:
    """Since when the pod is not ready: Ready's last transition, its start when that was its only state."""
    ready = pod.condition("Ready")
    if ready is None or ready.is_true:
        return None
    changed, started = ready.last_transition_time, pod.status.start_time
    if changed is not None and started is not None and changed - started <= timedelta(seconds=5):
        return started
    return changed


def container_cases(pod: Pod, target: Pods, cluster: Cluster, *roles: str) -> Iterator[ContainerCase]:
    """The containers of a pod that have a status, with their recent events."""
    events = recent_events(pod, target, cluster)
    for view in pod.containers(*roles):
        yield ContainerCase(pod, view, events, cluster.now, target.since)


def recent_events(pod: Pod, target: Pods, cluster: Cluster) -> list[Event]:
    """The events about a pod that are younger than the run's `since`, oldest first."""
    horizon = cluster.now - timedelta(seconds=target.since)
    return [event for event in cluster.events(pod) if event.last_seen is None or event.last_seen >= horizon]


def is_out_of_hands(pod: Pod) -> bool:
    """Completed, being deleted, or ended from outside (evicted, deadline): its containers' ends need no further cause."""
    return (
        pod.metadata.deletion_timestamp is not None
        or pod.phase == "Succeeded"
        or (pod.phase == "Failed" and bool(pod.status.reason))
    )


def last_seen_node_lost(pod: Pod) -> bool:
    """The node controller, not the kubelet, set Ready=False: it gives no reason. States are then the last report."""
    ready = pod.condition("Ready")
    return (
        ready is not None
        and not ready.is_true
        and not ready.reason
        and pod.is_scheduled
        and not pod.is_terminal
    )


def like(case: ContainerCase, target: Pods) -> tuple[str, str, str]:
    """What makes one container the worked example of others: namespace, workload (or the pod itself), container."""
    pod = case.pod
    owner = target.owner_of(Subject(kind=pod.kind, namespace=pod.namespace, name=pod.name)).text
    return (pod.namespace, owner or f"pod/{pod.name}", case.name)


def fix_facts(case: ContainerCase) -> dict[str, Any]:
    """Facts every text about a container may use."""
    return {
        "image": case.view.spec.image if case.view.spec else case.view.status.image,
        "role": case.view.role,
    }
