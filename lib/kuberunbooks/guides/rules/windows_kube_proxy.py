"""The arguments of kube-proxy on Windows: does it know the name of its node?

Without `--hostname-override` it takes the host's name for its node's, and where the two
differ it holds the node's own pods for pods of another. Called by the windows-networking guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from .windows_records import Record, text_of

_PROGRAM = re.compile(r"(?:^|[\\/\s\"'])kube-proxy(?:\.exe)?(?=[\"'\s]|$)", re.IGNORECASE)
_FLAG = re.compile(r"--hostname-override(?:[=\s]+(?P<value>\"[^\"]*\"|'[^']*'|(?!--)\S+))?")
_CONFIG = re.compile(r"^hostnameOverride:[ \t]*(?P<value>[^\n#]*)", re.MULTILINE)
_COMMAND_LINE = re.compile(r"^[^\n]*kube-proxy\.exe[\"']? +--[^\n]*$", re.IGNORECASE | re.MULTILINE)


def starts_kube_proxy(words: Sequence[str]) -> bool:
    """Whether a command starts kube-proxy itself; a script that does it does not show its arguments."""
    line = " ".join(words)
    return _PROGRAM.search(line) is not None and "--" in line and ".ps1" not in line


def hostname_override(line: str) -> str:
    """The value of --hostname-override on a command line; empty when it is not given, or given empty."""
    match = _FLAG.search(line)
    return (match["value"] or "").strip("\"'") if match else ""


def configured_override(config: str) -> str:
    """The value of hostnameOverride in a KubeProxyConfiguration."""
    match = _CONFIG.search(config)
    return match["value"].strip().strip("\"'") if match else ""


def command_lines(text: str, records: Iterable[Record]) -> Iterator[str]:
    """The command lines of kube-proxy.exe that a list of processes, or plain text, shows."""
    shown = [
        text_of(one, "CommandLine") for one in records if "kube-proxy" in text_of(one, "CommandLine").lower()
    ]
    yield from shown
    if not shown:
        yield from (match[0].strip() for match in _COMMAND_LINE.finditer(text))
