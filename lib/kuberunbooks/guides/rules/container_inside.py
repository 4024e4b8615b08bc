"""What was heard from inside of each container: of all transcripts, by container and by what they tell.

Output is known by what it is, whatever command printed it: `ss`, `netstat` and the
kernel's own file all tell the same. Called by the shell guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import msgspec

from kuberunbooks.cluster import Transcript
from kuberunbooks.objects import Evidence, Pod

from .container_disk import FileSystem, read_df
from .container_exec import BY_STATUS, Outcome, outcome
from .container_script import NAMES, TOOLS
from .container_sections import pieces
from .debug_shell import SHELLS
from .pasted_session import sessions, unwrapped
from .proc_list import Process, read_processes
from .proc_mounts import Mount, read_mounts
from .proc_sockets import Listener, listeners
from .resolv_conf import ResolvConf, read_resolv_conf

T = TypeVar("T")

_PROGRAMS = (
    "id|whoami|ps|top|df|mount|ss|netstat|env|printenv|ls|cat|curl|wget|nslookup|getent|sh|bash|uname"
    "|hostname"
)
_ID = re.compile(r"^uid=(?P<uid>\d+)(?:\((?P<name>[^)\n]{0,64})\))? gid=(?P<gid>\d+)", re.MULTILINE)
_STATUS_UID = re.compile(r"^Uid:\s+(?P<real>\d+)\s*(?P<uid>\d*)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")
_ASSIGNED = re.compile(r"^(?P<name>[A-Za-z_][A-Za-z0-9_.-]{0,255})=", re.MULTILINE)
_SYSTEM = re.compile(r'^PRETTY_NAME="?(?P<name>[^"\n]{1,100})', re.MULTILINE)
_PLACE = re.compile(
    r"(?:https?://)?(?P<host>localhost|127\.\d+\.\d+\.\d+|\[?::1\]?):(?P<port>\d{1,5})(?:/\S*)?"
)
_REFUSED = re.compile(r"onnection refused|Couldn't connect|Failed to connect")
_SHOWN = 200

ContainerKey = tuple[str, str, str]
"""(namespace, pod, container)."""


class Heard(NamedTuple, Generic[T]):
    """What one command told, and which."""

    value: T
    source: Transcript

    def cite(self, shown: str) -> Evidence:
        """The evidence: where it ran, the command, and what decides."""
        return cite(self.source, shown)


class User(NamedTuple):
    """Whom commands run as."""

    uid: int
    name: str = ""


class Request(NamedTuple):
    """A request to the container itself: `answered` None when it tells nothing."""

    port: int
    answered: bool | None
    source: Transcript


@dataclass
class Inside:
    """What was heard of one container; None of what was not asked. `environment` are names, never values."""

    key: ContainerKey
    user: Heard[User] | None = None
    system: Heard[str] | None = None
    disks: Heard[list[FileSystem]] | None = None
    mounts: Heard[list[Mount]] | None = None
    processes: Heard[list[Process]] | None = None
    sockets: Heard[list[Listener]] | None = None
    resolver: Heard[ResolvConf] | None = None
    environment: Heard[list[str]] | None = None
    tools: Heard[list[str]] | None = None
    requests: list[Request] = field(default_factory=list)
    shells: list[Heard[Outcome]] = field(default_factory=list)
    commands: list[Heard[Outcome]] = field(default_factory=list)

    @property
    def asked(self) -> bool:
        """Something was run there, or tried."""
        return bool(self.shells or self.commands)


def listen(
    heard: Iterable[Transcript], pods: Mapping[tuple[str, str], Pod], usual: ContainerKey | None
) -> dict[ContainerKey, Inside]:
    """By container. `pods` are those in question; output that names no pod is `usual`'s, if that is given."""
    found: dict[ContainerKey, Inside] = {}
    for one in map(_unwrapped, heard):
        key = _key(one, pods, usual)
        taken = list(pieces(one))
        if key is not None and one.argv:
            inside = found.setdefault(key, Inside(key))
            _take_shell(one, inside, bool(taken))
        for piece in taken or _commands(one):
            place = _key(piece, pods, usual)
            if place is None:
                continue
            inside = found.setdefault(place, Inside(place))
            if not taken:
                inside.commands.append(Heard(outcome(piece), piece))
            _take(piece, inside)
    return {key: one for key, one in found.items() if one.asked}


