"""The address ranges of the cluster: of pods, of Services, and the addresses of nodes.

Read only when something is to be compared with them. Each range keeps where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import NOT_JSON, ConfigMap, Evidence, Node, Service, ServiceCIDR

from ..rules.windows_cni import Network, parse_network
from ..rules.windows_host import ipconfig_addresses
from .heard import on_hosts
from .target import WindowsNetworking

_MEMO = "cluster ranges"
_PLACE = "kube-system"
_SUBNET = re.compile(
    r"^[ \t]+(?P<name>podSubnet|serviceSubnet):[ \t]*[\"']?(?P<value>[0-9a-fA-F.:/, ]+)", re.MULTILINE
)


class Range(NamedTuple):
    """A range, and where it was read."""

    network: Network
    evidence: Evidence


class ClusterRanges(NamedTuple):
    """The IPv4 ranges that are known; an empty one was not found anywhere."""

    pods: list[Range]
    services: list[Range]
    nodes: list[Range]


def cluster_ranges(target: WindowsNetworking, cluster: Cluster) -> ClusterRanges:
    """By kubeadm's configuration, ServiceCIDRs, the node objects, and ipconfig where that was heard."""
    found: ClusterRanges | None = target.memo.get(_MEMO)
    if found is None:
        pods, services = _configured(cluster)
        pods += _of_nodes(target.fleet)
        services = services or list(_service_ranges(cluster))
        nodes = list(_node_addresses(target, cluster))
        kept = ([one for one in each if one.network.version == 4] for each in (pods, services, nodes))
        target.memo[_MEMO] = found = ClusterRanges(*kept)
    return found


def _configured(cluster: Cluster) -> tuple[list[Range], list[Range]]:
    found: dict[str, list[Range]] = {"podSubnet": [], "serviceSubnet": []}
    held = cluster.find(ConfigMap, _PLACE, "kubeadm-config").object
    if held is not None and "ClusterConfiguration" in held.data:
        try:
            text = msgspec.json.decode(held.data["ClusterConfiguration"], type=str)
        except (msgspec.ValidationError, *NOT_JSON):
            text = ""
        for match in _SUBNET.finditer(text):
            for part in match["value"].split(","):
                network = parse_network(part)
                if network is not None:
                    path = f"data.ClusterConfiguration networking.{match['name']}"
                    found[match["name"]].append(Range(network, held.cite(path, str(network))))
    return found["podSubnet"], found["serviceSubnet"]


def _of_nodes(nodes: list[Node]) -> list[Range]:
    return [
        Range(network, node.cite(f"spec.podCIDRs[{index}]"))
        for node in nodes
        for index, text in enumerate(node.spec.pod_cidrs)
        if (network := parse_network(text)) is not None
    ]


def _service_ranges(cluster: Cluster) -> Iterator[Range]:
    """The ServiceCIDRs; else at least the address of Service kubernetes, which lies in the range."""
    listed = cluster.look(ServiceCIDR)
    for one in listed:
        for index, text in enumerate(one.spec.cidrs):
            network = parse_network(text)
            if network is not None:
                yield Range(network, one.cite(f"spec.cidrs[{index}]"))
    if not listed:
        api = cluster.find(Service, "default", "kubernetes").object
        network = parse_network(api.spec.cluster_ip) if api is not None else None
        if api is not None and network is not None:
            yield Range(network, api.cite("spec.clusterIP"))


def _node_addresses(target: WindowsNetworking, cluster: Cluster) -> Iterator[Range]:
    """The nodes' own addresses, as the range ipconfig shows where one of them lies in it."""
    subnets = [
        (each.network, piece.cite(f"{each.ip} in {each.network}"))
        for piece in on_hosts(target, cluster)
        for each in ipconfig_addresses(piece.text)
    ]
    for node in target.fleet:
        for index, one in enumerate(node.status.addresses):
            address = parse_network(one.address) if one.type == "InternalIP" else None
            if address is None:
                continue
            wider = next(((net, cited) for net, cited in subnets if ip_address(one.address) in net), None)
            yield Range(*wider) if wider else Range(address, node.cite(f"status.addresses[{index}].address"))
