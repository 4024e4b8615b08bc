"""Reads `ipvsadm -ln`: kube-proxy in mode ipvs.

One virtual server per address and port of a Service, one real server per endpoint
(pkg/proxy/ipvs/proxier.go). A real server of weight 0 only ends its old connections. A
virtual server without real servers refuses. The output is of both address families.
Which addresses of a node take node ports is a setting that does not show.
"""

from __future__ import annotations

import re

from .proxy_dump import Family, Place, ProxyDump, Refusal, Way, backend, family_of, place

_HEAD = re.compile(r"^IP Virtual Server version ", re.MULTILINE)
_VIRTUAL = re.compile(r"^(?P<protocol>TCP|UDP|SCTP)\s+(?P<ip>\S+):(?P<port>\d+)\s+(?P<scheduler>\w+)")
_REAL = re.compile(r"^\s+->\s+(?P<ip>\S+):(?P<port>\d+)\s+\w+\s+(?P<weight>\d+)")
_ANY_VIRTUAL = re.compile(r"^(?:TCP|UDP|SCTP)\s")


def read_ipvs(text: str) -> ProxyDump | None:
    """The virtual servers ipvsadm lists; None when it is something else, or names instead of numbers."""
    if not _HEAD.search(text):
        return None
    found: dict[Place, tuple[str, set[str]]] = {}
    servers: set[str] = set()
    for line in text.splitlines():
        if _ANY_VIRTUAL.match(line):
            match = _VIRTUAL.match(line)
            if match is None:
                return None
            servers = set()
            found[place(match["ip"], match["protocol"], int(match["port"]))] = (line.strip(), servers)
        elif (match := _REAL.match(line)) is not None and match["weight"] != "0":
            servers.add(backend(match["ip"], match["port"]))
    ways: dict[Place, Way] = {}
    refusals: dict[Place, Refusal] = {}
    for key, (line, backends) in found.items():
        if backends:
            ways[key] = Way(frozenset(backends), "", "", line)
        else:
            refusals[key] = Refusal("", False, line)
    families: frozenset[Family] = frozenset(family_of(address) for address, _, _ in found) or frozenset([4])
    return ProxyDump("ipvs", families, ways, refusals, True, True, True, None)
