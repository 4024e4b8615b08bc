"""Finds the target as the pods guide does, and keeps of its pods those that have init containers.

The rest is passed over once and for all, so that every step, the timeline and the
sentence about what changed are about init containers only.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Note
from kuberunbooks.objects import Pod

from ..pods.resolve import resolve as resolve_pods
from ..pods.target import Pods
from ..registry import Request

_PASSED_OVER = "pods without init containers"


def resolve(cluster: Cluster, request: Request) -> Pods:
    """The target, without the pods that have no init container. Raises as the pods guide's `resolve` does."""
    target = resolve_pods(cluster, request)
    population = target.pods
    kept = [pod for pod in population if pod.spec.init_containers]
    if len(kept) == len(population):
        return target
    target.memo[_PASSED_OVER] = [pod for pod in population if not pod.spec.init_containers]
    target.pods = kept
    tops = {top.key for pod in kept if (top := target.top_of(pod)) is not None}
    target.roots = [root for root in target.roots if root.key in tops]
    target.index(population)
    return target


def say_if_idle(target: Pods) -> Iterator[Note]:
    """For steps that have nothing to look at, so that their silence is not taken for good news."""
    if not target.pods:
        yield Note(text="There is no pod with init containers to look at.")


def passed_over(target: Pods) -> list[Pod]:
    """The target's pods that have no init container."""
    found: list[Pod] = target.memo.get(_PASSED_OVER, [])
    return found
