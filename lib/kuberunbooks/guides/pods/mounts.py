"""What keeps a pod's sandbox, network and volumes from being there: events about the pod as a whole.

They are history once any container has started later (rules.superseded). Called by the waiting step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import Event, Evidence, Pod, Volume

from ..rules.error_lines import bounded
from ..rules.patterns import RX_MOUNT, RX_MOUNT_REF, RX_SANDBOX_CNI, RX_SANDBOX_IMG
from ..rules.settling import is_starting
from ..rules.superseded import started_since
from .containers import unready_since

MOUNT_REASONS = frozenset({"FailedMount", "FailedMapVolume", "FailedAttachVolume"})
SANDBOX_REASONS = frozenset({"FailedCreatePodSandBox", "NetworkNotReady"})
_KINDS = {"configmap": "ConfigMap", "secret": "Secret", "persistentvolumeclaim": "PersistentVolumeClaim"}
_CAUSE = 300
_USED_BY = re.compile(r"already used by pod\(s\) (?P<pods>[\w.-]+(?:, [\w.-]+)*)")
_NUMBERED = re.compile(r"[0-9a-f]{8,}|\d+")


def pod_failures(pod: Pod, events: Iterable[Event], now: datetime) -> Iterator[Finding]:
    """What keeps one pod from having volumes, sandbox and network, by its newest events."""
    # Disks move and networks come up while a new pod waits: its first attempts often fail.
    starting = is_starting(pod, now)
    early: Severity | None = "warning" if starting else None
    newest: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.reason in MOUNT_REASONS or event.reason in SANDBOX_REASONS:
            match = RX_MOUNT.match(event.text)
            volume = (match["vol"] or "") if match and event.reason in MOUNT_REASONS else ""
            newest[(event.reason, volume)] = event
    for (reason, volume), event in newest.items():
        if started_since(pod, event):
            continue
        if reason in SANDBOX_REASONS:
            yield _sandbox(pod, event, early)
        elif not volume and any(named for other, named in newest if other == reason):
            # "Unable to attach or mount volumes" only sums up what the events of the volumes say.
            continue
        elif reason == "FailedAttachVolume" or event.text.startswith(("AttachVolume", "Multi-Attach")):
            yield from _attach(pod, event, volume, early)
        else:
            yield from _mount(pod, event, volume, starting=starting)


def _mount(pod: Pod, event: Event, volume: str, *, starting: bool) -> Iterator[Finding]:
    match = RX_MOUNT_REF.search(event.text)
    kind = name = key = ""
    if match is not None:
        if match["ns"]:
            # Right after a start the kubelet has not seen the object yet; it tries again.
            return
        kind = _KINDS.get(match["kind"] or match["kind2"] or "", "")
        name, key = match["name"] or "", match["key"] or ""
    place, asked = _volume(pod, volume)
    if key and asked is not None:
        source = asked.config_map or asked.secret
        name = getattr(source, "name", "") or getattr(source, "secret_name", "")
    running = all(status.state.running for status in pod.status.container_statuses)
    # A volume that can no longer be refreshed under a running container breaks it at its next start.
    severity: Severity | None = "warning" if running and pod.status.container_statuses else None
    if starting and not name:
        severity = "info"
    yield finding(
        "VolumeMountFailed",
        pod,
        severity=severity,
        evidence=_evidence(pod, event, place),
        since=event.first_seen,
        group=(volume, kind, name, key),
        volume=volume,
        object_kind=kind,
        object_name=name,
        key=key,
        timed_out=bool(match and match["timeout"]),
        cause=_cause(event),
        mount_paths=_mount_paths(pod, volume),
        node=pod.spec.node_name,
        attempts=event.occurrences,
    )


def _attach(pod: Pod, event: Event, volume: str, severity: Severity | None) -> Iterator[Finding]:
    place, asked = _volume(pod, volume)
    claim = asked.persistent_volume_claim.claim_name if asked and asked.persistent_volume_claim else ""
    used_by = _USED_BY.search(event.text)
    facts: dict[str, Any] = {
        "attaching": True,
        "volume": volume,
        "claim": claim or _only_claim(pod) or volume,
        "holders": used_by["pods"].split(", ") if used_by else [],
        "cause": _cause(event),
        "node": pod.spec.node_name,
        "attempts": event.occurrences,
    }
    codes = ["VolumeInUse"] if "Multi-Attach error" in event.text else []
    for code in [*codes, "VolumeAttachFailed"]:
        evidence = _evidence(pod, event, place)
        yield finding(
            code,
            pod,
            severity=severity,
            evidence=evidence,
            since=event.first_seen,
            group=(facts["claim"],),
            **facts,
        )


def _sandbox(pod: Pod, event: Event, severity: Severity | None) -> Finding:
    network = event.reason == "NetworkNotReady" or RX_SANDBOX_CNI.search(event.text) is not None
    image = RX_SANDBOX_IMG.search(event.text)
    return finding(
        "PodNetworkSetupFailed" if network else "SandboxCreateFailed",
        pod,
        severity=severity,
        evidence=event.cite("message"),
        since=event.first_seen or unready_since(pod),
        group=(_NUMBERED.sub("#", _cause(event)), pod.spec.node_name),
        cause=_cause(event),
        node=pod.spec.node_name,
        pause_image=image["img"] if image else "",
        attempts=event.occurrences,
    )


def _cause(event: Event) -> str:
    """The part of the message after the volume or pod it names, on one line."""
    text = " ".join(event.text.split())
    _, colon, rest = text.partition(" : ")
    return bounded(rest if colon else text, _CAUSE)


def _volume(pod: Pod, name: str) -> tuple[str, Volume | None]:
    for index, volume in enumerate(pod.spec.volumes):
        if volume.name == name:
            return f"spec.volumes[{index}]", volume
    return "", None


def _only_claim(pod: Pod) -> str:
    """The pod's claim when it has just one: attach errors name the PersistentVolume, not the pod's volume."""
    claims = [v.persistent_volume_claim.claim_name for v in pod.spec.volumes if v.persistent_volume_claim]
    return claims[0] if len(claims) == 1 else ""


def _evidence(pod: Pod, event: Event, place: str) -> list[Evidence]:
    return [event.cite("message"), *([pod.cite(place)] if place else [])]


def _mount_paths(pod: Pod, volume: str) -> list[str]:
    containers = [*pod.spec.init_containers, *pod.spec.containers]
    return [
        mount.mount_path
        for one in containers
        for mount in one.volume_mounts
        if volume and mount.name == volume
    ]
