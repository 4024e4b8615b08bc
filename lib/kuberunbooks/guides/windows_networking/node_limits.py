"""WN-05 and WN-07: what a Windows node itself cannot reach, although everybody else can."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import Node, Service

from ..rules.windows_cni import holding, parse_network
from ..rules.windows_probes import Reach, reaches
from ..step import NotChecked, Yielded, step
from .cluster_ranges import cluster_ranges
from .heard import on_hosts
from .target import WindowsNetworking

_NODE_PORTS = range(30000, 32768)
"""Ports NodePorts are taken from (--service-node-port-range, its default)."""
_LOCAL = frozenset(("localhost", "127.0.0.1", "::1"))
_UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network"


@step("WN-05", title="Was a NodePort tried from its own node?", upstream=_UPSTREAM)
def node_ports(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Did a test of a NodePort fail only because it was made on the Windows node itself?"""
    tests = [
        (node, one)
        for node, one in _from_nodes(target, cluster)
        if one.port in _NODE_PORTS and one.host.lower() in _LOCAL | _own_addresses(node)
    ]
    if not tests:
        yield NotChecked("No test of a NodePort from a Windows node was given.")
    for node, one in tests:
        if one.outcome != "reached":
            yield _own_port(node, one, target, cluster)


@step("WN-07", title="Was a Service's address tried from a node?", upstream=_UPSTREAM)
def service_ips(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Did a test of a Service's address fail only because it was made on a Windows node?"""
    tests = [
        (node, one, address)
        for node, one in _from_nodes(target, cluster)
        if one.tool == "tcp" and (address := parse_network(one.host)) is not None
    ]
    ranges = [one.network for one in cluster_ranges(target, cluster).services] if tests else []
    to_services = [(node, one) for node, one, address in tests if holding(ranges, address)]
    if not to_services:
        yield NotChecked("No test of a Service's address from a Windows node was given.")
    for node, one in to_services:
        if one.outcome != "reached":
            yield finding(
                "WindowsServiceIpFromNodeLimit",
                node,
                evidence=one.piece.cite(one.line),
                likely=True,
                host=one.host,
                port=one.port,
                example=_example(target),
            )


def _from_nodes(target: WindowsNetworking, cluster: Cluster) -> Iterator[tuple[Node, Reach]]:
    for piece in on_hosts(target, cluster):
        node = target.windows_node(piece.node)
        if node is not None:
            for one in reaches(piece):
                yield node, one


def _own_addresses(node: Node) -> set[str]:
    return {one.address.lower() for one in node.status.addresses} | {node.name.lower()}


def _own_port(node: Node, one: Reach, target: WindowsNetworking, cluster: Cluster) -> Finding:
    services = cluster.look(Service, target.asked.namespace)
    owner = next(
        (each for each in services if any(port.node_port == one.port for port in each.spec.ports)), None
    )
    others = [each for each in target.fleet if each.name != node.name and each.is_ready]
    address = next(
        (each.address for other in others for each in other.status.addresses if each.type == "InternalIP"), ""
    )
    return finding(
        "WindowsNodePortLocalLimit",
        Subject(kind="Node", namespace="", name=node.name),
        evidence=[one.piece.cite(one.line), *([owner.cite("spec.type")] if owner else [])],
        likely=True,
        port=one.port,
        service=f"{owner.namespace}/{owner.name}" if owner else "",
        other=address,
    )


def _example(target: WindowsNetworking) -> dict[str, str]:
    """A Windows pod from which the test would count."""
    pod = next((pod for pod in target.windows.pods if pod.is_ready and not pod.spec.host_network), None)
    return {"pod": pod.name, "namespace": pod.namespace} if pod else {}
