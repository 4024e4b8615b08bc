"""SS-08: has each pod its volume, and what becomes of volumes that are not needed any more?

Why a pod with an unbound claim has no node is found by the pods guide's step on
placement. Here stand the claims themselves: which are pending, which differ from
their template, which a scale-down left, and which the next one would delete.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import PersistentVolume, PersistentVolumeClaim, StorageClass, parse_quantity

from ..pods.claims import NO_PROVISIONER
from ..pods.storage import SELECTED_NODE
from ..pods.target import Pods
from ..pods.unscheduled import Ration
from ..rules.thresholds import CREATING_GRACE, VOLUME_BINDING
from ..step import Yielded, step
from .members import Members, key_of, members_of
from .numbered_claims import Claims, place_of, size_of

_TABLES = 5
_ROWS = 50
_CITED = 5


@step(
    "SS-08",
    title="Has each pod its volume?",
    upstream="https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage",
)
def claims(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Are the claims bound, as the template says, and where the pods can use them?"""
    known, tables = Claims(target, cluster), Ration(_TABLES)
    sick = {pod.key for pod in target.suspects}
    for one in members_of(target):
        if not one.root.spec.volume_claim_templates:
            continue
        troubled = bool(one.absent) or any(pod.key in sick for pod in one.pods)
        if (troubled or len(target.roots) == 1) and tables.take():
            yield _table(one, known, known.volumes() if troubled else {}, target)
        yield from _unbound(one, known, cluster)
        yield from _different(one, known)
        yield from _left(one, known)
        yield from _deleted(one)


def _held(one: Members, known: Claims) -> Iterator[tuple[int, PersistentVolumeClaim, PersistentVolumeClaim]]:
    """(ordinal, template, claim) of every claim of a wanted ordinal that exists."""
    for number in one.wanted:
        for template in one.root.spec.volume_claim_templates:
            claim = known.of(one.root, template, number)[0]
            if claim is not None:
                yield number, template, claim


def _unbound(one: Members, known: Claims, cluster: Cluster) -> Iterator[Finding]:
    for number, _, claim in _held(one, known):
        phase, age = claim.status.phase, claim.age(cluster.now)
        if phase in ("Bound", "") or age < CREATING_GRACE:
            continue
        of = known.class_of(claim)
        if phase != "Lost" and _waits_by_right(claim, of, age, known):
            continue
        pod = one.by_ordinal.get(number)
        evidence = [claim.cite("status.phase"), claim.cite("spec.storageClassName")]
        if of is not None:
            evidence += [of.cite("provisioner"), of.cite("volumeBindingMode")]
        yield finding(
            "StatefulSetPvcUnbound",
            claim,
            evidence=evidence,
            since=claim.metadata.creation_timestamp,
            ordinal=number,
            phase=phase.lower(),
            age=age,
            size=size_of(claim),
            storage_class=claim.spec.storage_class_name or "",
            pod_name=key_of(one.root, number)[2],
            set_name=one.root.name,
            exists=pod is not None,
            because=[one.root.kind_name, *([pod.kind_name] if pod is not None else [])],
        )


def _waits_by_right(claim: PersistentVolumeClaim, of: StorageClass | None, age: float, known: Claims) -> bool:
    """With WaitForFirstConsumer a claim waits for its pod's node, then for its volume; not for ever."""
    if of is None or of.volume_binding_mode != "WaitForFirstConsumer":
        return False
    if of.provisioner == NO_PROVISIONER:
        return not known.lacks_volume(of)
    return SELECTED_NODE not in claim.metadata.annotations or age < VOLUME_BINDING


def _different(one: Members, known: Claims) -> Iterator[Finding]:
    """Claim templates cannot be changed; a set made again with others keeps its old claims."""
    differences: list[str] = []
    evidence = []
    for _, template, claim in _held(one, known):
        for what, asked, has in (
            ("class", template.spec.storage_class_name or "", claim.spec.storage_class_name or ""),
            ("size", size_of(template), size_of(claim)),
        ):
            same = asked == has if what == "class" else parse_quantity(asked) == parse_quantity(has)
            if asked and has and not same:
                differences.append(f"{claim.name} has {what} {has}, the template says {asked}")
                path = "spec.storageClassName" if what == "class" else "spec.resources.requests.storage"
                evidence.append(claim.cite(path))
    if differences:
        yield finding(
            "StatefulSetClaimDiffers",
            one.root,
            evidence=evidence[:_CITED],
            differences=differences,
            claims=len(differences),
        )


def _left(one: Members, known: Claims) -> Iterator[Finding]:
    retention = one.root.spec.persistent_volume_claim_retention_policy
    if retention is not None and retention.when_scaled == "Delete":
        return
    left = [found for found in known.leftovers(one.root) if found.claim.metadata.deletion_timestamp is None]
    if left:
        yield finding(
            "StatefulSetClaimsRetained",
            one.root,
            evidence=[found.claim.cite("status.phase") for found in left[:_CITED]],
            claims=[found.claim.name for found in left],
            first=left[0].claim.name,
            texts=[f"{found.claim.name} ({size_of(found.claim) or 'no size'})" for found in left],
            last=one.root.ordinals.stop - 1,
            desired=one.root.desired,
        )


def _deleted(one: Members) -> Iterator[Finding]:
    retention = one.root.spec.persistent_volume_claim_retention_policy
    if retention is None or "Delete" not in (retention.when_deleted, retention.when_scaled):
        return
    yield finding(
        "StatefulSetClaimsDeleted",
        one.root,
        evidence=one.root.cite("spec.persistentVolumeClaimRetentionPolicy"),
        scaled=retention.when_scaled == "Delete",
        deleted=retention.when_deleted == "Delete",
    )


def _table(one: Members, known: Claims, volumes: dict[str, PersistentVolume], target: Pods) -> Table:
    names = ["CLAIM", "STATUS", "CLASS", "SIZE", "VOLUME", *(["PLACE"] if volumes else []), "POD'S NODE"]
    held = list(_held(one, known))
    rows = []
    for number, template, claim in held[:_ROWS]:
        pod = one.by_ordinal.get(number)
        node = (pod.spec.node_name or "none yet") if pod is not None else "no pod"
        volume = volumes.get(claim.spec.volume_name)
        rows.append(
            [
                claim.name,
                claim.status.phase or "unknown",
                _class_text(template, claim),
                size_of(claim) or "not stated",
                claim.spec.volume_name or "none",
                *([place_of(volume) if volume is not None else ""] if volumes else []),
                node,
            ]
        )
    return Table(
        caption=f"Claims of {target.label_of(one.root)}",
        columns=[Column(name=name, numeric=name == "SIZE") for name in names],
        rows=rows,
        omitted=max(0, len(held) - _ROWS),
    )


def _class_text(template: PersistentVolumeClaim, claim: PersistentVolumeClaim) -> str:
    asked, has = template.spec.storage_class_name, claim.spec.storage_class_name or "none"
    return has if asked is None or asked == has else f"{has} (template: {asked or 'none'})"
