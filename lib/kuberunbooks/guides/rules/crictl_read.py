"""What crictl printed on each node, from all transcripts: the newest of each kind counts.

Commands are known by their words where those were noted, else by what they printed. Called
by the crictl guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from kuberunbooks.cluster import Transcript

from .container_disk import FileSystem, read_df
from .container_sections import pieces
from .crictl_client import (
    ClientConfig,
    Trouble,
    client_version,
    default_endpoints,
    flag_endpoint,
    read_config,
    troubles,
)
from .crictl_json import (
    json_value,
    read_containers,
    read_image_fs,
    read_images,
    read_info,
    read_inspections,
    read_sandboxes,
    read_uses,
)
from .crictl_tables import (
    read_container_table,
    read_image_table,
    read_sandbox_table,
    read_use_table,
    read_version,
)
from .crictl_values import (
    ContainerUse,
    ImageFs,
    Inspection,
    RuntimeContainer,
    RuntimeImage,
    RuntimeInfo,
    RuntimeVersion,
    Sandbox,
)
from .pasted_session import sessions

T = TypeVar("T")

_PROGRAMS = "crictl|cat /etc/crictl|date|df"
_NODE_SHELL = re.compile(r"node-debugger-(?P<node>.+)-[bcdfghjklmnpqrstvwxz2456789]{5}")
_OF_CRICTL = re.compile(r"validate service connection|RuntimeService|ImageService|default endpoints|crictl")
_VALUED = frozenset(
    {"-r", "--runtime-endpoint", "-i", "--image-endpoint", "-t", "--timeout", "-c", "--config"}
)
_UNFILTERED = frozenset(
    {"-a", "--all", "-o", "--output", "json", "yaml", "table", "-v", "--verbose", "--no-trunc", "--digests",
     "--pinned", "--resolve-image-path"}
)  # fmt: skip


class Seen(NamedTuple, Generic[T]):
    """What one command printed. `whole`: it lists everything; None when its words were not noted."""

    value: T
    source: Transcript
    whole: bool | None = None

    @property
    def at(self) -> datetime | None:
        """When it was run, if somebody noted it."""
        return self.source.at


class Said(NamedTuple):
    """A command of crictl whose output is for people: a log, or what a program in a container printed."""

    words: tuple[str, ...]
    source: Transcript


@dataclass
class NodeRuntime:
    """What was heard of the runtime of one node; None of what was not asked."""

    node: str
    sandboxes: Seen[list[Sandbox]] | None = None
    containers: Seen[list[RuntimeContainer]] | None = None
    images: Seen[list[RuntimeImage]] | None = None
    image_fs: Seen[list[ImageFs]] | None = None
    info: Seen[RuntimeInfo] | None = None
    version: Seen[RuntimeVersion] | None = None
    client: Seen[str] | None = None
    config: Seen[ClientConfig] | None = None
    uses: Seen[list[ContainerUse]] | None = None
    clock: Seen[float] | None = None
    disks: Seen[list[FileSystem]] | None = None
    defaults: Seen[list[str]] | None = None
    flag: Seen[str] | None = None
    inspections: dict[str, Seen[Inspection]] = field(default_factory=dict)
    failures: list[Seen[Trouble]] = field(default_factory=list)
    logs: list[Said] = field(default_factory=list)
    execs: list[Said] = field(default_factory=list)

    @property
    def answers(self) -> bool:
        """The runtime answered at least one question."""
        return any(
            (self.sandboxes, self.containers, self.images, self.image_fs, self.info, self.version, self.uses)
        )

    @property
    def asked(self) -> bool:
        """crictl was run there, or its configuration read."""
        return self.answers or any(
            (self.client, self.config, self.failures, self.logs, self.execs, self.inspections)
        )


def read_runtimes(heard: Iterable[Transcript], fallback: str = "") -> dict[str, NodeRuntime]:
    """By node; `fallback` is the node of those that name none."""
    found: dict[str, NodeRuntime] = {}
    for one in heard:
        for piece in _commands(one):
            node = node_of(piece) or fallback
            runtime = found.setdefault(node, NodeRuntime(node))
            _take(piece, runtime)
    return {node: one for node, one in found.items() if one.asked}


def node_of(one: Transcript) -> str:
    """The node a command was run on, as far as it tells: also by the name of kubectl's node shell."""
    if one.target.node:
        return one.target.node
    match = _NODE_SHELL.fullmatch(one.target.pod)
    return match["node"] if match else ""


def command_of(words: Sequence[str]) -> list[str]:
    """The words from `crictl` on, without what leads there (sudo, chroot); none of another program."""
    for place, word in enumerate(words[:8]):
        if word.rpartition("/")[2] == "crictl":
            return ["crictl", *words[place + 1 :]]
    return []


