"""Claims, volumes and classes that keep a pod from being placed: part of the placement step.

The scheduler says only that a claim is unbound; which one, and why, stands in the
claim, its class and its events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Listing
from kuberunbooks.findings import Column, Table
from kuberunbooks.objects import (
    Evidence,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
)

from ..rules.node_fit import requirement_text, selector_matches
from ..rules.patterns import RX_SC_MISSING
from ..step import Yielded
from .storage import SELECTED_NODE, Mounted, Storage, claim_names
from .target import Pods
from .unscheduled import Refusal, explain, node_count_facts

NO_PROVISIONER = "kubernetes.io/no-provisioner"
"""Volumes of such a class are made by hand (documentation of local volumes)."""
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_CODES = (
    "UnboundPersistentVolumeClaim",
    "PersistentVolumeClaimMissing",
    "NoPersistentVolumeAvailable",
    "VolumeNodeAffinityConflict",
    "VolumeCountLimit",
    "VolumeInUse",
)
_CITED = 3


def volumes(refusal: Refusal, nodes: Listing[Node], target: Pods, storage: Storage) -> Iterator[Yielded]:
    """Findings for the scheduler's reasons about volumes."""
    codes = [code for code in refusal.message.codes if code in _CODES]
    if not codes:
        return
    for one in _apart(refusal):
        yield from _of_pod(one, codes, nodes, target, storage)


def _apart(refusal: Refusal) -> Iterator[Refusal]:
    """Pods that share claims together, the others (ephemeral volumes) one by one."""
    shapes: dict[tuple[str, ...], list[Pod]] = {}
    for pod in refusal.pods:
        shapes.setdefault(tuple(claim_names(pod)), []).append(pod)
    for pods in shapes.values():
        yield refusal._replace(pods=pods)


def _of_pod(
    refusal: Refusal, codes: list[str], nodes: Listing[Node], target: Pods, storage: Storage
) -> Iterator[Yielded]:
    mounted = storage.mounted(refusal.example)
    base: dict[str, Any] = {**node_count_facts(refusal.message, nodes), "claims": mounted.names}
    if mounted.claims and storage.tables.take():
        yield _table(refusal, mounted)
    if "PersistentVolumeClaimMissing" in codes or mounted.missing:
        yield from _missing(refusal, mounted, base, target)
    if "UnboundPersistentVolumeClaim" in codes or "NoPersistentVolumeAvailable" in codes:
        yield from _unbound(refusal, mounted, base, codes, target, storage)
    if "VolumeNodeAffinityConflict" in codes:
        yield from _elsewhere(refusal, mounted, base, nodes, target, storage)
    if "VolumeInUse" in codes:
        yield from _in_use(refusal, mounted, base, target, storage)
    if "VolumeCountLimit" in codes:
        facts = {**base, "count_then": refusal.message.nodes_for("VolumeCountLimit")}
        evidence = [refusal.example.cite("spec.volumes", f"{len(mounted.names)} claims")]
        yield from explain(refusal, "VolumeCountLimit", facts, evidence, target=target)


def _missing(refusal: Refusal, mounted: Mounted, base: dict[str, Any], target: Pods) -> Iterator[Yielded]:
    """A claim that does not exist, is going, or has lost its volume."""
    named = [reason.detail["claim"] for reason in refusal.message.reasons if "claim" in reason.detail]
    lost = [claim for claim in mounted.claims if claim.status.phase == "Lost"]
    going = [claim for claim in mounted.claims if claim.metadata.deletion_timestamp is not None]
    wrong = mounted.missing or named or [claim.name for claim in lost]
    if not wrong:
        wrong = mounted.names[:1]
    facts = {
        **base,
        "claim": wrong[0] if wrong else "",
        "others": mounted.others,
        "gone": bool(mounted.missing),
        "deleting": any(claim.name in wrong for claim in going),
        "lost": any(claim.name in wrong for claim in lost),
        "ephemeral": any(volume.ephemeral is not None for volume in refusal.example.spec.volumes),
    }
    evidence = [refusal.example.cite(volume_path(refusal.example, facts["claim"]))]
    for claim in (*lost, *going):
        evidence += [claim.cite("status.phase"), claim.cite("metadata.deletionTimestamp")]
    yield from explain(
        refusal,
        "PersistentVolumeClaimMissing",
        facts,
        evidence,
        target=target,
        severity="critical",
        group=(facts["claim"],),
    )


