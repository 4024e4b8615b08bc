"""WN-01: does every Windows pod get its sandbox, and is the pause image set where containerd looks for it?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, Severity, Subject, finding
from kuberunbooks.objects import Node

from ..rules.error_lines import bounded
from ..rules.windows_containerd import ContainerdConfig, is_old_pause, read_containerd, runtime_major
from ..rules.windows_session import Piece
from ..step import Yielded, step
from .heard import on_hosts
from .host_checks import PAUSE_IMAGE, unanswered
from .inventory import system_of
from .sandbox_troubles import SandboxTrouble, sandbox_troubles
from .target import WindowsNetworking

_CAUSE = 300
_NUMBERED = re.compile(r"[0-9a-f]{8,}|\d+")
_CODES = {"system": "WindowsPauseImageSuspect", "image": "WindowsPauseImageSuspect"}


@step(
    "WN-01",
    title="Do Windows pods get their sandboxes?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-node",
)
def sandboxes(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Are pods stuck before their first container, and does the pause image fit the nodes?"""
    troubles = sandbox_troubles(target, cluster)
    for one in troubles:
        if one.kind != "flannel":
            yield _finding(one, target)
    configs = list(pause_images(target, cluster))
    for piece, config in configs:
        yield from _configured(piece, config, target, serious=bool(troubles))
    if not configs:
        yield unanswered(target, PAUSE_IMAGE)


def pause_images(target: WindowsNetworking, cluster: Cluster) -> Iterator[tuple[Piece, ContainerdConfig]]:
    """The containerd configurations that were heard."""
    for piece in on_hosts(target, cluster):
        config = read_containerd(piece.text)
        if config is not None:
            yield piece, config


def _finding(one: SandboxTrouble, target: WindowsNetworking) -> Finding:
    cause = bounded(" ".join(one.event.text.split()), _CAUSE)
    node = target.windows_node(one.pod.spec.node_name)
    early: Severity | None = "warning" if one.starting else None
    return finding(
        _CODES.get(one.kind, "WindowsSandboxFailing"),
        one.pod,
        severity=early,
        evidence=[one.event.cite("message"), one.event.cite("reason"), one.pod.cite("spec.nodeName")],
        since=one.event.first_seen,
        group=(one.kind, one.pod.spec.node_name, _NUMBERED.sub("#", cause)),
        kind_of_trouble=one.kind,
        image=one.image,
        node=one.pod.spec.node_name,
        system=system_of(node) if node else "",
        major=_major(node),
        cause=cause,
        attempts=one.event.occurrences,
        starting=one.starting,
    )


def _major(node: Node | None) -> int | None:
    return runtime_major(node.status.node_info.container_runtime_version) if node else None


def _configured(
    piece: Piece, config: ContainerdConfig, target: WindowsNetworking, *, serious: bool
) -> Iterator[Yielded]:
    if config.error:
        yield Note(
            text=f"The containerd configuration in {piece.source} is no TOML ({config.error}). "
            "If that is the whole file, containerd does not start with it."
        )
        return
    node = target.windows_node(piece.node)
    # Without a node to look at, a configuration of version 3 can only be that of containerd 2.
    major = _major(node) or (2 if config.version >= 3 else 1)
    used, ignored = config.used_by(major), config.ignored_by(major)
    subject = Subject(kind="Node", namespace="", name=piece.node or "unknown")
    facts: dict[str, Any] = {"node": piece.node, "major": major, "version": config.version}
    if used is None and ignored:
        yield finding(
            "WindowsPauseImageMisplaced",
            subject,
            evidence=piece.cite(ignored[0].key + " = " + ignored[0].image),
            image=ignored[0].image,
            key=ignored[0].key,
            **facts,
        )
    elif used is not None:
        old = is_old_pause(used.image)
        yield finding(
            "WindowsPauseImageSet",
            subject,
            severity="warning" if old and serious else "info",
            evidence=piece.cite(used.key + " = " + used.image),
            image=used.image,
            key=used.key,
            old=old,
            **facts,
        )
    else:
        yield Note(text=f"containerd of {piece.place} sets no pause image: it takes its own default.")
