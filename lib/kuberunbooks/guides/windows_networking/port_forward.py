"""WN-10: does port-forward fail because the pause image has no wincat?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Subject, finding

from ..step import NotChecked, Yielded, step
from .heard import heard
from .sandboxes import pause_images
from .target import WindowsNetworking

RX_WINCAT = re.compile(r"unable to do port forwarding: wincat not found")
_POD = re.compile(r"port-forward\s+(?:-\S+\s+\S+\s+)*(?P<target>[\w./-]+)")


@step(
    "WN-10",
    title="Does port-forward find wincat?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network",
)
def port_forward(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Did `kubectl port-forward` to a Windows pod fail for want of wincat.exe in the pause image?"""
    images = [
        used.image
        for _, config in pause_images(target, cluster)
        for used in config.images
        if not config.error
    ]
    found = False
    for piece in heard(target, cluster):
        said = RX_WINCAT.search(piece.text)
        if said is None:
            continue
        found = True
        match = _POD.search(piece.command)
        yield finding(
            "WindowsWincatMissing",
            Subject(kind="Node", namespace="", name=piece.node) if piece.node else target.subject,
            evidence=piece.cite(said[0]),
            asked=match["target"] if match else "",
            images=images,
        )
    if not found:
        yield NotChecked(
            "No failed port-forward was given: what kubectl printed, in a file named by transcripts."
        )