def subcommand(words: Sequence[str]) -> list[str]:
    """`ps -a -o json` of `crictl -r SOCKET ps -a -o json`."""
    rest = iter(range(1, len(words)))
    for place in rest:
        if words[place] in _VALUED:
            next(rest, None)
        elif not words[place].startswith("-"):
            return list(words[place:])
    return []


def _commands(one: Transcript) -> Iterator[Transcript]:
    """The commands of a script of ours, of a pasted session, or the one command that was run."""
    taken = list(pieces(one))
    if not taken:
        taken = list(sessions(one, _PROGRAMS)) or [one]
    yield from taken


def _take(one: Transcript, runtime: NodeRuntime) -> None:
    words = command_of(one.argv)
    if one.argv and not words:
        _take_other(one, runtime)
        return
    text = one.output
    asked = subcommand(words)
    if asked[:1] in (["logs"], ["exec"]):
        (runtime.logs if asked[0] == "logs" else runtime.execs).append(Said(tuple(asked), one))
        return
    if (flag := flag_endpoint(one.argv)) and runtime.flag is None:
        runtime.flag = Seen(flag, one)
    if tried := default_endpoints(text):
        runtime.defaults = Seen(tried, one)
    if client := client_version(text):
        runtime.client = Seen(client, one)
    whole = False if one.partial else _is_whole(asked)
    if _take_json(one, runtime, whole) or _take_table(one, runtime, whole) or client:
        return
    if not one.argv:
        _take_other(one, runtime)
    if words or _OF_CRICTL.search(text[:65536]):
        runtime.failures += [Seen(trouble, one) for trouble in troubles(text)]


def _take_json(one: Transcript, runtime: NodeRuntime, whole: bool | None) -> bool:
    found = json_value(one.stdout) or json_value(one.stderr)
    if found is None or (isinstance(found, dict) and "apiVersion" in found):
        return False  # none, or an object of the API
    if (sandboxes := read_sandboxes(found)) is not None:
        runtime.sandboxes = _better(runtime.sandboxes, Seen(sandboxes, one, whole))
    elif (containers := read_containers(found)) is not None:
        runtime.containers = _better(runtime.containers, Seen(containers, one, whole))
    elif (images := read_images(found)) is not None:
        runtime.images = _better(runtime.images, Seen(images, one, whole))
    elif (uses := read_uses(found)) is not None:
        runtime.uses = Seen(uses, one, whole)
    elif (systems := read_image_fs(found)) is not None:
        runtime.image_fs = Seen(systems, one)
    elif (info := read_info(found)) is not None:
        runtime.info = Seen(info, one)
    elif inspected := read_inspections(found):
        runtime.inspections.update({each.id: Seen(each, one) for each in inspected})
    else:
        return False
    return True


def _take_table(one: Transcript, runtime: NodeRuntime, whole: bool | None) -> bool:
    text = one.stdout
    if (sandboxes := read_sandbox_table(text)) is not None:
        runtime.sandboxes = _better(runtime.sandboxes, Seen(sandboxes, one, whole))
    elif (containers := read_container_table(text)) is not None:
        runtime.containers = _better(runtime.containers, Seen(containers, one, whole))
    elif (images := read_image_table(text)) is not None:
        runtime.images = _better(runtime.images, Seen(images, one, whole))
    elif (uses := read_use_table(text)) is not None:
        runtime.uses = Seen(uses, one, whole)
    elif (version := read_version(text)) is not None:
        runtime.version = Seen(version, one)
    else:
        return False
    return True


def _take_other(one: Transcript, runtime: NodeRuntime) -> None:
    """What stands beside crictl's own answers: its configuration, the node's clock, its file systems."""
    program = one.argv[0].rpartition("/")[2] if one.argv else ""
    if (config := read_config(one.output, one.argv)) is not None:
        runtime.config = Seen(config, one)
    elif program == "date" and re.fullmatch(r"\d{10}", one.stdout.strip()):
        runtime.clock = Seen(float(one.stdout.strip()), one)
    elif program in ("df", "") and (disks := read_df(one.stdout)):
        runtime.disks = Seen(disks, one)


def _better(before: Seen[T] | None, new: Seen[T]) -> Seen[T]:
    """The newest, unless it shows only a part and the one before showed all."""
    return before if before is not None and before.whole and not new.whole else new


def _is_whole(asked: Sequence[str]) -> bool | None:
    """Whether nothing was filtered out; `crictl ps` without -a lists only what runs."""
    if not asked:
        return None
    options = asked[1:]
    if asked[0] == "ps" and not {"-a", "--all"} & set(options):
        return False
    return all(word in _UNFILTERED or word.startswith(("--output=", "-o=")) for word in options)
