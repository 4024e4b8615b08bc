"""Which events are history: what they report was overcome later, as the pod's status proves.

Events stay for an hour after the trouble is gone, so a failure is only a finding
while nothing later shows that it passed. Only status proves that something
stopped: counts saturate and writers drop events. Called by every pods step that
reads events about containers.
"""

from __future__ import annotations

from datetime import datetime

from kuberunbooks.objects import ContainerStatus, ContainerView, Event, Pod

from .patterns import RX_PROBE
from .thresholds import BACKOFF_RESET

_NEVER = 1980
"""startedAt of a process that never began is 1970."""


def last_start(status: ContainerStatus) -> datetime | None:
    """When the newest run of a container that really began, began."""
    times = [status.state.running.started_at if status.state.running else None]
    times += [end.started_at for end in (status.state.terminated, status.last_state.terminated) if end]
    return max((time for time in times if time is not None and time.year > _NEVER), default=None)


def newest_start(pod: Pod) -> datetime | None:
    """When any of the pod's containers last began a run: by then volumes and network were there."""
    starts = [
        last_start(status) for status in (*pod.status.init_container_statuses, *pod.status.container_statuses)
    ]
    return max((start for start in starts if start is not None), default=None)


def started_since(pod: Pod, event: Event, view: ContainerView | None = None) -> bool:
    """Whether the container (any of the pod's, for an event about the pod) began a run after the event."""
    start = last_start(view.status) if view is not None else newest_start(pod)
    seen = event.last_seen
    return start is not None and seen is not None and start > seen


def probe_recovered(pod: Pod, view: ContainerView, event: Event, now: datetime) -> bool:
    """Whether a failed probe has answered since: Ready=True later, or ready and running cleanly for long."""
    seen, status = event.last_seen, view.status
    if seen is None:
        return False
    match = RX_PROBE.match(event.text)
    if match is not None and match["probe"] == "Readiness":
        ready = pod.condition("Ready")
        changed = ready.last_transition_time if ready is not None and ready.is_true else None
        return status.ready and (changed is None or changed >= seen)
    running = status.state.running
    if running is None or not status.ready:
        return False
    clean_from = max(seen, running.started_at) if running.started_at else seen
    return (now - clean_from).total_seconds() > BACKOFF_RESET
