"""Packet captures: how one is made with tcpdump, bounded, and what its packets say of a connection's trouble.

The packets themselves stay in a file; what is read here is tcpdump's text of it (`tcpdump -n -r`), from a
transcript. Pure functions, called by the capture step of the ephemeral-debug guide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from kuberunbooks.cluster import Transcript

MOST_PACKETS = 5000
MOST_BYTES = 8 * 1024 * 1024
"""Of a capture: packets are cut after `_SNAP` bytes, so so many packets fit well."""
_SNAP = 256
"""Bytes kept of each packet: headers and names, not what a request carries."""
_MOST_NAMED = 5

_LINE = re.compile(
    r"(?:^|\s)IP6? (?P<source>\S+) > (?P<target>[^\s:]+(?::[0-9a-f:]+)?[^\s:]*): (?P<rest>.*)$"
)
_FLAGS = re.compile(r"Flags \[(?P<flags>[A-Z.]+)\]")
_UNREACHABLE = re.compile(r"ICMP6?,? .*unreachable")
_NXDOMAIN = re.compile(r"\bNXDomain\b")
_CAPTURED = re.compile(r"^(?P<number>\d+) packets? captured$", re.MULTILINE)
_DROPPED = re.compile(r"^(?P<number>\d+) packets? dropped by kernel$", re.MULTILINE)
_NO_TOOL = re.compile(
    r'"(?:tcpdump|timeout)": executable file not found|(?:tcpdump|timeout): (?:command )?not found'
)
_NO_RIGHT = re.compile(r"(?i)you don't have permission|operation not permitted|socket: permission denied")


class Captured(NamedTuple):
    """What a capture holds; `unanswered` are connections (`10.0.0.1 > 10.0.0.2.80`) nobody answered."""

    packets: int
    unanswered: tuple[str, ...] = ()
    reset: tuple[str, ...] = ()
    unreachable: int = 0
    nxdomain: int = 0
    dropped: int = 0

    @property
    def quiet(self) -> bool:
        """Nothing in it that points to trouble."""
        return not (self.unanswered or self.reset or self.unreachable or self.nxdomain)


def capture_command(seconds: int) -> tuple[str, ...]:
    """tcpdump to standard output, ended after so many seconds or MOST_PACKETS packets."""
    bounds = ("-s", str(_SNAP), "-c", str(MOST_PACKETS))
    return ("timeout", "-s", "INT", str(seconds), "tcpdump", "-i", "any", "-n", "-U", *bounds, "-w", "-")


READ_COMMAND = ("tcpdump", "-n", "-r", "-")
"""Turns a capture, given on standard input, into text."""


def read_capture(one: Transcript) -> Captured | None:
    """What a transcript of tcpdump's text says; None when it is none."""
    program = next((word for word in one.argv if word.rpartition("/")[2] == "tcpdump"), "")
    if not program or ("-w" in one.argv and "-r" not in one.argv):
        return None
    lines = one.stdout.splitlines()
    found = [match for line in lines if (match := _LINE.search(line))]
    if not found and "reading from file" not in one.stderr and not _CAPTURED.search(one.output):
        return None
    dropped = _DROPPED.search(one.stderr)
    return _counted(found, int(dropped["number"]) if dropped else 0)


def _counted(found: Iterable[re.Match[str]], dropped: int) -> Captured:
    asked: Counter[tuple[str, str]] = Counter()
    answered: set[tuple[str, str]] = set()
    reset: Counter[tuple[str, str]] = Counter()
    packets = unreachable = nxdomain = 0
    for match in found:
        packets += 1
        pair, rest = (match["source"], match["target"]), match["rest"]
        flags = _FLAGS.match(rest)
        if flags is not None:
            if flags["flags"] == "S":
                asked[pair] += 1
            elif flags["flags"] == "S.":
                answered.add(pair[::-1])
            elif "R" in flags["flags"]:
                reset[pair] += 1
                answered.add(pair[::-1])
        unreachable += _UNREACHABLE.match(rest) is not None
        nxdomain += _NXDOMAIN.search(rest) is not None
    silent = Counter(_without_port(pair) for pair in asked if pair not in answered)
    refused = Counter(_without_port(pair[::-1]) for pair in reset)
    return Captured(packets, _named(silent), _named(refused), unreachable, nxdomain, dropped)


def _without_port(pair: tuple[str, str]) -> str:
    """The client's own port changes with every try."""
    return f"{pair[0].rpartition('.')[0] or pair[0]} > {pair[1]}"


def _named(counted: Counter[str]) -> tuple[str, ...]:
    return tuple(name for name, _ in counted.most_common(_MOST_NAMED))


def capture_trouble(one: Transcript) -> str:
    """Why a capture failed: `tool`, `permission`, `other`; empty when it did not, or this is none."""
    if not any(word.rpartition("/")[2] == "tcpdump" for word in one.argv):
        return ""
    if _NO_TOOL.search(one.output):
        return "tool"
    if _NO_RIGHT.search(one.stderr):
        return "permission"
    # 124: ended by timeout, as it was meant to; tcpdump itself gives 0 then.
    return "other" if one.exit_code not in (0, 124, None) and not _CAPTURED.search(one.stderr) else ""
