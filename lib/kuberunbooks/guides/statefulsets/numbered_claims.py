"""The claims a StatefulSet makes: one per claim template and ordinal, named TEMPLATE-SET-ORDINAL.

They outlive their pods, and a pod that is made again finds its own. Read once a run, and
only when a StatefulSet has claim templates. Used by the first step, the rollout step
and the step on claims.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import PersistentVolume, PersistentVolumeClaim, Pod, StatefulSet, StorageClass

from ..pods.storage import claim_names
from ..pods.target import Pods
from ..rules.node_fit import requirement_text

# Labels that say where a volume is, as drivers write them; shown by value alone.
_PLACES = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone", "kubernetes.io/hostname")


class Leftover(NamedTuple):
    """A claim of an ordinal that is not wanted any more."""

    claim: PersistentVolumeClaim
    ordinal: int


def claim_name(template: PersistentVolumeClaim, root: StatefulSet, ordinal: int) -> str:
    """The claim the controller makes from a template for an ordinal."""
    return f"{template.name}-{root.name}-{ordinal}"


class Claims:
    """The claims of the target's StatefulSets, with the volumes and classes behind them."""

    def __init__(self, target: Pods, cluster: Cluster) -> None:
        self._target = target
        self._cluster = cluster

    def _listed(self, namespace: str) -> Listing[PersistentVolumeClaim]:
        place = namespace if self._target.namespace else ""
        return self._cluster.look(PersistentVolumeClaim, place)

    def _by_name(self, namespace: str) -> dict[tuple[str, str], PersistentVolumeClaim]:
        memo: dict[str, Any] = self._target.memo.setdefault("claims by name", {})
        place = namespace if self._target.namespace else ""
        if place not in memo:
            memo[place] = {(one.namespace, one.name): one for one in self._listed(namespace)}
        found: dict[tuple[str, str], PersistentVolumeClaim] = memo[place]
        return found

    def of(
        self, root: StatefulSet, template: PersistentVolumeClaim, ordinal: int
    ) -> tuple[PersistentVolumeClaim | None, str]:
        """The claim of an ordinal, or None and why there is none to show."""
        name = claim_name(template, root, ordinal)
        claim = self._by_name(root.namespace).get((root.namespace, name))
        if claim is not None:
            return claim, ""
        return None, f"{name}: {'none' if self._listed(root.namespace).complete else 'not read'}"

    def leftovers(self, root: StatefulSet) -> list[Leftover]:
        """The claims of ordinals it does not want any more and that no pod mounts, lowest first."""
        names = [re.escape(one.name) for one in root.spec.volume_claim_templates if one.name]
        if not names:
            return []
        pattern = re.compile(rf"(?:{'|'.join(names)})-{re.escape(root.name)}-(?P<ordinal>[0-9]{{1,9}})")
        used = {(pod.namespace, name) for pod in self._target.pods for name in claim_names(pod)}
        found = []
        for key, claim in self._by_name(root.namespace).items():
            match = pattern.fullmatch(claim.name)
            if match is None or claim.namespace != root.namespace or key in used:
                continue
            if int(match["ordinal"]) not in root.ordinals:
                found.append(Leftover(claim, int(match["ordinal"])))
        return sorted(found, key=lambda one: (one.ordinal, one.claim.name))

    def is_waited_for(self, pod: Pod, root: StatefulSet) -> bool:
        """Whether the pod has no node because one of its claims has no volume."""
        known = self._by_name(root.namespace) if claim_names(pod) and not pod.is_scheduled else {}
        held = (known.get((root.namespace, name)) for name in claim_names(pod))
        return any(claim is not None and claim.status.phase != "Bound" for claim in held)

    def class_of(self, claim: PersistentVolumeClaim) -> StorageClass | None:
        """The class of a claim, if it could be read."""
        wanted = claim.spec.storage_class_name
        return next((one for one in self._cluster.look(StorageClass) if one.name == wanted), None)

    def lacks_volume(self, of: StorageClass) -> bool:
        """Whether no volume of the class waits to be bound; False when that could not be read."""
        listed = self._cluster.look(PersistentVolume)
        free = (one for one in listed if one.spec.storage_class_name == of.name)
        return listed.complete and not any(one.status.phase == "Available" for one in free)

    def volumes(self) -> dict[str, PersistentVolume]:
        """All volumes by name: one list, asked for only when a pod of the target is in trouble."""
        return {one.name: one for one in self._cluster.look(PersistentVolume)}


def size_of(claim: PersistentVolumeClaim) -> str:
    """What it asks for; empty when it does not say."""
    requests = claim.spec.resources.get("requests")
    return str(requests.get("storage") or "") if isinstance(requests, dict) else ""


def place_of(volume: PersistentVolume) -> str:
    """Where a volume can be used: its zone or its node; `anywhere` when it is tied to nothing."""
    affinity = volume.spec.node_affinity
    required = affinity.required if affinity is not None else None
    return ", ".join(dict.fromkeys(_requirements(required))) if required is not None else "anywhere"


def _requirements(required: Any) -> Iterator[str]:
    for term in required.node_selector_terms:
        for one in (*term.match_expressions, *term.match_fields):
            plain = one.operator == "In" and (one.key in _PLACES or one.key.endswith("/zone"))
            yield ", ".join(one.values) if plain else requirement_text(one)
