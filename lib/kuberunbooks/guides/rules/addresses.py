"""Network addresses in texts: a host with or without a port, in a URL, a pair, or a line of a log.

Only host and port are ever kept: a URL may carry a user and a password. Called by
`command_addresses` for what a container is told to run and by the init-containers guide
for what its log says it tries to reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from .error_lines import LOOKED_AT

_DEFAULT_PORTS = {
    "http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "postgres": 5432, "postgresql": 5432,
    "mysql": 3306, "mariadb": 3306, "sqlserver": 1433, "redis": 6379, "rediss": 6379, "amqp": 5672,
    "amqps": 5671, "mongodb": 27017, "nats": 4222, "ldap": 389, "ldaps": 636,
}  # fmt: skip
# Schemes behind which no host of a network stands, or one that is no host name.
_NO_NETWORK = frozenset({"file", "unix", "s3", "gs", "docker", "oci", "data", "classpath", "arn", "jar"})

_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,30})://(?:[^\s/]*@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:?#,;@'\"`\\()<>\[\]]+)(?::(?P<port>\d{1,5}))?"
)
_PAIR = re.compile(r"(?:[^\s/]*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s/:@]+)(?::(?P<port>\d{1,5}))?(?:/\S*)?")


class Address(NamedTuple):
    """Where something is reached: a host name or IP address, and a port, 0 where none was said."""

    host: str
    port: int = 0

    @property
    def text(self) -> str:
        """`db:5432`, `[::1]:80`, `db`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


def is_ip(host: str) -> bool:
    """Whether a host is an IP address and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def make_address(host: str, port: str | int = 0) -> Address | None:
    """The address, or None when that is no host name, no IP address, or a variable nobody resolved."""
    bare = host.strip().strip("[]'\"‘’").rstrip(".")
    number = int(port) if str(port).isdigit() and int(port) < 65536 else 0
    if is_ip(bare):
        return Address(bare, number)
    # A last label of digits only is a version or a time, never a domain.
    if not _HOST.fullmatch(bare) or bare.rpartition(".")[2].isdigit():
        return None
    return Address(bare.lower(), number)


def url_addresses(text: str) -> Iterator[Address]:
    """The addresses of all URLs in a text, with the scheme's own port where none is given."""
    for match in _URL.finditer(text[:LOOKED_AT]):
        scheme = match["scheme"].lower().removeprefix("jdbc:")
        if scheme in _NO_NETWORK:
            continue
        found = make_address(match["host"], match["port"] or _DEFAULT_PORTS.get(scheme, 0))
        if found is not None:
            yield found


def pair_address(text: str, default_port: int = 0) -> Address | None:
    """`db:5432`, `db`, `[::1]:80`, `db:80/healthz` as an address."""
    text = text[:LOOKED_AT]
    if is_ip(text):
        return make_address(text, default_port)
    match = _PAIR.fullmatch(text)
    return make_address(match["host"], match["port"] or default_port) if match else None


_H = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)"
_P = r"(?P<port>\d{1,5})"
# What common programs write when they do not get through, the most telling first.
_LINES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"lookup {_H}(?: on \S+)?: ",  # Go
        rf"dial (?:tcp|udp)[46]? {_H}:{_P}",
        rf'could not translate host name "{_H}"',  # libpq
        rf'connection to server at "{_H}"(?: \([^)]*\))?, port {_P} failed',
        rf'on host "{_H}"(?: \([^)]*\))? and accepting\s+TCP/IP connections on port {_P}',
        rf"{_H}:{_P} - (?:no response|rejecting connections)",  # pg_isready
        rf"Failed to connect to {_H} port {_P}",  # curl
        rf"Could not resolve host: {_H}",
        rf"unable to resolve host address [‘'\"]?{_H}",  # GNU wget
        rf"bad address '{_H}(?::{_P})?/?'",  # busybox
        rf"can't connect to remote host \({_H}\)",
        rf"connect to {_H}(?: \([^)]*\))? port {_P}",  # OpenBSD nc
        rf'getaddrinfo for host "{_H}" port {_P}',
        rf"nc: {_H} \([^:)]*:{_P}\)",
        rf"can't resolve '{_H}'",  # nslookup
        rf"server can't find {_H}: ",
        rf"Could not connect to Redis at {_H}:{_P}",
        rf"Can't connect to (?:MySQL|MariaDB) server on '{_H}(?::{_P})?'",
        rf"Unknown MySQL server host '{_H}'",
        rf"UnknownHostException: {_H}",  # JVM
        rf"Connection to {_H}:{_P} refused",
        rf"ECONNREFUSED {_H}:{_P}",  # Node.js
        rf"(?:ENOTFOUND|EAI_AGAIN) {_H}",
        rf"host='{_H}', port={_P}",  # urllib3
    )
)
_TROUBLE = re.compile(
    r"(?i)refused|timed? ?-?out|unreachable|no route|waiting|wait(?:s|ed)? for|no response|retry|no such host"
    r"|not known|not (?:yet )?(?:ready|available|reachable|up\b)"
    r"|(?:can ?not|can't|could not|failed to|unable to) (?:connect|reach|resolve)"
)
_ANY_PAIR = re.compile(r"(?<![\w./-])(?P<host>[A-Za-z0-9][\w.-]*):(?P<port>\d{2,5})(?![\w:]|\.\w)")
_SOURCE_FILE = re.compile(r"\.(?:go|py|js|ts|java|kt|rb|php|rs|c|cc|cpp|h|cs|sh|ex|erl|scala)$")


def line_address(text: str) -> Address | None:
    """The address a line of a log says it cannot reach or waits for; None when it names none."""
    text = text[:LOOKED_AT]
    for pattern in _LINES:
        match = pattern.search(text)
        if match is not None:
            found = make_address(match["host"], match.groupdict().get("port") or 0)
            if found is not None:
                return found
    if _TROUBLE.search(text) is None:
        return None
    found = next(url_addresses(text), None)
    if found is not None:
        return found
    for match in _ANY_PAIR.finditer(text):
        found = make_address(match["host"], match["port"])
        # `main.go:42` is a place in a program, `12:30` a time.
        if found is not None and not _SOURCE_FILE.search(found.host) and not found.host.isdigit():
            return found
    return None
