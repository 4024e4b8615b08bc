"""The volumes of a pod, what they are made from, and where they are mounted. Part of the description step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.findings import Column, Table
from kuberunbooks.objects import Pod

from .described import entries, member, words

# Where the name of what a volume is made from stands, by the volume's kind (core/v1 VolumeSource).
_NAMED_BY = {
    "configMap": "name",
    "secret": "secretName",
    "persistentVolumeClaim": "claimName",
    "hostPath": "path",
    "csi": "driver",
    "image": "reference",
}


def volume_table(pod: Pod, raw: dict[str, Any]) -> Iterator[Table]:
    """One row per volume; nothing for a pod without volumes."""
    volumes = entries(member(raw, "spec", "volumes"))
    if not volumes:
        return
    mounts = _mounts(pod)
    names = ["VOLUME", "KIND", "FROM", "MOUNTED AT"]
    rows = []
    for volume in volumes:
        name = str(volume.get("name", ""))
        kind = next((field for field in volume if field != "name"), "")
        rows.append(
            [name, kind, volume_source(kind, volume.get(kind)), "; ".join(mounts.get(name, ["nowhere"]))]
        )
    yield Table(caption=f"Volumes of {pod.name}", columns=[Column(name=one) for one in names], rows=rows)


def volume_source(kind: str, source: Any) -> str:
    """What a volume is made from: a name, the parts of a projected one, the size of an emptyDir."""
    if kind == "projected":
        return words(_part(one) for one in entries(member(source, "sources")))
    if kind == "emptyDir":
        sizes = (member(source, "medium"), member(source, "sizeLimit"))
        return " ".join(str(one) for one in sizes if one) or "the node's disk, until the pod goes"
    named = member(source, _NAMED_BY[kind]) if kind in _NAMED_BY else None
    return str(named) if named else kind


def _part(one: dict[str, Any]) -> str:
    kind = next(iter(one), "")
    name = member(one, kind, "name")
    return f"{kind} {name}" if name else kind


def _mounts(pod: Pod) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    spec = pod.spec
    for container in (*spec.init_containers, *spec.containers, *spec.ephemeral_containers):
        for mount in container.volume_mounts:
            text = f"{container.name}:{mount.mount_path}"
            text += f" (only {mount.sub_path})" if mount.sub_path else ""
            found.setdefault(mount.name, []).append(text + (" read-only" if mount.read_only else ""))
    return found
