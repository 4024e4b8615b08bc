"""Which autoscalers are in question: those of the namespace, or those that scale what was asked for."""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import HorizontalPodAutoscaler

from ..pods.target import Key
from .target import Measured

_MEMO = "autoscalers"


class Autoscalers(NamedTuple):
    """The autoscalers in question. `known` False: some could not be read, `why` says why.

    `asked` False: the target is one that no autoscaler is about (a node).
    """

    found: list[HorizontalPodAutoscaler]
    known: bool
    why: str = ""
    asked: bool = True


def autoscalers(target: Measured, cluster: Cluster) -> Autoscalers:
    """Read once in a run: one autoscaler, or one list."""
    if _MEMO not in target.memo:
        target.memo[_MEMO] = _read(target, cluster)
    found: Autoscalers = target.memo[_MEMO]
    return found


def _read(target: Measured, cluster: Cluster) -> Autoscalers:
    if target.is_node:
        return Autoscalers([], True, asked=False)
    if target.autoscaler is not None:
        return Autoscalers([target.autoscaler], True)
    listed = cluster.look(HorizontalPodAutoscaler, target.namespace)
    found: list[HorizontalPodAutoscaler] = list(listed)
    if target.wanted:
        scaled = workloads_in_question(target)
        found = [
            one
            for one in found
            if (one.spec.scale_target_ref.kind, one.namespace, one.spec.scale_target_ref.name) in scaled
        ]
    return Autoscalers(found, listed.complete, listed.why)


def workloads_in_question(target: Measured) -> set[Key]:
    """What autoscalers of the target may scale: its workloads, and those above its pods.

    The workloads of one sound pod are no roots of the target: the pods guide leaves them out.
    """
    found = {root.key for root in target.roots}
    for pod in target.pods:
        above = target.controller_of(pod)
        while above is not None and above.key not in found:
            found.add(above.key)
            higher = above.controller_key
            above = target.controllers.get(higher) if higher is not None else None
    return found
