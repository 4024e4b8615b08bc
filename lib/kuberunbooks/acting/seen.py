"""The state of a pod that a run made or changed, kept as a transcript: a case then holds it as well.

The list of pods in a case is that of the run's beginning; what became of an ephemeral container or of a
copy is not in it. So the last state a run waited for is noted as what `kubectl get pod -o json` prints,
without what may hold secrets (env, annotations, arguments). Written by actor.py, read by guides: from a
run, from a case, or from what somebody pasted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from kuberunbooks.cluster.decode import decode_item
from kuberunbooks.cluster.transcripts import Transcript, TranscriptTarget
from kuberunbooks.errors import ClusterError
from kuberunbooks.objects import Pod

_METADATA = ("name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "labels", "generation")
_SPEC = (
    "nodeName",
    "shareProcessNamespace",
    "restartPolicy",
    "activeDeadlineSeconds",
    "hostPID",
    "hostNetwork",
)
_CONTAINER = ("name", "image", "targetContainerName", "securityContext")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def pod_transcript(whole: Mapping[str, Any], at: datetime) -> Transcript:
    """A pod, as the API server holds it, as what kubectl would print of it at that time."""
    metadata, spec = whole.get("metadata") or {}, whole.get("spec") or {}
    kept: dict[str, Any] = {name: spec[name] for name in _SPEC if name in spec}
    for name in _CONTAINERS:
        if spec.get(name):
            kept[name] = [_picked(one, _CONTAINER) for one in spec[name]]
    shown = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _picked(metadata, _METADATA),
        "spec": kept,
        "status": whole.get("status") or {},
    }
    namespace, name = str(metadata.get("namespace", "")), str(metadata.get("name", ""))
    return Transcript(
        target=TranscriptTarget(kind="workstation", namespace=namespace, pod=name),
        argv=["kubectl", "get", "pod", name, "-n", namespace, "-o", "json"],
        stdout=msgspec.json.encode(shown).decode(),
        exit_code=0,
        at=at,
        source=f"state of {namespace}/{name} after this run's action",
    )


def pods_seen(transcripts: Iterable[Transcript]) -> list[tuple[Transcript, Pod]]:
    """The pods that transcripts of `kubectl get pod -o json` show, the newest state of each last."""
    found: list[tuple[Transcript, Pod]] = []
    for one in transcripts:
        if one.argv[:3] not in (["kubectl", "get", "pod"], ["kubectl", "get", "pods"]) or one.partial:
            continue
        try:
            pod, _ = decode_item(Pod, one.stdout.encode(), one.source)
        except ClusterError:
            continue
        if pod.name:
            found.append((one, pod))
    return found


def _picked(whole: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: whole[name] for name in names if name in whole}
