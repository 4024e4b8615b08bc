"""What a pod's volumes lead to: claims, classes, persistent volumes, and who else uses them.

Read once per namespace, and on one pod of a live cluster only while its requests
last. Used by the claims part of the placement step.
"""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import Event, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass

from .target import Pods
from .unscheduled import Allowance, Ration

SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""Annotation by which the scheduler tells the provisioner for which node a volume is."""
_TABLES = 3
_EVENT_EXAMPLES = 10


class Mounted(NamedTuple):
    """What one pod's claims lead to: `claims` exist, `missing` are names that do not."""

    names: list[str]
    claims: list[PersistentVolumeClaim]
    missing: list[str]
    others: list[str]
    """The names of some claims of the namespace."""


class Storage:
    """Claims, classes and volumes, read once per namespace and sparingly on one pod."""

    def __init__(self, target: Pods, cluster: Cluster) -> None:
        self._cluster = cluster
        self._allowance = Allowance(target, cluster)
        self._events = Ration(_EVENT_EXAMPLES)
        self._claims: dict[str, dict[str, PersistentVolumeClaim]] = {}
        self._users: dict[str, dict[str, list[Pod]]] = {}
        self._told: dict[str, Event | None] = {}
        self.tables = Ration(_TABLES)
        self.now = cluster.now

    def mounted(self, pod: Pod) -> Mounted:
        """The claims a pod mounts."""
        listed = self._cluster.look(PersistentVolumeClaim, pod.namespace)
        if pod.namespace not in self._claims:
            self._claims[pod.namespace] = {claim.name: claim for claim in listed}
        known, names = self._claims[pod.namespace], claim_names(pod)
        missing = [name for name in names if name not in known] if listed.complete else []
        found = [known[name] for name in names if name in known]
        return Mounted(names, found, missing, [claim.name for claim in listed[:5]])

    def classes(self) -> Listing[StorageClass]:
        """All classes."""
        return self._cluster.look(StorageClass)

    def volumes(self) -> Listing[PersistentVolume]:
        """All volumes; incomplete when that request is not affordable."""
        if self._allowance.left(1) <= 0:
            return Listing(complete=False)
        return self._cluster.look(PersistentVolume)

    def users(self, namespace: str, claim: str) -> list[Pod]:
        """The pods that mount a claim and have not ended, as far as affordable."""
        if namespace not in self._users:
            if self._allowance.left(1) <= 0:
                return []
            users: dict[str, list[Pod]] = {}
            for pod in self._cluster.look(Pod, namespace):
                for name in claim_names(pod) if not pod.is_terminal else ():
                    users.setdefault(name, []).append(pod)
            self._users[namespace] = users
        return self._users[namespace].get(claim, [])

    def warning(self, claim: PersistentVolumeClaim) -> Event | None:
        """The newest Warning event about a claim, for the first claims asked."""
        if claim.uid not in self._told:
            affordable = self._allowance.left(1) > 0 and self._events.take()
            events = self._cluster.events(claim) if affordable else []
            self._told[claim.uid] = next((one for one in reversed(events) if one.type == "Warning"), None)
        return self._told[claim.uid]


def claim_names(pod: Pod) -> list[str]:
    """The claims a pod mounts; that of an ephemeral volume is called POD-VOLUME."""
    found = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            found.append(volume.persistent_volume_claim.claim_name)
        elif volume.ephemeral is not None:
            found.append(f"{pod.name}-{volume.name}")
    return found
