"""WN-08: are the HNS network and the virtual adapter there that pods need?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, Subject, finding

from ..rules.windows_host import (
    POD_NETWORKS,
    Adapter,
    HnsNetwork,
    HostAddress,
    adapters,
    hns_networks,
    ipconfig_addresses,
    is_ipconfig,
)
from ..rules.windows_session import Piece
from ..step import Yielded, step
from .heard import on_hosts
from .host_checks import ADAPTERS, unanswered
from .target import WindowsNetworking

_USUAL = "Ethernet"
"""What start.ps1 takes the node's adapter to be called where nobody says otherwise."""


class _Host:
    """What was heard of one node's networks."""

    def __init__(self) -> None:
        self.networks: list[HnsNetwork] = []
        self.adapters: list[Adapter] = []
        self.addresses: list[HostAddress] = []
        self.of_networks: list[Piece] = []
        self.of_adapters: list[Piece] = []

    def hear(self, piece: Piece) -> None:
        """Takes in a piece; a command that prints nothing says that there is none."""
        networks, found = list(hns_networks(piece.records)), list(adapters(piece.records))
        if networks or (piece.asked("Get-HnsNetwork") and piece.is_empty):
            self.networks += networks
            self.of_networks.append(piece)
        if found or (piece.asked("Get-NetAdapter") and piece.is_empty):
            self.adapters += found
            self.of_adapters.append(piece)
        if is_ipconfig(piece.text):
            self.addresses += ipconfig_addresses(piece.text)
            self.of_adapters.append(piece)

    @property
    def pod_networks(self) -> list[HnsNetwork]:
        """The HNS networks that a network plugin made."""
        return [one for one in self.networks if one.type in POD_NETWORKS]

    @property
    def virtual(self) -> list[str]:
        """The node's own ends of virtual switches, without that of the network for plain containers."""
        names = [one.name for one in self.adapters if one.is_virtual]
        names += [one.adapter for one in self.addresses if one.adapter.lower().startswith("vethernet")]
        return [name for name in dict.fromkeys(names) if "(nat)" not in name.lower()]

    def interface(self, own: set[str]) -> str:
        """What the adapter with the node's address is called, else the one that is up; empty if unknown."""
        by_address = [one.adapter for one in self.addresses if one.ip in own]
        up = [one.name for one in self.adapters if one.status == "Up" and not one.is_virtual]
        return next(iter([*by_address, *up]), "").removeprefix("vEthernet (").removesuffix(")")


@step(
    "WN-08",
    title="Are the pod network and its adapter there?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network",
)
def virtual_adapter(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Has the node an HNS network for pods, and a virtual adapter that leads to it?"""
    hosts: dict[str, _Host] = {}
    for piece in on_hosts(target, cluster):
        hosts.setdefault(piece.node, _Host()).hear(piece)
    judged = False
    for name, host in hosts.items():
        if host.of_networks or host.of_adapters:
            for item in _judged(name, host, target):
                judged = True
                yield item
    if not judged:
        yield unanswered(target, ADAPTERS)


def _judged(name: str, host: _Host, target: WindowsNetworking) -> Iterator[Yielded]:
    subject = Subject(kind="Node", namespace="", name=name or "unknown")
    if host.pod_networks:
        found = host.pod_networks[0]
        yield finding(
            "WindowsPodNetworkPresent",
            subject,
            evidence=host.of_networks[0].cite(f"{found.name} {found.type}"),
            networks=[f"{one.name} ({one.type})" for one in host.pod_networks],
            adapters=host.virtual,
            node=name,
        )
    elif host.of_networks and host.of_adapters and not host.virtual:
        yield _missing(subject, name, host, target)
    elif host.of_networks and host.virtual:
        yield Note(
            text=f"No HNS network for pods was found on {name or 'the node'}, although there is an adapter "
            f"{host.virtual[0]}. Show all networks: `Get-HnsNetwork | Select-Object Name, Type`."
        )
    elif host.of_networks:
        yield Note(
            text=f"No HNS network for pods was found on {name or 'the node'}. Show its adapters too: "
            "`Get-NetAdapter | Select-Object Name, InterfaceDescription, Status | ConvertTo-Json`."
        )


def _missing(subject: Subject, name: str, host: _Host, target: WindowsNetworking) -> Finding:
    node = target.windows_node(name)
    own = {one.address for one in node.status.addresses} if node is not None else set()
    interface = host.interface(own)
    return finding(
        "WindowsVirtualAdapterMissing",
        subject,
        evidence=[host.of_networks[0].cite(), host.of_adapters[0].cite()],
        node=name,
        networks=[f"{one.name} ({one.type})" for one in host.networks],
        interface=interface,
        unusual=bool(interface) and interface != _USUAL,
    )
