"""One container with what was written about it: what the images, waiting and crashes steps pass around."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Severity, Subject, finding
from kuberunbooks.objects import ContainerView, Event, Evidence, Pod

from .target import Pods


@dataclass
class PodCase:
    """A pod, its events younger than the run's `since` (oldest first), and the workload that groups it."""

    pod: Pod
    events: list[Event]
    now: datetime
    since: float
    owner: str

    @cached_property
    def _containers(self) -> list[ContainerCase]:
        return [ContainerCase(self, view) for view in self.pod.containers()]

    def containers(self, *roles: str) -> list[ContainerCase]:
        """Its containers that have a status, of these roles."""
        return [case for case in self._containers if case.view.role in roles]

    @cached_property
    def events_by_container(self) -> dict[str, list[Event]]:
        """The events about each container, oldest first."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.container, []).append(event)
        return found


@dataclass
class ContainerCase:
    """A container with what was written about it."""

    of: PodCase
    view: ContainerView

    @property
    def pod(self) -> Pod:
        """The pod it belongs to."""
        return self.of.pod

    @property
    def now(self) -> datetime:
        """The moment of the run."""
        return self.of.now

    @property
    def like(self) -> tuple[str, str, str]:
        """What containers share of which one is the worked example: namespace, workload (or pod), name."""
        return (self.pod.namespace, self.of.owner or f"pod/{self.pod.name}", self.view.status.name)

    @property
    def name(self) -> str:
        """The container's name."""
        return self.view.name

    @property
    def events(self) -> list[Event]:
        """The recent events about this container, oldest first."""
        return self.of.events_by_container.get(self.view.status.name, [])

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
        return time is None or (self.now - time).total_seconds() <= self.of.since

    def began(self, *also: datetime | None) -> datetime | None:
        """When the container's trouble began, as far as can be seen: the earliest of these times.

        First sight of an event that says it fails (BackOff, Unhealthy, Killing, Failed), the recent ends
        that status still holds, and `also`; without any of them, since when the pod is not ready.
        The true beginning may lie earlier: status keeps two ends, events go after an hour.
        """
        times = [*self._signs, *(time for time in also if time is not None)]
        return min(times) if times else unready_since(self.pod)

    @cached_property
    def _signs(self) -> list[datetime]:
        """The times at which something of its trouble was seen."""
        state, last_state = self.view.status.state, self.view.status.last_state
        ends = [end.finished_at for end in (state.terminated, last_state.terminated) if end is not None]
        times = [event.first_seen for event in self.events if event.reason in _TROUBLE]
        times += [time for time in ends if self.is_recent(time)]
        return [time for time in times if time is not None]


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


def pod_case(pod: Pod, target: Pods, cluster: Cluster) -> PodCase:
    """A pod with its recent events, remembered from step to step."""
    cases: dict[tuple[str, str], PodCase] = target.memo.setdefault("pod cases", {})
    key = (pod.namespace, pod.name)
    if key not in cases:
        cases[key] = _pod_case(pod, target, cluster)
    return cases[key]


def _pod_case(pod: Pod, target: Pods, cluster: Cluster) -> PodCase:
    events = cluster.events(pod)
    horizon = cluster.now - timedelta(seconds=target.since)
    oldest = events[0].last_seen if events else None
    if oldest is not None and oldest < horizon:
        events = [event for event in events if (event.last_seen or horizon) >= horizon]
    owner = target.owner_of(Subject(kind=pod.kind, namespace=pod.namespace, name=pod.name)).text
    return PodCase(pod, events, cluster.now, target.since, owner)


class Examples:
    """Which causes have their worked example already: what joins it in one finding needs no evidence."""

    def __init__(self) -> None:
        self._seen: set[Hashable] = set()

    def follower(
        self,
        case: ContainerCase,
        code: str,
        group: tuple[Any, ...],
        *,
        severity: Severity | None = None,
        since: datetime | None = None,
    ) -> Finding | None:
        """The bare finding when one like it was made already; None for the first."""
        key = (*case.like, code, severity, group)
        if key not in self._seen:
            self._seen.add(key)
            return None
        return finding(code, case.pod, container=case.name, severity=severity, since=since, group=group)


def is_out_of_hands(pod: Pod) -> bool:
    """Completed, being deleted, or ended from outside (evicted, deadline): which explains the ends."""
    return (
        pod.metadata.deletion_timestamp is not None
        or pod.phase == "Succeeded"
        or (pod.phase == "Failed" and bool(pod.status.reason))
    )


def last_seen_node_lost(pod: Pod) -> bool:
    """The node controller, which gives no reason, set Ready=False: states are the last report."""
    ready = pod.condition("Ready")
    return (
        ready is not None
        and not ready.is_true
        and not ready.reason
        and pod.is_scheduled
        and not pod.is_terminal
    )


def container_facts(case: ContainerCase) -> dict[str, Any]:
    """Facts every text about a container may use."""
    return {
        "image": case.view.spec.image if case.view.spec else case.view.status.image,
        "role": case.view.role,
    }
