"""Whether the kubelets' versions go with that of the API server.

The version skew policy: a kubelet may be no newer than the API server and at most three
minor versions older, two when it is older than 1.25. During an upgrade kubelets are
older for a while, which is what the policy allows for. Called by the cluster guide's
step about the nodes' systems and by the first look at a cluster.

https://kubernetes.io/releases/version-skew-policy/#kubelet
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kuberunbooks.findings import Finding, Severity
from kuberunbooks.objects import Node

from .many_nodes import CITED_NODES, about_nodes

# `v1.36.2`, `v1.29.3-eks-ae9a62a`, `v1.27.8-gke.1067004`, `v1.30.0+k3s1`, `1.28`.
_VERSION = re.compile(r"^v?(?P<major>\d+)\.(?P<minor>\d+)(?!\d)")
_MOST_BEHIND = 3
_MOST_BEHIND_ONCE = 2
_WIDER_SINCE = (1, 25)

Minor = tuple[int, int]
"""Major and minor version: (1, 36)."""


class Skew(NamedTuple):
    """A kubelet that does not go with the API server: `behind` minor versions older, or negative: newer."""

    node: Node
    kubelet: Minor
    server: Minor

    @property
    def behind(self) -> int:
        """By how many minor versions it is older; below 0 when it is newer."""
        return self.server[1] - self.kubelet[1]


def minor_version(text: str) -> Minor | None:
    """Major and minor of a version, whatever a vendor appends to it; None when unreadable."""
    match = _VERSION.match(text.strip())
    return (int(match["major"]), int(match["minor"])) if match else None


def skew_of(node: Node, server: str) -> Skew | None:
    """The skew when it is more than the policy allows; None when it is allowed or a version is unreadable."""
    kubelet, wanted = minor_version(node.status.node_info.kubelet_version), minor_version(server)
    if kubelet is None or wanted is None or kubelet[0] != wanted[0]:
        return None
    one = Skew(node, kubelet, wanted)
    return one if one.behind < 0 or one.behind > _allowed(kubelet) else None


def version_skew(nodes: Iterable[Node], server: str) -> Iterator[Finding]:
    """One finding for all kubelets that are too new, one for all that are too old.

    `server` is the API server's gitVersion; nothing is said when it is not known.
    """
    skewed = [one for node in nodes if (one := skew_of(node, server)) is not None]
    newer = [one for one in skewed if one.behind < 0]
    older = [one for one in skewed if one.behind > 0]
    if newer:
        yield _found(newer, server, "critical")
    if older:
        yield _found(older, server, "warning")


def _found(alike: Sequence[Skew], server: str, severity: Severity) -> Finding:
    """The kubelet that is furthest off is the example."""
    sorted_ = sorted(alike, key=lambda one: -abs(one.behind))
    worst, nodes = sorted_[0], [one.node for one in sorted_]
    return about_nodes(
        "KubeletVersionSkew",
        nodes,
        severity=severity,
        evidence=[node.cite("status.nodeInfo.kubeletVersion") for node in nodes[:CITED_NODES]],
        group=(severity,),
        newer=worst.behind < 0,
        apart=abs(worst.behind),
        allowed=_allowed(worst.kubelet),
        kubelet=worst.node.status.node_info.kubelet_version,
        server=server,
    )


def _allowed(kubelet: Minor) -> int:
    return _MOST_BEHIND if kubelet >= _WIDER_SINCE else _MOST_BEHIND_ONCE
