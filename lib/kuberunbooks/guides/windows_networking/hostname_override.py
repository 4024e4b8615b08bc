"""WN-06: does kube-proxy know the name of its node, and are the pods' HNS endpoints still there?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Severity, Subject, finding
from kuberunbooks.objects import NOT_JSON, ConfigMap, DaemonSet, Evidence, Node, Pod

from ..rules.superseded import newest_start
from ..rules.windows_host import hns_endpoints
from ..rules.windows_kube_proxy import (
    command_lines,
    configured_override,
    hostname_override,
    starts_kube_proxy,
)
from ..rules.windows_pods import is_host_process, wanted_system
from ..rules.windows_session import Piece
from ..step import Yielded, step
from .heard import on_hosts
from .host_checks import KUBE_PROXY, unanswered
from .lost_nodes import lost_nodes
from .target import WINDOWS, WindowsNetworking

_PLACE = "kube-system"
_SETTLED = 120.0
"""Seconds a pod must have run before its endpoint is expected in what a node printed."""


class Proxy(NamedTuple):
    """A kube-proxy whose arguments are known: on one node (by its processes) or on all Windows nodes."""

    node: str
    override: str
    evidence: Evidence


@step(
    "WN-06",
    title="Does kube-proxy know its node?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network",
)
def kube_proxy(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Is kube-proxy told its node's name, and do HNS endpoints of running pods vanish?"""
    gone = dict(_vanished(target, cluster))
    proxies = [*_running(target, cluster), *_deployed(cluster)] if target.windows_nodes else []
    explained: set[str] = set()
    for proxy in proxies:
        for one in _judged(proxy, gone, target):
            explained.add(one.subject.name)
            yield one
    for node, (piece, pods) in gone.items():
        if node not in explained:
            yield _gone(node, piece, pods, proxies)
    if not proxies:
        yield unanswered(target, KUBE_PROXY)


def _running(target: WindowsNetworking, cluster: Cluster) -> Iterator[Proxy]:
    for piece in on_hosts(target, cluster):
        for line in command_lines(piece.text, piece.records):
            yield Proxy(piece.node, hostname_override(line), piece.cite(line))


def _deployed(cluster: Cluster) -> Iterator[Proxy]:
    """DaemonSets that start kube-proxy itself; of a script in an image the arguments are not known."""
    for one in cluster.look(DaemonSet, _PLACE):
        if "kube-proxy" not in one.name or wanted_system(one.template.spec).lower() != WINDOWS:
            continue
        for index, container in enumerate(one.template.spec.containers):
            words = [*container.command, *container.args]
            if starts_kube_proxy(words):
                path = f"spec.template.spec.containers[{index}]"
                override = hostname_override(" ".join(words)) or _configured(cluster)
                yield Proxy("", override, one.cite(f"{path}.args" if container.args else f"{path}.command"))


def _configured(cluster: Cluster) -> str:
    """hostnameOverride of kube-proxy's configuration, which counts where the flag is not given."""
    found = cluster.find(ConfigMap, _PLACE, "kube-proxy").object
    try:
        text = msgspec.json.decode(found.data["config.conf"], type=str) if found else ""
    except (KeyError, msgspec.ValidationError, *NOT_JSON):
        return ""
    return configured_override(text)


def _judged(
    proxy: Proxy, gone: dict[str, tuple[Piece, list[Pod]]], target: WindowsNetworking
) -> Iterator[Finding]:
    """Without the name, kube-proxy takes the host's; that does harm only where the two differ."""
    if proxy.override:
        return
    nodes = [node for node in target.nodes if proxy.node in ("", node.name)]
    harmless = [node for node in nodes if node.name not in gone and _host_name(node) == node.name.lower()]
    # Of those it does no harm to one stands for all.
    for node in [*(one for one in nodes if one not in harmless), *harmless[:1]]:
        pods = gone[node.name][1] if node.name in gone else []
        severity: Severity | None = "critical" if pods else "info" if node in harmless else None
        yield finding(
            "WindowsHostnameOverrideMissing",
            Subject(kind="Node", namespace="", name=node.name),
            severity=severity,
            evidence=[proxy.evidence, node.cite("metadata.labels['kubernetes.io/hostname']")],
            likely=bool(pods),
            node=node.name,
            host=_host_name(node),
            same=node in harmless,
            alike=len(harmless) - 1 if node in harmless else 0,
            gone=[pod.name for pod in pods],
            explains=[f"{pod.namespace}/pod/{pod.name}" for pod in pods],
        )


def _host_name(node: Node) -> str:
    """The host's name as the kubelet reports it, in lower case as kube-proxy takes it; empty if unknown."""
    labels = node.metadata.labels
    named = next((one.address for one in node.status.addresses if one.type == "Hostname"), "")
    return (labels.get("kubernetes.io/hostname") or named).lower()


def _vanished(target: WindowsNetworking, cluster: Cluster) -> Iterator[tuple[str, tuple[Piece, list[Pod]]]]:
    """Nodes whose list of HNS endpoints lacks the address of a pod that runs there."""
    for piece in on_hosts(target, cluster):
        endpoints = list(hns_endpoints(piece.records))
        empty = piece.asked("Get-HnsEndpoint") and piece.is_empty
        if not piece.node or piece.node in lost_nodes(target) or _is_chosen(piece):
            continue
        if not endpoints and not empty:
            continue
        held = {one.ip for one in endpoints if not one.remote}
        at = piece.at or cluster.now
        lacking = [
            pod
            for pod in target.windows.pods
            if pod.spec.node_name == piece.node
            and pod.is_ready
            and not pod.spec.host_network
            and not is_host_process(pod.spec)
            and pod.addresses
            and not held.intersection(pod.addresses)
            and (begun := newest_start(pod)) is not None
            and (at - begun).total_seconds() >= _SETTLED
        ]
        if lacking:
            yield piece.node, (piece, lacking)


def _is_chosen(piece: Piece) -> bool:
    """Its command lets only some of the endpoints through: then that one is not there proves nothing."""
    return piece.asked("where", "?", "-first", "-last", "findstr", "select-string")


def _gone(node: str, piece: Piece, pods: list[Pod], proxies: list[Proxy]) -> Finding:
    return finding(
        "WindowsHnsEndpointsGone",
        Subject(kind="Node", namespace="", name=node),
        evidence=[piece.cite(), *(pod.cite("status.podIP") for pod in pods[:3])],
        node=node,
        pods=[f"{pod.namespace}/{pod.name}" for pod in pods],
        known=bool(proxies),
        explains=[f"{pod.namespace}/pod/{pod.name}" for pod in pods],
    )
