"""SH-04 and SH-08: who commands run as, how full its disks are, whether volumes are there."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Container, Pod

from ..pods.target import Pods
from ..rules.container_disk import FileSystem
from ..rules.container_inside import Heard, Inside
from ..rules.crictl_images import byte_text
from ..rules.proc_mounts import Mount, mounted_at
from ..rules.thresholds import FILE_SYSTEM_FULL
from ..step import Yielded, step
from .target import insides, pod_of, spec_of, unseen, where

_ROWS = 40
# What every container has of the kernel; none of it is anybody's data.
_KERNEL = frozenset(
    {"proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts", "debugfs", "tracefs", "securityfs", "bpf"}
)  # fmt: skip


@step("SH-04", title="Who is it, and where may it write?")
def user_and_files(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which user do commands run as, is its file system read-only, and has it room?"""
    checked = False
    for one in insides(target, cluster):
        pod = pod_of(target, one)
        spec = spec_of(pod, one.key[2])
        if one.user is not None or one.mounts is not None:
            checked = True
            yield _who(one, pod)
        if one.user is not None and spec is not None:
            yield from _user(one, one.user.value.uid, pod, spec)
        if one.disks is not None:
            checked = True
            yield _space(target, one, one.disks.value)
            yield from _full(one, one.disks, pod)
    if not checked:
        yield unseen("Its user and its room are")


@step("SH-08", title="Are the pod's volumes mounted?")
def mounts(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is each volume where the pod says, and may it be written to as the pod says?"""
    checked = False
    for one in insides(target, cluster):
        pod = pod_of(target, one)
        spec = spec_of(pod, one.key[2])
        if one.mounts is None or spec is None:
            continue
        checked = True
        yield from _compare(target, one, one.mounts, pod, spec)
    if not checked:
        yield unseen("Its mounts are")


def _who(one: Inside, pod: Pod) -> Finding:
    root = mounted_at("/", one.mounts.value) if one.mounts is not None else None
    user = one.user.value if one.user is not None else None
    evidence = [] if one.user is None else [one.user.cite(f"uid={one.user.value.uid}")]
    if one.mounts is not None and root is not None:
        evidence.append(one.mounts.cite(f"{root.device} / {root.type} {'ro' if root.read_only else 'rw'}"))
    return finding(
        "InsideUser",
        pod,
        container=one.key[2],
        evidence=evidence,
        uid=user.uid if user is not None else None,
        user=user.name if user is not None else "",
        read_only=root.read_only if root is not None else None,
    )


def _user(one: Inside, uid: int, pod: Pod, spec: Container) -> Iterator[Finding]:
    """Another user than the specification says: an exec always runs as the container's own user."""
    context, of_pod = spec.security_context, pod.spec.security_context
    wanted = context.run_as_user if context is not None else None
    if wanted is None and of_pod is not None:
        wanted = of_pod.run_as_user
    if wanted is not None and wanted != uid:
        assert one.user is not None
        yield finding(
            "InsideUserDiffers",
            pod,
            container=one.key[2],
            evidence=one.user.cite(f"uid={uid}"),
            uid=uid,
            wanted=wanted,
        )


def _space(target: Pods, one: Inside, systems: list[FileSystem]) -> Table:
    shown = [each for each in systems if each.total and not each.mount.startswith(("/proc", "/sys"))]
    shown.sort(key=lambda each: -each.share)
    return Table(
        caption=f"File systems of {where(target, one)}, the fullest first",
        columns=[
            Column(name="mounted at"),
            Column(name="size", numeric=True),
            Column(name="free", numeric=True),
            Column(name="used", numeric=True),
        ],
        rows=[
            [each.mount, byte_text(each.total), byte_text(each.free), f"{each.share:.0%}"]
            for each in shown[:_ROWS]
        ],
        omitted=max(0, len(shown) - _ROWS),
    )


def _full(one: Inside, disks: Heard[list[FileSystem]], pod: Pod) -> Iterator[Finding]:
    """Of the container's own file system and its volumes; read-only images of files are full by nature."""
    read_only = (
        {each.point for each in one.mounts.value if each.read_only} if one.mounts is not None else set()
    )
    told: set[str] = set()
    for each in disks.value:
        if each.share < FILE_SYSTEM_FULL or each.mount in read_only or each.device in told:
            continue
        if each.mount.startswith(("/dev", "/proc", "/sys", "/etc/")):
            continue
        told.add(each.device)
        yield finding(
            "InsideFilesystemFull",
            pod,
            container=one.key[2],
            evidence=disks.cite(f"{each.mount} {each.share:.0%} used, {byte_text(each.free)} free"),
            group=(each.mount,),
            mount=each.mount,
            share=round(each.share * 100),
            free=byte_text(each.free),
            own=each.mount == "/",
            node=pod.spec.node_name,
        )


def _compare(
    target: Pods, one: Inside, seen: Heard[list[Mount]], pod: Pod, spec: Container
) -> Iterator[Yielded]:
    rows: list[list[str]] = []
    fine = True
    for volume in spec.volume_mounts:
        if not volume.mount_path:
            continue
        mount = mounted_at(volume.mount_path, seen.value)
        reads = volume.read_only or _is_read_only_by_kind(pod, volume.name)
        wanted = "read-only" if reads else "read-write"
        is_ = "not mounted" if mount is None else "read-only" if mount.read_only else "read-write"
        rows.append([volume.mount_path, volume.name, wanted, is_, mount.type if mount is not None else ""])
        if mount is None:
            fine = False
            yield _finding(
                "VolumeNotMounted", one, pod, seen, volume.mount_path, volume.name, "not among the mounts"
            )
        elif mount.read_only and not reads:
            fine = False
            shown = f"{mount.device} {mount.point} {mount.type} ro"
            yield _finding("VolumeReadOnly", one, pod, seen, volume.mount_path, volume.name, shown)
    known = {row[0].rstrip("/") for row in rows}
    rows += [
        [each.point, "", "", "read-only" if each.read_only else "read-write", each.type]
        for each in seen.value
        if each.type not in _KERNEL
        and each.point not in known
        and not each.point.startswith(("/proc", "/sys", "/dev"))
    ]
    yield Table(
        caption=f"Mounts of {where(target, one)}, the pod's volumes first",
        columns=[Column(name=name) for name in ("mounted at", "volume", "asked for", "is", "type")],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )
    if fine and spec.volume_mounts:
        yield finding(
            "VolumesMounted",
            pod,
            container=one.key[2],
            evidence=seen.cite(f"{len(spec.volume_mounts)} volumes"),
            volumes=len(spec.volume_mounts),
        )


def _finding(
    code: str, one: Inside, pod: Pod, seen: Heard[list[Mount]], path: str, volume: str, shown: str
) -> Finding:
    claim = next(
        (
            each.persistent_volume_claim.claim_name
            for each in pod.spec.volumes
            if each.name == volume and each.persistent_volume_claim is not None
        ),
        "",
    )
    return finding(
        code,
        pod,
        container=one.key[2],
        evidence=seen.cite(shown),
        group=(path,),
        path=path,
        volume=volume,
        claim=claim,
        node=pod.spec.node_name,
    )


def _is_read_only_by_kind(pod: Pod, name: str) -> bool:
    """ConfigMaps, Secrets, projected and downward volumes cannot be written to, whatever was asked for."""
    volume = next((one for one in pod.spec.volumes if one.name == name), None)
    if volume is None:
        return True
    claim = volume.persistent_volume_claim
    written = (volume.empty_dir, volume.host_path, volume.ephemeral)
    if claim is not None:
        return claim.read_only
    return all(one is None for one in written)
