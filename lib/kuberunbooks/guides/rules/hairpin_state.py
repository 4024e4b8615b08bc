"""Whether a bridge sends a packet back out of the port it came in by: what /sys, ip and the CNI's file say.

A pod that is chosen by its own Service needs that. Called by the hairpin step of the
services guide with the output of commands run on a node.
"""

from __future__ import annotations

import math
import re
from itertools import zip_longest
from typing import NamedTuple

import msgspec

from .thresholds import HAIRPIN_DOUBT

_PORT = re.compile(
    r"^\S*/(?P<bridge>[^/\s]+)/brif/(?P<port>[^/:\s]+)(?:/hairpin_mode)?[:\s]+(?P<on>[01])\s*$", re.MULTILINE
)
_LINK = re.compile(r"^\d+: (?P<name>[^:@\s]+)[^:]*: <(?P<flags>[^>]*)>", re.MULTILINE)
_PROMISCUITY = re.compile(r"\bpromiscuity (?P<number>\d+)")


class BridgePort(NamedTuple):
    """One port of a bridge, and whether it sends back."""

    bridge: str
    name: str
    is_on: bool


class _Plugin(msgspec.Struct, rename="camel"):
    type: str = ""
    bridge: str = ""
    hairpin_mode: bool | None = None


class _Network(msgspec.Struct):
    plugins: list[_Plugin]


def read_ports(text: str) -> list[BridgePort]:
    """The ports in lines like `/sys/class/net/cni0/brif/veth1 1`."""
    return [BridgePort(one["bridge"], one["port"], one["on"] == "1") for one in _PORT.finditer(text)]


def read_promiscuous(text: str) -> dict[str, bool]:
    """Of each interface in `ip -d link`: whether it takes every packet; a bridge then sends back, too."""
    heads = list(_LINK.finditer(text))
    found: dict[str, bool] = {}
    for head, following in zip_longest(heads, heads[1:]):
        end = following.start() if following is not None else len(text)
        number = _PROMISCUITY.search(text, head.end(), end)
        flagged = "PROMISC" in head["flags"].split(",")
        if flagged or number is not None:
            found[head["name"]] = flagged or (number is not None and number["number"] != "0")
    return found


def read_bridge_plugin(text: str) -> tuple[str, bool | None] | None:
    """The bridge a CNI file sets up and its hairpinMode, None when left out; None for other plugins."""
    if '"plugins"' not in text:
        return None
    try:
        network = msgspec.json.decode(text, type=_Network)
    except msgspec.MsgspecError:
        return None
    for one in network.plugins:
        if one.type == "bridge":
            return one.bridge or "cni0", one.hairpin_mode
    return None


def doubt(endpoints: int, tries: int) -> float:
    """The chance that none of so many tries was sent back to the pod that made it: (1 − 1/n)^k."""
    return 0.0 if endpoints <= 1 and tries else (1 - 1 / max(endpoints, 1)) ** tries


def tries_needed(endpoints: int) -> int:
    """How many tries leave less doubt than counts."""
    return 1 if endpoints <= 1 else math.ceil(math.log(HAIRPIN_DOUBT) / math.log(1 - 1 / endpoints))