def _unbound(
    refusal: Refusal,
    mounted: Mounted,
    base: dict[str, Any],
    codes: list[str],
    target: Pods,
    storage: Storage,
) -> Iterator[Yielded]:
    """Why each unbound claim has no volume: its class does not exist, cannot make one, or has not yet."""
    unbound = [claim for claim in mounted.claims if claim.status.phase not in ("Bound", "Lost")]
    if not unbound:
        if not mounted.missing and not mounted.claims:
            code = "UnboundPersistentVolumeClaim" if "UnboundPersistentVolumeClaim" in codes else codes[0]
            yield from explain(refusal, code, _unread(base, mounted), [], target=target)
        return
    for claim in unbound:
        code, facts, evidence = why_unbound(claim, base, codes, storage)
        evidence = [refusal.example.cite(volume_path(refusal.example, claim.name)), *evidence]
        yield from explain(
            refusal,
            code,
            facts,
            evidence,
            target=target,
            severity="critical",
            # Each replica of a StatefulSet has its own claim: the class is what they share.
            group=(facts["storage_class"],),
        )


def _unread(base: dict[str, Any], mounted: Mounted) -> dict[str, Any]:
    return {
        **base,
        "claim": mounted.names[0] if mounted.names else "",
        "storage_class": "",
        "class_known": False,
        "provisioner": "",
        "by_hand": False,
        "binding": "",
        "size": "",
        "volumes": [],
        "volumes_known": False,
        "told": "",
        "existing": [],
        "default_class": "",
        "chosen_node": "",
        "read": False,
    }


def why_unbound(
    claim: PersistentVolumeClaim, base: dict[str, Any], codes: list[str], storage: Storage
) -> tuple[str, dict[str, Any], list[Evidence]]:
    """Code, facts and evidence of why a claim has no volume, beside `base`."""
    wanted, classes = claim.spec.storage_class_name, storage.classes()
    found = next((one for one in classes if one.name == wanted), None)
    event = storage.warning(claim)
    told = event.text if event is not None else ""
    missing = RX_SC_MISSING.search(told)
    facts: dict[str, Any] = {
        **base,
        "claim": claim.name,
        "storage_class": wanted or "",
        "class_known": found is not None,
        "provisioner": found.provisioner if found else "",
        "by_hand": found is not None and found.provisioner == NO_PROVISIONER,
        "binding": found.volume_binding_mode if found else "",
        "size": str(_asked(claim) or ""),
        "volumes": [],
        "volumes_known": False,
        "told": told,
        "existing": [one.name for one in classes],
        "default_class": next(
            (one.name for one in classes if one.metadata.annotations.get(_DEFAULT_CLASS) == "true"), ""
        ),
        "chosen_node": claim.metadata.annotations.get(SELECTED_NODE, ""),
        "read": True,
    }
    evidence = [claim.cite("status.phase"), claim.cite("spec.storageClassName")]
    if event is not None:
        evidence.append(event.cite("message"))
    if (wanted and found is None and classes.complete) or (missing and missing["sc"] == wanted):
        return "StorageClassMissing", facts, evidence
    if found is not None:
        evidence += [found.cite("provisioner"), found.cite("volumeBindingMode")]
    by_hand = facts["by_hand"] or wanted == ""
    if "NoPersistentVolumeAvailable" in codes or by_hand:
        listed = storage.volumes()
        fitting = [one for one in listed if one.spec.storage_class_name == (wanted or "")]
        facts["volumes"] = [_volume_text(one) for one in fitting]
        facts["volumes_known"] = listed.complete
        evidence += [one.cite("status.phase") for one in fitting[:_CITED]]
        return "NoPersistentVolumeAvailable", facts, evidence
    return "UnboundPersistentVolumeClaim", facts, evidence


