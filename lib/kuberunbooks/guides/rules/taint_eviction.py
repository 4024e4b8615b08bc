"""When the pods of a lost node are deleted: what the taint eviction controller works out.

The node controller puts the taints not-ready or unreachable with effect NoExecute on a
node it has lost; each pod stays as long as it tolerates them (300 s by default, DaemonSets
for ever). Source: pkg/controller/tainteviction (`getMinTolerationTime`). Called by the
cluster guide's step about evictions.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from kuberunbooks.objects import Node, Pod, Taint

from .node_fit import LOST_TAINTS, tolerates

Fate = Literal["deleting", "due", "overdue", "stays"]
_EVICTED = "DeletionByTaintManager"


class Eviction(NamedTuple):
    """What becomes of a pod: `at` is when it is (or was) due, None when it stays or the time is not known."""

    pod: Pod
    fate: Fate
    at: datetime | None


def lost_taints(node: Node) -> list[Taint]:
    """The taints by which the pods of a node are moved off because it is lost."""
    return [one for one in node.spec.taints if one.effect == "NoExecute" and one.key in LOST_TAINTS]


def evictions(node: Node, pods: Iterable[Pod], now: datetime) -> list[Eviction]:
    """The fate of every pod on a node that has such taints."""
    taints = [one for one in node.spec.taints if one.effect == "NoExecute"]
    return [_fate(pod, taints, now) for pod in pods]


def _fate(pod: Pod, taints: list[Taint], now: datetime) -> Eviction:
    at, stays = _due(pod, taints)
    marked = pod.condition("DisruptionTarget")
    if pod.metadata.deletion_timestamp is not None or (
        marked and marked.is_true and marked.reason == _EVICTED
    ):
        return Eviction(pod, "deleting", at)
    if stays:
        return Eviction(pod, "stays", None)
    return Eviction(pod, "overdue" if at is None or at <= now else "due", at)


def _due(pod: Pod, taints: list[Taint]) -> tuple[datetime | None, bool]:
    """When the first taint's time is up, and whether it never is.

    A taint that no toleration covers allows no time; one that is tolerated without
    tolerationSeconds, all time. A negative time counts as none.
    """
    moments: list[datetime | None] = []
    for taint in taints:
        covering = [one for one in pod.spec.tolerations if tolerates(one, taint)]
        limits = [one.toleration_seconds for one in covering if one.toleration_seconds is not None]
        if covering and not limits:
            continue
        seconds = max(0, min(limits, default=0))
        moments.append(
            taint.time_added + timedelta(seconds=seconds) if taint.time_added is not None else None
        )
    known = [one for one in moments if one is not None]
    return min(known, default=None), not moments
