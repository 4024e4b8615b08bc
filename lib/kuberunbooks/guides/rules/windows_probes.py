"""What tests of the network say that were run on Windows: ping, Test-NetConnection, curl.exe, lookups.

Each is known by its own output; a curl or a lookup of nslookup needs its command too.
Called by the windows-networking guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from .windows_records import bodies, text_of
from .windows_session import Piece

_PING = re.compile(r"^Pinging (?P<host>\S+)(?: \[(?P<ip>[^\]]+)\])? with \d+ bytes of data", re.MULTILINE)
_PACKETS = re.compile(r"Packets: Sent = (?P<sent>\d+), Received = (?P<received>\d+)")
_REPLY = re.compile(r"^Reply from (?P<ip>\S+): bytes=", re.MULTILINE)
_CURL_ERROR = re.compile(r"^curl: \((?P<code>\d+)\) (?P<message>[^\n]*)$", re.MULTILINE)
_CURL = re.compile(r"(?:^|[\\/&\s\"'])curl(?:\.exe)?\s", re.IGNORECASE)
_URL = re.compile(r"\b(?:https?|telnet)://[^\s\"']+")
_BARE_URL = re.compile(r"(?:^|\s)(?P<url>(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?)(?=[/\s]|$)")
_CURL_CODES = {
    "6": "unresolved", "7": "refused", "28": "dropped",
    "35": "reached", "52": "reached", "56": "reached", "60": "reached",
}  # fmt: skip
_PORTS = {"http": 80, "https": 443, "telnet": 23}
_PS_NO_NAME = re.compile(
    r"^Resolve-DnsName\s*:\s*(?P<name>\S+)\s*:\s*(?P<why>[^\n]*)$", re.MULTILINE | re.IGNORECASE
)
_NS_NO_NAME = re.compile(
    r"^\*\*\* (?:\S+ can't find (?P<name>[^\s:]+)|Request to (?P<late>\S+) timed-out)", re.MULTILINE
)
_NS_NAME = re.compile(r"^Name:\s+(?P<name>\S+)\s*\nAddress(?:es)?:\s+(?P<ip>[\da-fA-F.:]+)", re.MULTILINE)
_ASKED = re.compile(
    r"(?:^|[\\/\s])(?:Resolve-DnsName|nslookup)(?:\.exe)?\s+(?:-Name\s+)?[\"']?(?P<name>[\w.-]+)",
    re.IGNORECASE,
)
_TIMEOUT = re.compile(r"(?i)timed?[- ]?out|timeout period expired")


class Reach(NamedTuple):
    """One test: `tool` ping or tcp; `host` as it was asked, `port` 0 for ping.

    `outcome` is reached, refused, dropped or unresolved; of TCP, refused also means that
    packets came there and back.
    """

    tool: str
    host: str
    port: int
    outcome: str
    piece: Piece
    line: str


class Lookup(NamedTuple):
    """One lookup of a name: whether it was found, and whether any server answered."""

    name: str
    found: bool
    answered: bool
    piece: Piece
    line: str


def reaches(piece: Piece) -> Iterator[Reach]:
    """The tests of the way to an address in a piece of a session."""
    yield from _pings(piece)
    yield from _connections(piece)
    if (one := _curl(piece)) is not None:
        yield one


def _pings(piece: Piece) -> Iterator[Reach]:
    for head, body in bodies(piece.text, list(_PING.finditer(piece.text))):
        packets = _PACKETS.search(body)
        reply = _REPLY.search(body)
        if packets is None and reply is None:
            continue
        # "Destination host unreachable" of the own gateway counts as received.
        outcome = "reached" if reply is not None else "dropped"
        line = packets[0] if packets else reply[0] if reply else ""
        yield Reach("ping", head["ip"] or head["host"], 0, outcome, piece, line)


def _connections(piece: Piece) -> Iterator[Reach]:
    for one in piece.records:
        host = text_of(one, "RemoteAddress") or text_of(one, "ComputerName")
        port = text_of(one, "RemotePort")
        has_port = port.isdigit() and int(port) > 0
        name = "TcpTestSucceeded" if has_port else "PingSucceeded"
        said = text_of(one, name).lower()
        if host and said in ("true", "false"):
            outcome = "reached" if said == "true" else "dropped"
            line = f"{name} : {said.capitalize()}"
            yield Reach(
                "tcp" if has_port else "ping", host, int(port) if has_port else 0, outcome, piece, line
            )


def _curl(piece: Piece) -> Reach | None:
    if not _CURL.search(f" {piece.command} "):
        return None
    url, bare = _URL.search(piece.command), _BARE_URL.search(piece.command)
    text = url[0] if url else f"http://{bare['url']}" if bare else ""
    try:
        split = urlsplit(text)
        host, port = split.hostname, split.port or _PORTS.get(split.scheme, 0)
    except ValueError:
        return None
    if not host or not port:
        return None
    error = _CURL_ERROR.search(piece.text)
    if error is None:
        # What was printed is an answer; nothing at all tells nothing.
        first = next((line for line in piece.text.splitlines() if line.strip()), "")
        return Reach("tcp", host, port, "reached", piece, first) if first else None
    outcome = _CURL_CODES.get(error["code"])
    return Reach("tcp", host, port, outcome, piece, error[0]) if outcome else None


def lookups(piece: Piece) -> Iterator[Lookup]:
    """The lookups of names in a piece of a session."""
    failed = {match["name"].strip("'\""): match for match in _PS_NO_NAME.finditer(piece.text)}
    for name, match in failed.items():
        yield Lookup(name, False, not _TIMEOUT.search(match["why"]), piece, match[0].strip())
    asked = _ASKED.search(piece.command)
    name = asked["name"].rstrip(".") if asked else ""
    if failed:
        return
    if (missing := _NS_NO_NAME.search(piece.text)) is not None:
        if name or missing["name"]:
            yield Lookup(name or missing["name"], False, missing["late"] is None, piece, missing[0].strip())
        return
    answer = _NS_NAME.search(piece.text)
    if answer is not None:
        yield Lookup(name or answer["name"], True, True, piece, answer[0].replace("\n", " "))
        return
    for row in piece.records:
        ip = text_of(row, "IPAddress", "IP4Address")
        if ip and text_of(row, "Section", "TTL"):
            found = text_of(row, "Name")
            yield Lookup(name or found, True, True, piece, f"{found} {ip}")
            return