def _asked(claim: PersistentVolumeClaim) -> Any:
    requests = claim.spec.resources.get("requests")
    return requests.get("storage") if isinstance(requests, dict) else None


def _volume_text(one: PersistentVolume) -> str:
    return f"{one.name} ({one.spec.capacity.get('storage', 'no size')}, {one.status.phase or 'no phase'})"


def _elsewhere(
    refusal: Refusal,
    mounted: Mounted,
    base: dict[str, Any],
    nodes: Listing[Node],
    target: Pods,
    storage: Storage,
) -> Iterator[Yielded]:
    """The volume is tied to nodes the pod cannot use."""
    bound = {claim.spec.volume_name: claim for claim in mounted.claims if claim.spec.volume_name}
    tied = [
        (bound[volume.name], volume)
        for volume in (storage.volumes() if bound else ())
        if volume.name in bound and volume.spec.node_affinity is not None
    ]
    claim_, volume_ = tied[0] if tied else (None, None)
    affinity = volume_.spec.node_affinity if volume_ is not None else None
    required = affinity.required if affinity is not None else None
    texts = [
        requirement_text(one)
        for term in (required.node_selector_terms if required else [])
        for one in (*term.match_expressions, *term.match_fields)
    ]
    matching = [node for node in nodes if required is not None and selector_matches(required, node)]
    facts = {
        **base,
        "count_then": refusal.message.nodes_for("VolumeNodeAffinityConflict"),
        "claim": claim_.name if claim_ else "",
        "volume": volume_.name if volume_ else "",
        "requires": texts,
        "matching": [node.name for node in matching],
        "matching_known": required is not None and nodes.complete,
        "statuses": [f"{node.name} is {node.status_text}" for node in matching],
    }
    evidence = [volume.cite("spec.nodeAffinity") for _, volume in tied[:_CITED]]
    evidence += [claim.cite("spec.volumeName") for claim, _ in tied[:_CITED]]
    yield from explain(refusal, "VolumeNodeAffinityConflict", facts, evidence, target=target)


def _in_use(
    refusal: Refusal, mounted: Mounted, base: dict[str, Any], target: Pods, storage: Storage
) -> Iterator[Yielded]:
    """Another pod uses the claim, which only one may."""
    namespace = refusal.example.namespace
    held = [
        (name, user)
        for name in mounted.names
        for user in storage.users(namespace, name)
        if user.spec.node_name
    ]
    holders = [user for _, user in held]
    facts = {
        **base,
        "claim": held[0][0] if held else mounted.names[0] if mounted.names else "",
        "holders": [f"{other.name} on node {other.spec.node_name}" for other in holders],
    }
    evidence = [other.cite("spec.volumes") for other in holders[:_CITED]]
    yield from explain(refusal, "VolumeInUse", facts, evidence, target=target)


def volume_path(pod: Pod, claim: str) -> str:
    """Where a pod names a claim: `spec.volumes[0].persistentVolumeClaim.claimName`."""
    for index, volume in enumerate(pod.spec.volumes):
        if volume.persistent_volume_claim is not None and volume.persistent_volume_claim.claim_name == claim:
            return f"spec.volumes[{index}].persistentVolumeClaim.claimName"
        if volume.ephemeral is not None and f"{pod.name}-{volume.name}" == claim:
            return f"spec.volumes[{index}].name"
    return "spec.volumes"


def _table(refusal: Refusal, mounted: Mounted) -> Table:
    """The pod's claims as kubectl prints them."""
    return Table(
        caption=f"Claims of pod {refusal.example.name}",
        columns=[
            Column(name="CLAIM"),
            Column(name="STATUS"),
            Column(name="VOLUME"),
            Column(name="ASKED", numeric=True),
            Column(name="STORAGECLASS"),
        ],
        rows=[
            [
                claim.name,
                claim.status.phase or "unknown",
                claim.spec.volume_name or "none",
                str(_asked(claim) or "not stated"),
                claim.spec.storage_class_name or "none",
            ]
            for claim in mounted.claims
        ],
    )