def cite(one: Transcript, shown: str = "") -> Evidence:
    """The evidence of a command: where it ran, its words, and the line that decides."""
    value = shown or next((line for line in one.output.splitlines() if line.strip()), "")
    status = "" if one.exit_code in (None, 0) else f" → exit {one.exit_code}"
    words = " ".join(one.argv)
    words = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
    return Evidence(source=f"{one.target.text} {one.source}".strip(), path=words + status, value=value)


def _unwrapped(one: Transcript) -> Transcript:
    """What somebody typed as `kubectl exec POD -- command` is that command in the pod."""
    if one.argv[:2] != ["kubectl", "exec"]:
        return one
    words, target = unwrapped(one.argv, one.target)
    return msgspec.structs.replace(one, argv=words, target=target)


def _commands(one: Transcript) -> Iterator[Transcript]:
    yield from list(sessions(one, _PROGRAMS)) or [one]


def _key(
    one: Transcript, pods: Mapping[tuple[str, str], Pod], usual: ContainerKey | None
) -> ContainerKey | None:
    """Which container a command ran in; without one it is the pod's default, as kubectl chooses it."""
    target = one.target
    if target.kind == "workstation":
        return None  # kubectl itself: it made or changed the pod
    if not target.pod:
        return usual if target.kind in ("", "pod", "node") and not target.node else None
    namespace = target.namespace or (usual[0] if usual is not None else "")
    pod = pods.get((namespace, target.pod))
    if pod is None:
        return None
    return (namespace, target.pod, target.container or default_container(pod))


def default_container(pod: Pod) -> str:
    """The one kubectl takes without -c: that of the annotation, else the first."""
    named = pod.metadata.annotations.get("kubectl.kubernetes.io/default-container", "")
    names = [one.name for one in pod.spec.containers]
    return named if named in names else next(iter(names), "")


def _take_shell(one: Transcript, inside: Inside, ran_script: bool) -> None:
    """A shell that was tried: that it ran, also when what it ran ended badly, or that it is not there."""
    program = one.argv[0].rpartition("/")[2].rpartition("\\")[2].lower()
    if program not in SHELLS:
        return
    found = outcome(one)
    if found.kind == "absent" and found.why in BY_STATUS.values():
        if not found.exe and not ran_script:
            return  # a status alone may be about the shell, or about what it was to run
        ran_script = True
    inside.shells.append(Heard(Outcome("ran", one.exit_code) if ran_script else found, one))


def _take(one: Transcript, inside: Inside) -> None:
    text, words = one.stdout, one.argv
    program = words[0].rpartition("/")[2] if words else ""
    if request := _request(one):
        inside.requests.append(request)
    elif (names := _names(one, program)) is not None:
        inside.environment = Heard(names, one)
    elif words[:1] == [TOOLS]:
        inside.tools = Heard(text.split(), one)
    elif match := _ID.search(text):
        inside.user = Heard(User(int(match["uid"]), match["name"] or ""), one)
    elif (processes := read_processes(text)) is not None:
        inside.processes = Heard(processes, one)
    elif (mounts := read_mounts(text)) is not None:
        inside.mounts = Heard(mounts, one)
    elif (sockets := listeners(text)) is not None:
        inside.sockets = Heard(sockets, one)
    elif program in ("df", "") and (disks := read_df(text)):
        inside.disks = Heard(disks, one)
    elif match := _SYSTEM.search(text):
        inside.system = Heard(match["name"], one)
    elif match := _STATUS_UID.search(text):
        inside.user = Heard(User(int(match["uid"] or match["real"])), one)
    elif (resolver := read_resolv_conf(text)) is not None:
        inside.resolver = Heard(resolver, one)


def _names(one: Transcript, program: str) -> list[str] | None:
    """The names of the environment: of what the script printed, or of `env`."""
    if " ".join(one.argv) == NAMES:
        return sorted({line for line in one.stdout.splitlines() if _NAME.fullmatch(line)})
    if program in ("env", "printenv") and len(one.argv) == 1:
        return sorted({match["name"] for match in _ASSIGNED.finditer(one.stdout)})
    return None


def _request(one: Transcript) -> Request | None:
    """curl or wget to the container itself: any HTTP status is an answer."""
    program = one.argv[0].rpartition("/")[2] if one.argv else ""
    match = next((found for word in one.argv[1:] if (found := _PLACE.fullmatch(word))), None)
    if program not in ("curl", "wget") or match is None or int(match["port"]) > 65535:
        return None
    if one.exit_code == 0 or "server returned error" in one.output or one.exit_code in (8, 22, 52):
        answered: bool | None = True
    else:
        answered = False if one.exit_code == 7 or _REFUSED.search(one.output) else None
    return Request(int(match["port"]), answered, one)
