"""What a Windows node says of its networks: HNS networks and endpoints, adapters, ipconfig.

Each is known by its properties, so it does not matter which command printed it, as a
table, a list or JSON. Called by the windows-networking guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Interface, IPv4Network
from typing import NamedTuple

from .windows_records import Record, bodies, field, text_of

POD_NETWORKS = frozenset(("l2bridge", "l2tunnel", "overlay", "transparent"))
"""Types of HNS networks that network plugins make; `nat` is there with every installation of containers."""
_HNS_TYPES = POD_NETWORKS | {"nat", "ics", "private", "internal"}
_HNS_MARKS = ("ID", "ManagementIP", "Subnets", "ActivityId", "NatName", "MacPools", "State")
_IPCONFIG = re.compile(r"^\S[^\n]*?adapter (?P<name>[^\n]+?)\s*:\s*$", re.IGNORECASE | re.MULTILINE)
_IPV4 = re.compile(r"IPv4[^:\n]*:\s*(?P<ip>\d+\.\d+\.\d+\.\d+)")
_MASK = re.compile(r":\s*(?P<mask>255\.\d+\.\d+\.\d+)")


class HnsNetwork(NamedTuple):
    """An HNS network; `type` in lower case."""

    name: str
    type: str


class HnsEndpoint(NamedTuple):
    """An HNS endpoint: the end of a pod's network. `remote`: kube-proxy made it for a pod elsewhere."""

    ip: str
    remote: bool


class Adapter(NamedTuple):
    """A network adapter of the node; `status` is Up, Disconnected, Disabled, … or empty."""

    name: str
    description: str
    status: str

    @property
    def is_virtual(self) -> bool:
        """Whether it is the node's own end of a virtual switch."""
        return self.name.lower().startswith("vethernet")


class HostAddress(NamedTuple):
    """An address of the node and the range it lies in, by ipconfig."""

    adapter: str
    ip: str
    network: IPv4Network


class VmAdapter(NamedTuple):
    """The adapter of a virtual machine as Hyper-V sees it; whether it may send with other MAC addresses."""

    machine: str
    spoofing: bool


def hns_networks(records: Iterable[Record]) -> Iterator[HnsNetwork]:
    """What Get-HnsNetwork printed."""
    for one in records:
        kind = text_of(one, "Type").lower()
        if kind in _HNS_TYPES and text_of(one, "Name") and field(one, *_HNS_MARKS) is not None:
            yield HnsNetwork(text_of(one, "Name"), kind)


def hns_endpoints(records: Iterable[Record]) -> Iterator[HnsEndpoint]:
    """What Get-HnsEndpoint printed."""
    for one in records:
        ip = text_of(one, "IPAddress")
        if ip and field(one, "VirtualNetworkName", "VirtualNetwork", "GatewayAddress") is not None:
            yield HnsEndpoint(ip, text_of(one, "IsRemoteEndpoint").lower() == "true")


def adapters(records: Iterable[Record]) -> Iterator[Adapter]:
    """What Get-NetAdapter printed."""
    for one in records:
        name = text_of(one, "Name")
        if name and field(one, "InterfaceDescription") is not None:
            yield Adapter(name, text_of(one, "InterfaceDescription"), text_of(one, "Status"))


def vm_adapters(records: Iterable[Record]) -> Iterator[VmAdapter]:
    """What Get-VMNetworkAdapter printed on the hypervisor; in JSON On is 0 and Off is 1."""
    for one in records:
        said = text_of(one, "MacAddressSpoofing").lower()
        if said in ("on", "off", "0", "1"):
            yield VmAdapter(text_of(one, "VMName"), said in ("on", "0"))


def is_ipconfig(text: str) -> bool:
    """Whether a text holds what ipconfig printed."""
    return _IPCONFIG.search(text) is not None and _IPV4.search(text) is not None


def ipconfig_addresses(text: str) -> Iterator[HostAddress]:
    """The addresses ipconfig printed, in English or another language that says adapter."""
    for head, body in bodies(text, list(_IPCONFIG.finditer(text))):
        for match in _IPV4.finditer(body):
            mask = _MASK.search(body, match.end())
            try:
                inside = IPv4Interface(f"{match['ip']}/{mask['mask'] if mask else 32}")
            except ValueError:
                continue
            yield HostAddress(head["name"].strip(), match["ip"], inside.network)
