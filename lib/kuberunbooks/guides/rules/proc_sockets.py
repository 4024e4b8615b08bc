"""The TCP sockets that are listened on: /proc/net/tcp and tcp6, or what ss and netstat print of them.

The file is in every container with a process file system, the tools are not. A pod's
containers share their sockets. Called by the shell and the services guide.

https://docs.kernel.org/networking/proc_net_tcp.html
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

# ss: "LISTEN 0 511 0.0.0.0:80 0.0.0.0:*"; netstat: "tcp 0 0 :::80 :::* LISTEN".
_SS = re.compile(r"^(?:tcp\s+)?LISTEN\s+\d+\s+\d+\s+(?P<local>\S+)\s", re.MULTILINE)
_NETSTAT = re.compile(r"^tcp6?\s+\d+\s+\d+\s+(?P<local>\S+)\s+\S+\s+LISTEN\b", re.MULTILINE)
_PROC = re.compile(
    r"^\s*\d+: (?P<address>[0-9A-F]{8}|[0-9A-F]{32}):(?P<port>[0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A ",
    re.MULTILINE,
)
_HEADING = re.compile(
    r"^\s*sl\s+local_address|^Active Internet connections|^State\s+Recv-Q|^Netid\s+State", re.MULTILINE
)
_ANY = frozenset({"*", "0.0.0.0", "::", "[::]", ""})  # noqa: S104 - read, not bound


class Listener(NamedTuple):
    """A socket that is listened on; `address` is `*` for all addresses."""

    address: str
    port: int

    @property
    def is_local(self) -> bool:
        """Only reached from within the pod."""
        if self.address == "localhost":
            return True
        try:
            found = ip_address(self.address.strip("[]").partition("%")[0])
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return found.is_loopback


def listeners(text: str) -> list[Listener] | None:
    """Each once, by port; None when the text is no such listing. An empty list: nothing listens."""
    found = {_listener(match["local"]) for form in (_SS, _NETSTAT) for match in form.finditer(text)}
    found |= {Listener(_address(match["address"]), int(match["port"], 16)) for match in _PROC.finditer(text)}
    listed = sorted(one for one in found if one.port)
    if not listed and not _HEADING.search(text):
        return None
    return sorted(listed, key=lambda one: (one.port, one.address))


def _listener(local: str) -> Listener:
    address, _, port = local.rpartition(":")
    address = address.strip("[]")
    return Listener("*" if address in _ANY else address, int(port) if port.isdigit() else 0)


def _address(text: str) -> str:
    """The kernel writes words in the machine's order: little endian nearly wherever Kubernetes runs."""
    words = [int(text[at : at + 8], 16).to_bytes(4, "little") for at in range(0, len(text), 8)]
    raw = b"".join(words)
    found = IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw)
    return "*" if found.is_unspecified else str(found)
