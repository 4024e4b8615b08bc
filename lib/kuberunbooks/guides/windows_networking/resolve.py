"""Finds the Windows nodes and the pods that were asked for; takes in what the person pasted.

Nodes cost one list. Without a target the pods of the namespace are looked at, as the pods
guide reads them, and nothing at all where there is no Windows node; a node costs one list
of its pods; everything else is resolved by the pods guide.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from kuberunbooks.cluster import Cluster, Listing, read_transcripts
from kuberunbooks.errors import ClusterError, NotFound
from kuberunbooks.findings import Words
from kuberunbooks.objects import Node, Pod

from ..pods.resolve import read_events
from ..pods.resolve import resolve as resolve_pods
from ..pods.target import Pods
from ..registry import Request
from ..rules.windows_pods import wanted_system
from .target import WINDOWS, WindowsNetworking, is_windows

_NODE = re.compile(r"(?:node|nodes|no)/(?P<name>\S+)", re.IGNORECASE)


def resolve(cluster: Cluster, request: Request) -> WindowsNetworking:
    """Finds the target.

    Raises BadParameter for what no guide handles and for pasted output that cannot be
    read, NotFound for a node that does not exist, other ClusterErrors when the server
    does not let us look.
    """
    fleet = cluster.nodes()
    node = _named_node(request.target.strip(), fleet)
    _take_transcripts(cluster, request.options, node)
    if node:
        asked = _on_node(node, cluster, request)
    elif not request.target.strip() and fleet.complete and not any(is_windows(one) for one in fleet):
        asked = _nothing(request, cluster)
    else:
        asked = resolve_pods(cluster, request)
    return WindowsNetworking(
        asked,
        _for_windows(asked, fleet),
        fleet,
        node,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=asked.words,
    )


def _named_node(wanted: str, fleet: Listing[Node]) -> str:
    """The node a target names, as `node/win-1`, or as `win-1` where there is such a node."""
    match = _NODE.fullmatch(wanted)
    names = {node.name for node in fleet}
    if match is None:
        return wanted if wanted in names else ""
    if match["name"] not in names and fleet.complete:
        raise NotFound(f"There is no node {match['name']}.", path=Node.api.path(name=match["name"]))
    return match["name"]


def _take_transcripts(cluster: Cluster, options: Mapping[str, Any], node: str) -> None:
    """What the named files hold; the run's case gets it, without secrets, and gives the same verdict."""
    if given := str(options.get("transcripts") or "").strip():
        where = str(options.get("transcripts_node") or "").strip() or node
        cluster.given_transcripts += read_transcripts(given, where)


def _nothing(request: Request, cluster: Cluster, wanted: str = "", namespace: str = "") -> Pods:
    return Pods(
        wanted,
        namespace or request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
    )


def _on_node(name: str, cluster: Cluster, request: Request) -> Pods:
    """The pods of one node, whatever their namespace: one list, and the events in one answer."""
    asked = _nothing(request._replace(namespace=""), cluster, f"node/{name}")
    asked.pods = list(cluster.look(Pod, "", fields=f"spec.nodeName={name}", whole=True))
    if asked.pods:
        try:
            cluster.read_events("", whole=True)
        except ClusterError as error:
            cluster.note_failure(error, "list events")
        else:
            read_events(asked, cluster)
    asked.index()
    return asked


def _for_windows(asked: Pods, fleet: Listing[Node]) -> Pods:
    """Those of the pods that run on Windows nodes, or wait for one."""
    systems = {node.name: is_windows(node) for node in fleet}
    kept = [
        pod
        for pod in asked.pods
        if systems.get(pod.spec.node_name, wanted_system(pod.spec).lower() == WINDOWS)
    ]
    tops = {top.key for pod in kept if (top := asked.top_of(pod)) is not None}
    roots = [
        root
        for root in asked.roots
        if root.key in tops or wanted_system(root.template.spec).lower() == WINDOWS
    ]
    windows = dataclasses.replace(asked, pods=kept, roots=roots, memo={})
    windows.index(asked.pods)
    return windows
