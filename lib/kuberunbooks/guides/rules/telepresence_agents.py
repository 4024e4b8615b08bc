"""Whether a traffic agent in a pod is well, and whether it is what keeps the pod from its traffic.

Called by the telepresence guide.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from kuberunbooks.objects import ContainerView, Pod

from .settling import is_settling
from .telepresence_objects import AGENT, AGENT_INIT, agent_views
from .thresholds import STARTING


class SickAgent(NamedTuple):
    """An agent, or its init container, that is not well. `word` is the kubelet's, `CrashLoopBackOff`.

    `alone`: every container of the application is ready, so the agent is what keeps the pod out.
    """

    view: ContainerView
    word: str
    message: str
    alone: bool
    since: datetime | None


def sick_agent(pod: Pod, now: datetime) -> SickAgent | None:
    """What is wrong with a pod's agent; None when it is well, starting, or the pod is on its way out."""
    if pod.is_terminal or pod.metadata.deletion_timestamp is not None or is_settling(pod, now):
        return None
    for view in agent_views(pod):
        one = view.status
        if view.name == AGENT_INIT:
            if not _init_failed(view):
                continue
        elif view.name != AGENT or one.ready or _just_started(view, now) or _waits_for_init(pod, view):
            continue
        word, message = _said(view)
        return SickAgent(view, word, message, _is_alone(pod), _unready_since(pod))
    return None


def is_agent_in_trouble(pod: Pod, now: datetime) -> bool:
    """Whether a pod's agent or its init container is not well."""
    return sick_agent(pod, now) is not None


def _init_failed(view: ContainerView) -> bool:
    """It ended with an error, or cannot be started; one that waits its turn or runs has not."""
    state = view.status.state
    if state.terminated is not None:
        return state.terminated.exit_code != 0
    return state.waiting is not None and state.waiting.reason not in ("", "PodInitializing")


def _just_started(view: ContainerView, now: datetime) -> bool:
    running = view.status.state.running
    return (
        running is not None
        and not view.status.restart_count
        and running.started_at is not None
        and (now - running.started_at).total_seconds() < STARTING
    )


def _waits_for_init(pod: Pod, view: ContainerView) -> bool:
    waiting = view.status.state.waiting
    return (
        waiting is not None
        and waiting.reason == "PodInitializing"
        and not pod.is_condition_true("Initialized")
    )


def _said(view: ContainerView) -> tuple[str, str]:
    state = view.status.state
    if state.waiting is not None:
        return state.waiting.reason or "waiting", state.waiting.message
    if state.terminated is not None:
        return state.terminated.reason or f"exit {state.terminated.exit_code}", state.terminated.message
    return ("not ready", "") if state.running is not None else ("waiting", "")


def _is_alone(pod: Pod) -> bool:
    others = [one for one in pod.containers("app") if one.name != AGENT]
    return bool(others) and all(one.status.ready for one in others)


def _unready_since(pod: Pod) -> datetime | None:
    condition = pod.condition("ContainersReady") or pod.condition("Ready")
    return condition.last_transition_time if condition is not None and not condition.is_true else None
