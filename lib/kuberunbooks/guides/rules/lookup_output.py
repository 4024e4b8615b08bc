"""What nslookup (of BIND and of busybox), dig and getent say about a name.

Whether a server answered at all is another cause than what it answered: a refused or
lost question speaks of the DNS server, NXDOMAIN of the name. Called by the services
guide's steps about DNS; knows nothing of a cluster.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Literal, NamedTuple

from kuberunbooks.cluster import Transcript

from .pasted_session import MOST_PASTED, command_words

Told = Literal["resolved", "absent", "failing", "silent", "unclear", "nothing"]
"""`absent`: a server says there is no such name. `failing`: a server answers that it cannot tell (SERVFAIL,
REFUSED). `silent`: no server answers. `unclear`: it did not resolve, and the tool does not say which of
these. `nothing`: no verdict on the name: no such record, or the search list was not used."""

_TOOLS = ("nslookup", "dig", "getent")
_SHELLS = ("sh", "ash", "bash")
_ADDRESS_TYPES = ("A", "AAAA", "ANY", "CNAME")

_SILENT = re.compile(
    r"communications error to (?P<server>\S+?)#\d+: (?P<why>connection refused|timed out|[a-z]+ unreachable)"
    r"|(?P<none>no servers could be reached|connection timed out)"
    r"|(?P<plain>connection refused|operation timed out|(?:network|host) (?:is )?unreachable)",
    re.IGNORECASE,
)
_RCODE = re.compile(
    r"can't find (?P<name>\S+): (?P<code>NXDOMAIN|SERVFAIL|REFUSED|Non-existent domain)"
    r"|->>HEADER<<-.*\bstatus: (?P<status>[A-Z]+)"
    r"|Got (?P<got>SERVFAIL|REFUSED) reply"
)
_UNCLEAR = re.compile(
    r"can't resolve|can't find|Name or service not known|bad address|Temporary failure in name resolution"
)
_NO_TOOL = re.compile(
    r"OCI runtime exec failed|executable file not found|: not found|No such file", re.IGNORECASE
)
_SERVER = re.compile(r"^(?:Server:[ \t]*|;; SERVER: )(?P<ip>[^\s#]+)", re.MULTILINE)
_BUSYBOX_SERVER = re.compile(r"^Address:[ \t]*(?:\[\S+\]|[^\s#\[]+):\d+[ \t]*$", re.MULTILINE)
_NAME = re.compile(r"^Name:\s*(?P<name>\S+)")
_ADDRESS = re.compile(r"^Address(?: \d+)?:\s*(?P<ip>\S+)")
_ALIAS = re.compile(r"^(?P<name>\S+)\s+canonical name = (?P<alias>\S+?)\.?$", re.MULTILINE)
_RECORD = re.compile(
    r"^(?P<name>[^\s;]+)\s+\d+\s+IN\s+(?P<type>A|AAAA|CNAME)\s+(?P<value>\S+?)\.?\s*$", re.MULTILINE
)


class Lookup(NamedTuple):
    """One name, asked once.

    `name` as it was asked, without a final dot; empty when a paste does not tell. `server` is who was asked
    or answered, empty when unknown, `explicit` whether the command named it. `why` are the failures in the
    tool's words, each once. `full` is the name the answer is about, `alias` what that is an alias of.
    """

    name: str
    server: str
    explicit: bool
    told: Told
    why: tuple[str, ...]
    addresses: tuple[str, ...]
    full: str
    alias: str
    transcript: Transcript


class _Asked(NamedTuple):
    tool: str
    name: str
    server: str
    searches: bool
    short: bool


def read_lookup(one: Transcript) -> Lookup | None:
    """What a transcript says of the name it asks for; None when it is no lookup of an address."""
    asked = _asked(one.argv) if one.argv else _pasted(one.stdout)
    if asked is None or (one.argv and _could_not_run(one)):
        return None
    text = one.output
    server = asked.server or (match["ip"] if (match := _SERVER.search(text)) else "")
    addresses, full, alias = _answer(asked, one.stdout)
    silent, failures = _failures(text)
    if not server and silent:
        server = silent[0]
    told = _told(asked, text, bool(addresses), failures, one)
    return Lookup(
        asked.name.rstrip("."),
        server,
        bool(asked.server),
        told,
        () if told == "resolved" else failures,
        addresses,
        full,
        alias,
        one,
    )


def _asked(argv: list[str]) -> _Asked | None:
    tool = argv[0].rpartition("/")[2]
    if tool in _SHELLS and len(argv) == 3 and argv[1].startswith("-") and argv[1].endswith("c"):
        # Only a single command: of several, nobody can say whose output it is.
        return None if re.search(r"[;&|\n`$]", argv[2]) else _asked(command_words(argv[2]) or [""])
    if tool == "nslookup":
        return _nslookup([one for one in argv[1:] if not one.startswith("-")], argv)
    if tool == "dig":
        return _dig(argv[1:])
    if tool == "getent" and len(argv) == 3 and argv[1] in ("hosts", "ahosts", "ahostsv4", "ahostsv6"):
        return _Asked(tool, argv[2], "", True, False)
    return None


def _nslookup(words: list[str], argv: list[str]) -> _Asked | None:
    kinds = [one.partition("=")[2].upper() for one in argv if re.match(r"-(?:query)?type=|-q=", one)]
    if not words or len(words) > 2 or any(kind not in _ADDRESS_TYPES for kind in kinds):
        return None
    if _is_address(words[0]):
        return None
    searches = "-nosearch" not in argv and not words[0].endswith(".")
    return _Asked("nslookup", words[0], words[1] if len(words) == 2 else "", searches, False)


def _dig(words: list[str]) -> _Asked | None:
    server = next((one[1:] for one in words if one.startswith("@")), "")
    plain = [one for one in words if one[:1] not in "@+-"]
    kinds = [one for one in plain if one.isupper() and "." not in one]
    names = [one for one in plain if one not in kinds and one.upper() != "IN"]
    if len(names) != 1 or _is_address(names[0]) or "-x" in words or "-t" in words or "-p" in words:
        return None
    if any(kind not in (*_ADDRESS_TYPES, "IN") for kind in kinds):
        return None
    return _Asked("dig", names[0], server, "+search" in words, "+short" in words)


def _pasted(text: str) -> _Asked | None:
    """A lookup known by its output alone: only that of nslookup and dig says what was asked."""
    if len(text) > MOST_PASTED or not (_SERVER.search(text) or _SILENT.search(text) or _RCODE.search(text)):
        return None
    if "->>HEADER<<-" in text:
        match = re.search(r"^;; QUESTION SECTION:\n;(?P<name>\S+)\s+IN\s+(?:A|AAAA)\s*$", text, re.MULTILINE)
        return _Asked("dig", match["name"], "", False, False) if match else None
    if not re.search(r"^(?:Server:|Name:|\*\* server can't find|;; )", text, re.MULTILINE):
        return None
    failed = _RCODE.search(text)
    named = re.search(r"^Name:\s*(?P<name>\S+)", text, re.MULTILINE)
    name = (failed["name"] if failed and failed["name"] else "") or (named["name"] if named else "")
    return _Asked("nslookup", name, "", True, False)


def _could_not_run(one: Transcript) -> bool:
    return one.exit_code in (126, 127) or (
        bool(_NO_TOOL.search(one.stderr)) and not _SERVER.search(one.stdout)
    )


def _answer(asked: _Asked, text: str) -> tuple[tuple[str, ...], str, str]:
    """Addresses, the full name, and the alias if it is one."""
    found: list[str] = []
    full = alias = ""
    if asked.tool == "nslookup":
        for line in text.splitlines():
            if match := _NAME.match(line):
                full = full or match["name"]
            elif full and (match := _ADDRESS.match(line)):
                found.append(match["ip"])
        if match := _ALIAS.search(text):
            full, alias = match["name"], match["alias"]
    elif asked.tool == "dig" and not asked.short:
        for match in _RECORD.finditer(text):
            full = full or match["name"].rstrip(".")
            if match["type"] == "CNAME":
                alias = alias or match["value"]
            else:
                found.append(match["value"])
    elif asked.tool == "dig":
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(";")]
        found = lines
        alias = next((one.rstrip(".") for one in lines if not _is_address(one)), "")
    else:
        found = [line.split()[0] for line in text.splitlines() if line.split()]
        full = next((words[-1] for line in text.splitlines() if len(words := line.split()) > 1), "")
    return tuple(dict.fromkeys(one for one in found if _is_address(one))), full, alias


def _failures(text: str) -> tuple[list[str], tuple[str, ...]]:
    """The servers that did not answer, and every failure in the tool's words."""
    servers: list[str] = []
    why: list[str] = []
    for match in _SILENT.finditer(text):
        if match["server"]:
            servers.append(match["server"])
        said = (match["why"] or match["plain"] or match["none"]).lower()
        why.append("timed out" if "timed out" in said else "" if match["none"] else said)
    for match in _RCODE.finditer(text):
        code = match["code"] or match["status"] or match["got"]
        why.append("NXDOMAIN" if code == "Non-existent domain" else "" if code == "NOERROR" else code)
    return servers, tuple(dict.fromkeys(one for one in why if one))


def _told(asked: _Asked, text: str, answered: bool, failures: tuple[str, ...], one: Transcript) -> Told:
    if answered:
        return "resolved"
    if "NXDOMAIN" in failures:
        return "absent" if _was_searched(asked, text) else "nothing"
    if any(one.isupper() for one in failures):
        return "failing"
    if failures or _SILENT.search(text):
        return "silent"
    if asked.tool == "dig" or re.search(r"Can't find \S+: No answer", text):
        return "nothing"
    failed = _UNCLEAR.search(text) or (asked.tool == "getent" and one.exit_code == 2)
    return "unclear" if failed else "nothing"


def _was_searched(asked: _Asked, text: str) -> bool:
    """Whether the search list was tried before a name was called unknown.

    dig does not use it unless told to. The nslookup of busybox since 1.29 leaves names with a
    dot alone, whatever ndots says, and then prints the bare name it asked for.
    """
    bare = asked.name.rstrip(".")
    if bare.count(".") >= 4:
        return True  # a full name of a Service needs none
    if not asked.searches:
        return False
    if _BUSYBOX_SERVER.search(text):
        return not any(match["name"] == asked.name for match in _RCODE.finditer(text))
    return True


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
