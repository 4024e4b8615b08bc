"""Volumes that are being made for pods whose node is already chosen.

With volumeBindingMode WaitForFirstConsumer the scheduler notes the node on the claim and then says
nothing of the pod until the provisioner has made the volume: that silence is not a scheduler that
does not respond. Used by the scheduling and placement steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import PersistentVolumeClaim, Pod

from ..rules.scheduler_message import parse
from ..rules.thresholds import STARTING, VOLUME_BINDING
from ..step import Yielded
from .claims import volume_path, why_unbound
from .storage import SELECTED_NODE, Storage, claim_names
from .target import Pods
from .unscheduled import Refusal, explain


def awaits_volume(pod: Pod, cluster: Cluster) -> bool:
    """Whether the scheduler has chosen a node for the pod and waits for one of its volumes."""
    if not claim_names(pod):
        return False
    return bool(_awaited(pod, cluster.look(PersistentVolumeClaim, pod.namespace)))


def volumes_being_made(target: Pods, storage: Storage) -> Iterator[Yielded]:
    """Volumes being made for pods whose node the scheduler has chosen: it says nothing meanwhile."""
    for pod in target.unscheduled:
        if pod.condition("PodScheduled") is not None or not claim_names(pod):
            continue
        mounted = storage.mounted(pod)
        waiting = Refusal([pod], parse(""), "")
        base: dict[str, Any] = {"nodes_now": None, "nodes_changed": False, "claims": mounted.names}
        for claim in _awaited(pod, mounted.claims):
            code, facts, evidence = why_unbound(claim, base, ["UnboundPersistentVolumeClaim"], storage)
            age = claim.age(storage.now)
            yield from explain(
                waiting,
                code,
                facts,
                [pod.cite(volume_path(pod, claim.name)), *evidence],
                target=target,
                severity="critical" if age > VOLUME_BINDING else "warning" if age > STARTING else "info",
                group=(facts["storage_class"],),
            )


def _awaited(pod: Pod, claims: Iterable[PersistentVolumeClaim]) -> list[PersistentVolumeClaim]:
    names = set(claim_names(pod))
    return [
        claim
        for claim in claims
        if claim.name in names
        and claim.status.phase not in ("Bound", "Lost")
        and claim.metadata.annotations.get(SELECTED_NODE)
    ]
