"""AU-05: whether events are written to a file that is kept: its path, its mount, its rotation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note
from kuberunbooks.objects import Evidence

from ..rules.version_skew import minor_version
from ..step import NotChecked, Yielded, step
from .mounts import cite_mount, is_shared, mount_of, not_mounted, source
from .resolve import Audited
from .servers import NO_FLAGS, Configuration, servers

STDOUT = "-"


@step("AU-05", title="Are events written to a file?")
def log_backend(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Is there a path, is it mounted into the API server's pod, and are old files removed?"""
    seen = servers(target, cluster)
    if not seen:
        yield NotChecked(NO_FLAGS)
        return
    for one in seen:
        yield from _mounts(one)
        if not one.flags.log:
            yield Note(
                text=f"{one.text[:1].upper()}{one.text[1:]} has no log backend (--audit-log-path is not set)."
            )
        elif one.flags.log == STDOUT:
            yield one.finding("AuditLogToStdout", evidence=one.cite("audit-log-path"),
            )  # fmt: skip
        else:
            yield from _file(one, cluster)


def _file(one: Configuration, cluster: Cluster) -> Iterator[Finding]:
    version = _version(one, cluster)
    days, files, megabytes = one.flags.rotation(version)
    unknown = version is None and not {"audit-log-maxage", "audit-log-maxbackup"} & set(one.flags.given)
    cited = one.cite("audit-log-path", "audit-log-maxage", "audit-log-maxbackup", "audit-log-maxsize")
    facts: dict[str, Any] = {
        "path": one.flags.log,
        "days": days,
        "files": files,
        "megabytes": megabytes,
        "most": (files + 1) * megabytes if files and megabytes else 0,
        "unknown": unknown,
    }
    mounted = mount_of(one.pod, one.flags.log) if one.pod else None
    if megabytes == 0 or (days == 0 and files == 0):
        yield one.finding("AuditLogNoRotation", evidence=cited, **facts)
    elif unknown:
        yield one.finding("AuditLogNoRotation", severity="info", evidence=cited, **facts)
    elif (
        mounted is not None
        and mounted.mount is not None
        and _is_same(mounted.mount.mount_path, one.flags.log)
    ):
        yield one.finding(
            "AuditLogCannotRotate",
            likely=True,
            evidence=[
                *one.cite("audit-log-path"),
                Evidence(source(one), mounted.place, f"mountPath: {mounted.mount.mount_path}"),
            ],
            **facts,
        )
    else:
        yield one.finding("AuditLogConfigured", evidence=cited, **facts)


def _version(one: Configuration, cluster: Cluster) -> tuple[int, int] | None:
    """The API server's version, on which defaults depend: its image's tag, else what the server said."""
    container = one.container
    tag = container.image.partition("@")[0].rpartition(":")[2] if container else ""
    return minor_version(tag) or minor_version(cluster.origin.server_version)


def _is_same(one: str, other: str) -> bool:
    return PurePosixPath(one) == PurePosixPath(other)


def _mounts(one: Configuration) -> Iterator[Finding]:
    """What the flags name must be a file of the node, or it is gone with the container."""
    if one.pod is None:
        return
    named = [("audit-policy-file", one.flags.policy), ("audit-webhook-config-file", one.flags.webhook)]
    for flag, path in named:
        if path and mount_of(one.pod, path).volume is None:
            yield not_mounted(one, flag, path, "read")
    path = one.flags.log
    if path and path != STDOUT:
        mounted = mount_of(one.pod, path)
        if mounted.volume is None:
            yield not_mounted(one, "audit-log-path", path, "written")
        elif mounted.mount is not None and mounted.mount.read_only:
            yield not_mounted(one, "audit-log-path", path, "read-only", mounted)
        elif mounted.volume.empty_dir is not None and not is_shared(one, mounted.volume.name):
            yield one.finding(
                "AuditLogNotKept",
                evidence=[*one.cite("audit-log-path"), cite_mount(one, mounted)],
                path=path,
                volume=mounted.volume.name,
            )
