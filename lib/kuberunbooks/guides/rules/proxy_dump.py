"""The rules kube-proxy has written on a node, whatever its mode: what leads where, and what is turned away.

The readers of the three modes (`iptables_rules`, `ipvs_rules`, `nftables_rules`) fill it
once from a dump; the services guide then asks it by address, protocol and port.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal, NamedTuple

Mode = Literal["iptables", "ipvs", "nftables"]
Family = Literal[4, 6]

Place = tuple[str, str, int]
"""(address, protocol in small letters, port) of one port of a Service."""


NodePort = tuple[str, int]
"""(protocol in small letters, port) on every node."""


class Way(NamedTuple):
    """Where packets for a Service's address go.

    `backends` are `10.0.0.1:80` or `[fd00::1]:80`. `chain` and `owner`, the name of
    the Service port in a comment, are empty where the mode has none. `line` is the rule.
    """

    backends: frozenset[str]
    chain: str
    owner: str
    line: str


class Refusal(NamedTuple):
    """An entry that turns packets away for want of endpoints; `local`: for want of them on this node."""

    owner: str
    local: bool
    line: str


class ProxyDump(NamedTuple):
    """The rules of one dump.

    `families` are those the dump speaks of: of another one its silence means nothing.
    `has_ways`: the part that leads to endpoints was dumped. `has_refusals`: the part
    that turns away was. `is_proxied`: kube-proxy's own chains or tables are in it at all.
    `node_ports` are led on from a node's own addresses; None where the dump does not tell.
    """

    mode: Mode
    families: frozenset[Family]
    ways: dict[Place, Way]
    refusals: dict[Place, Refusal]
    has_ways: bool
    has_refusals: bool
    is_proxied: bool
    node_ports: frozenset[NodePort] | None

    def knows(self, address: str, protocol: str, port: int) -> bool:
        """Whether there is any entry for this address and port, to lead on or to turn away."""
        key = place(address, protocol, port)
        return key in self.ways or key in self.refusals


def merged(dumps: list[ProxyDump]) -> ProxyDump:
    """The dumps of one node and mode as one: iptables-save is asked for each table and family apart."""
    first = dumps[0]
    families: frozenset[Family] = frozenset().union(*(one.families for one in dumps))
    ways: dict[Place, Way] = {}
    refusals: dict[Place, Refusal] = {}
    known = [one.node_ports for one in dumps if one.node_ports is not None]
    for one in dumps:
        ways.update(one.ways)
        refusals.update(one.refusals)
    return ProxyDump(
        first.mode,
        families,
        ways,
        refusals,
        any(one.has_ways for one in dumps),
        any(one.has_refusals for one in dumps),
        any(one.is_proxied for one in dumps),
        frozenset().union(*known) if known else None,
    )


def place(address: str, protocol: str, port: int) -> Place:
    """The key of one port of a Service."""
    return (plain_address(address), protocol.lower(), port)


def plain_address(text: str) -> str:
    """An address in its one spelling, without brackets; other text as it is."""
    if ":" not in text:
        return text
    try:
        return ip_address(text.strip("[]")).compressed
    except ValueError:
        return text


def backend(address: str, port: int | str) -> str:
    """`10.0.0.1:80`, `[fd00::1]:80`."""
    plain = plain_address(address)
    return f"[{plain}]:{port}" if ":" in plain else f"{plain}:{port}"


def family_of(address: str) -> Family:
    """Whether an address is one of IPv4 or IPv6."""
    return 6 if ":" in address else 4
