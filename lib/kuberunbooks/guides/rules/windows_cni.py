"""The network configuration of a Windows node (cni.conf), and the arithmetic of its ExceptionList.

Outbound NAT is applied to everything a pod sends that is not in the list: addresses of
pods, Services and nodes belong into it, an address outside the cluster must not be in it.
Called by the windows-networking guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any, NamedTuple

from .windows_records import json_values

Network = IPv4Network | IPv6Network

_COMMENT = re.compile(r'^(?P<kept>(?:[^"#\n]|"(?:[^"\\\n]|\\.)*")*)#[^\n]*$', re.MULTILINE)
# Plugins that take the list as it stands; others (calico, azure-vnet, antrea) add ranges of their own.
_LITERAL = frozenset(
    ("win-bridge", "win-overlay", "sdnbridge", "sdnoverlay", "wincni", "l2bridge", "overlay")
)
_OVERLAY = frozenset(("win-overlay", "sdnoverlay", "overlay"))


class CniConfig(NamedTuple):
    """A configuration. `name` is the network's, `plugin` the one that makes endpoints (`win-bridge`).

    `exceptions` are the ranges of its ExceptionList, `odd` the entries that are none;
    `has_nat` is False when it has no policy OutBoundNAT at all.
    """

    name: str
    plugin: str
    exceptions: tuple[Network, ...]
    odd: tuple[str, ...]
    has_nat: bool

    @property
    def is_literal(self) -> bool:
        """Whether the plugin takes the list as it stands, so that what is missing in it is missing."""
        return self.plugin in _LITERAL

    @property
    def is_overlay(self) -> bool:
        """Whether pods' packets travel wrapped: then addresses of nodes need not be excepted."""
        return self.plugin in _OVERLAY


def read_cni(text: str) -> Iterator[CniConfig]:
    """The configurations in a text, cni.conf or conflist; the samples' `#` comments are let pass."""
    if '"cniVersion"' not in text and "OutBoundNAT" not in text and "ExceptionList" not in text:
        return
    for value in json_values(_COMMENT.sub(r"\g<kept>", text)):
        if not isinstance(value, dict):
            continue
        plugins = value.get("plugins")
        chain = [one for one in plugins if isinstance(one, dict)] if isinstance(plugins, list) else [value]
        for one in chain:
            if (found := _config(one, str(value.get("name") or ""))) is not None:
                yield found


def _config(value: dict[str, Any], name: str) -> CniConfig | None:
    delegate = value.get("delegate")
    inner = delegate.get("type") if isinstance(delegate, dict) else None
    plugin = str(inner or value.get("type") or "")
    lists = list(_exception_lists(value))
    if not lists and plugin not in _LITERAL:
        return None
    entries = [str(entry) for one in lists for entry in one]
    networks = [(entry, parse_network(entry)) for entry in entries]
    return CniConfig(
        name,
        plugin,
        tuple(network for _, network in networks if network is not None),
        tuple(entry for entry, network in networks if network is None),
        bool(lists),
    )


def _exception_lists(value: Any, depth: int = 0) -> Iterator[list[Any]]:
    """The lists of all policies of type OutBoundNAT: `ExceptionList`, or `Exceptions` of the newer form."""
    if depth > 12:
        return
    if isinstance(value, list):
        for one in value:
            yield from _exception_lists(one, depth + 1)
    elif isinstance(value, dict):
        lowered = {key.lower(): inner for key, inner in value.items()}
        if str(lowered.get("type", "")).lower() == "outboundnat":
            settings = lowered.get("settings")
            holders = [lowered]
            if isinstance(settings, dict):
                holders.append({key.lower(): inner for key, inner in settings.items()})
            given = [one.get("exceptionlist", one.get("exceptions")) for one in holders]
            yield next((one for one in given if isinstance(one, list)), [])
        else:
            for inner in value.values():
                yield from _exception_lists(inner, depth + 1)


def parse_network(text: str) -> Network | None:
    """A range or a single address; None when it is neither."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def covers(ranges: Iterable[Network], wanted: Network) -> bool:
    """Whether the ranges, taken together, hold all of this one."""
    same = [one for one in ranges if one.version == wanted.version]
    # Adjacent halves are one range; mypy cannot see that all of `same` are of one version.
    return any(wanted.subnet_of(one) for one in collapse_addresses(same))  # type: ignore[type-var, arg-type]


def holding(ranges: Iterable[Network], address: Network) -> list[Network]:
    """The ranges that hold an address, the narrowest first."""
    found = [one for one in ranges if one.version == address.version and address.subnet_of(one)]  # type: ignore[arg-type]
    return sorted(found, key=lambda one: -one.prefixlen)


def widest(networks: Iterable[Network]) -> list[Network]:
    """Those that lie in no other of them, each once, in their order."""
    found = dict.fromkeys(networks)
    return [
        one
        for one in found
        if not any(one.supernet(new_prefix=length) in found for length in range(one.prefixlen))
    ]
