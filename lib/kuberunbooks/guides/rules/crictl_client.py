"""How crictl was set up, and what it said when it did not get through.

Its configuration (/etc/crictl.yaml, flags, environment), its version, its warnings and its
errors, in the wording of the versions since 1.20. Called by `crictl_read`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_ENDPOINT_KEY = re.compile(
    r"^[ \t]*(?P<key>runtime-endpoint|image-endpoint|timeout|debug)[ \t]*:[ \t]*(?P<value>[^\n#]*)",
    re.MULTILINE,
)
_CLIENT = re.compile(r"^crictl version v?(?P<version>\d+\.\d+\.\d+\S*)", re.MULTILINE)
_DEFAULTS = re.compile(
    r"(?:runtime|[Ii]mage) connect using default endpoints: \[(?P<endpoints>[^\]\n]{0,500})\]"
)
_FATAL = re.compile(
    r'^(?:FATA|ERRO)\[\d+\] (?P<plain>[^\n]+)|level=(?:fatal|error) msg="(?P<quoted>(?:[^"\\\n]|\\.)+)"',
    re.MULTILINE,
)
_AT = re.compile(
    r'(?:endpoint|connect endpoint|unix) \\*"?\'?(?:unix://)?(?P<socket>(?:npipe:)?/[^\s"\'\\:,;)]+)'
)
_NOT_THERE = re.compile(
    r"crictl: (?:command |inaccessible or )?not found|crictl: No such file"
    r"|crictl\"?: executable file not found|failed to run command [‘'`]crictl[’']"
)


class ClientConfig(NamedTuple):
    """/etc/crictl.yaml: endpoints as written, empty where not set; `timeout` in seconds, 0 likewise."""

    runtime: str
    image: str
    timeout: int
    missing: bool = False


class Trouble(NamedTuple):
    """Why crictl got no answer.

    `kind` is `missing` (no crictl), `denied` (not root), `absent` (no such socket), `refused`
    (nobody behind it), `old` (no CRI v1), `slow` (the deadline passed) or `other`; `socket` the
    path it tried, empty when it does not say.
    """

    kind: str
    socket: str
    text: str


def read_config(text: str, argv: Sequence[str]) -> ClientConfig | None:
    """`cat /etc/crictl.yaml`; None when this is something else."""
    found = {
        match["key"]: match["value"].strip().strip("\"'") for match in _ENDPOINT_KEY.finditer(text[:16384])
    }
    asked = any(word.endswith("crictl.yaml") for word in argv)
    if "runtime-endpoint" not in found and not asked:
        return None
    timeout = found.get("timeout", "")
    return ClientConfig(
        runtime=found.get("runtime-endpoint", ""),
        image=found.get("image-endpoint", ""),
        timeout=int(timeout) if re.fullmatch(r"\d{1,6}", timeout) else 0,
        missing=not found and "No such file" in text,
    )


def flag_endpoint(argv: Sequence[str]) -> str:
    """The endpoint a command line names (`-r`, `--runtime-endpoint`, the environment variable before it)."""
    for place, word in enumerate(argv):
        name, equals, value = word.partition("=")
        if name in ("-r", "--runtime-endpoint"):
            return value if equals else next(iter(argv[place + 1 : place + 2]), "")
        if name == "CONTAINER_RUNTIME_ENDPOINT" and equals:
            return value
    return ""


def client_version(text: str) -> str:
    """`crictl --version`; empty when this is something else."""
    match = _CLIENT.search(text)
    return match["version"] if match else ""


def default_endpoints(text: str) -> list[str]:
    """The endpoints crictl tried because none was set; empty when one was."""
    match = _DEFAULTS.search(text)
    return match["endpoints"].split() if match else []


def troubles(text: str) -> list[Trouble]:
    """What crictl complained of, in order; each wording once."""
    if _NOT_THERE.search(text[:65536]):
        return [Trouble("missing", "", _line(text, "crictl"))]
    found: dict[str, Trouble] = {}
    for match in _FATAL.finditer(text[:65536]):
        said = (match["plain"] or match["quoted"] or "").replace('\\"', '"').strip()
        at = _AT.search(said)
        found.setdefault(said, Trouble(_kind(said), at["socket"] if at else "", said))
    return list(found.values())


def socket_path(endpoint: str) -> str:
    """The path of an endpoint: `/run/containerd/containerd.sock`; /var/run is /run on current systems."""
    path = endpoint.partition("://")[2] or endpoint
    return re.sub(r"^/var/run/", "/run/", path)


def runtime_of(endpoint: str) -> str:
    """The runtime whose usual socket this is: containerd, cri-o, cri-dockerd, dockershim; else empty."""
    path = socket_path(endpoint)
    for part, name in (
        ("dockershim", "dockershim"),
        ("cri-dockerd", "cri-dockerd"),
        ("containerd", "containerd"),
        ("crio", "cri-o"),
    ):
        if part in path:
            return name
    return ""


def _kind(said: str) -> str:
    low = said.lower()
    if "permission denied" in low:
        return "denied"
    if "no such file" in low or "cannot find the file" in low:
        return "absent"
    if "connection refused" in low:
        return "refused"
    if "unimplemented" in low or "unknown service" in low:
        return "old"
    if "deadline exceeded" in low or "deadlineexceeded" in low or "timed out" in low:
        return "slow"
    return "other"


def _line(text: str, word: str) -> str:
    return next((line.strip() for line in text.splitlines() if word in line), "")[:300]
