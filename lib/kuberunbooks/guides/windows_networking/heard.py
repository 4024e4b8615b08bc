"""What was heard from nodes and pods: the pieces of all transcripts, with where each ran.

Read once a run. What stands on a node can come from a person's PowerShell window, from a
HostProcess pod, or from a file without any command; a run about a single Windows node
takes all of it for that node's.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..rules.windows_pods import is_host_process
from ..rules.windows_session import Piece, pieces
from .target import WindowsNetworking

_MEMO = "heard"
_MOST = 2000
_HOSTS = ("", "node")
"""Kinds of targets that may be a node; what a person ran on a workstation is no node's."""


def heard(target: WindowsNetworking, cluster: Cluster) -> list[Piece]:
    """All pieces, each with its node where that is known."""
    found: list[Piece] | None = target.memo.get(_MEMO)
    if found is None:
        target.memo[_MEMO] = found = list(_pieces(target, cluster))[:_MOST]
    return found


def on_hosts(target: WindowsNetworking, cluster: Cluster) -> list[Piece]:
    """What was run on nodes themselves, and what may have been: pasted text does not say where."""
    return [one for one in heard(target, cluster) if not one.pod]


def in_pods(target: WindowsNetworking, cluster: Cluster) -> list[Piece]:
    """What was run in pods."""
    return [one for one in heard(target, cluster) if one.pod]


def _pieces(target: WindowsNetworking, cluster: Cluster) -> Iterator[Piece]:
    names = [node.name for node in target.nodes]
    by_name = {(pod.namespace, pod.name): pod for pod in target.asked.pods}
    for transcript in cluster.transcripts():
        for one in pieces(transcript):
            pod = by_name.get((one.namespace, one.pod)) if one.pod else None
            if pod is not None and is_host_process(pod.spec):
                # What runs in a HostProcess pod runs on the node.
                one.node, one.pod, one.namespace = pod.spec.node_name, "", ""
            elif one.pod.startswith("windows-checks-"):
                one.node, one.pod, one.namespace = one.pod.removeprefix("windows-checks-"), "", ""
            elif not one.pod and not one.node and len(names) == 1 and transcript.target.kind in _HOSTS:
                one.node = names[0]
            if not one.node or not names or one.node in names or one.pod:
                yield one
