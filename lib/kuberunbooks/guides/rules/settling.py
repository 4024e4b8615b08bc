"""What passes by itself: pods that have only just been made, and pods that are on their way out.

Every rollout, scaling and drain has such pods for a moment; they are what is going on,
not what is wrong. Called by the rules about readiness, Services, volumes and workloads.
"""

from __future__ import annotations

from datetime import datetime

from kuberunbooks.objects import Pod

from .thresholds import DELETION_SLACK, STARTING


def is_starting(pod: Pod, now: datetime) -> bool:
    """Young and not ready yet; a pod that ended or is being deleted is not starting."""
    return (
        pod.metadata.deletion_timestamp is None
        and not pod.is_terminal
        and not pod.is_ready
        and pod.age(now) < STARTING
    )


def is_leaving(pod: Pod, now: datetime) -> bool:
    """Being deleted, and not overdue."""
    due = pod.metadata.deletion_timestamp
    return due is not None and now <= due + DELETION_SLACK


def is_settling(pod: Pod, now: datetime) -> bool:
    """Starting or leaving."""
    return is_starting(pod, now) or is_leaving(pod, now)
