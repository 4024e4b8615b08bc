"""Whether what the flags of an API server name lies on the node: the mounts of its pod and their volumes.

Called by the steps about the log and about the webhook.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from kuberunbooks.findings import Finding
from kuberunbooks.objects import Evidence, Pod
from kuberunbooks.objects.container import VolumeMount
from kuberunbooks.objects.pod import Volume

from .servers import Configuration, container_of


class Mounted(NamedTuple):
    """The mount a path lies under, and its volume; None where there is none."""

    mount: VolumeMount | None
    volume: Volume | None
    place: str = ""


def not_mounted(
    one: Configuration, flag: str, path: str, how: str, mounted: Mounted | None = None
) -> Finding:
    """`how` is what the API server does with it: `read`, `written`, or `read-only`: it cannot write."""
    cited = one.cite(flag)
    if mounted is not None:
        cited.append(cite_mount(one, mounted))
    else:
        cited.append(Evidence(source(one), "spec.containers[].volumeMounts", f"none holds {path}"))
    return one.finding(
        "AuditVolumeNotMounted",
        # A running API server has read its files: they are in its image then.
        severity="info" if how == "read" and runs(one) else None,
        group=(flag,),
        evidence=cited,
        flag=f"--{flag}",
        path=path,
        how=how,
        mount=mounted.mount.mount_path if mounted and mounted.mount else "",
        runs=runs(one),
    )


def runs(one: Configuration) -> bool:
    return any(
        status.ready and status.state.running is not None
        for pod in one.pods
        for status in pod.status.container_statuses
        if one.container is not None and status.name == one.container.name
    )


def source(one: Configuration) -> str:
    return one.pods[0].source if one.pods else one.source


def cite_mount(one: Configuration, mounted: Mounted) -> Evidence:
    mount = mounted.mount
    value = f"{mount.mount_path}, readOnly: {str(mount.read_only).lower()}" if mount else "absent"
    return Evidence(source(one), mounted.place, value)


def mount_of(pod: Pod | None, path: str) -> Mounted:
    """The mount a path lies under, the deepest one, with the volume behind it."""
    container = container_of(pod) if pod else None
    if pod is None or container is None:
        return Mounted(None, None)
    wanted = PurePosixPath(path)
    best: tuple[int, int] | None = None
    for index, mount in enumerate(container.volume_mounts):
        place = PurePosixPath(mount.mount_path)
        if (
            mount.mount_path
            and (place == wanted or place in wanted.parents)
            and (best is None or len(place.parts) > best[0])
        ):
            best = (len(place.parts), index)
    if best is None:
        return Mounted(None, None)
    mount = container.volume_mounts[best[1]]
    volume = next((one for one in pod.spec.volumes if one.name == mount.name), None)
    where = f"spec.containers[{pod.spec.containers.index(container)}].volumeMounts[{best[1]}]"
    return Mounted(mount, volume, where)


def is_shared(one: Configuration, volume: str) -> bool:
    """Whether another container of the pod has the volume too, as a collector of logs has."""
    pod = one.pod
    return pod is not None and any(
        mount.name == volume
        for container in pod.spec.containers
        if container is not one.container
        for mount in container.volume_mounts
    )
