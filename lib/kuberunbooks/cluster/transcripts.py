"""Transcripts: what commands printed that were run in a container, on a node, or on somebody's machine.

Some answers no API has (what a pod's resolver says, which rules a node holds). They
come from a case (`transcripts/NNN.json`), from a file a person gives, or from a
consented action; a rule reads all of them alike. Called by `Cluster` and the guides
that take pasted output.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kuberunbooks.errors import BadParameter
from kuberunbooks.objects import NOT_JSON, Time

from .given_file import UnusableFile, read_given_file

MOST_BYTES = 64 * 1024 * 1024
"""Of one transcript file: the rules of a node with thousands of Services are some megabytes."""


class TranscriptTarget(msgspec.Struct, frozen=True):
    """Where a command was run: in a container of a pod, on a node, or (kind `workstation`) by a person."""

    kind: str = ""
    namespace: str = ""
    pod: str = ""
    container: str = ""
    node: str = ""

    @property
    def text(self) -> str:
        """`pod/web-1`, `node/n1`, as kubectl takes it; else the kind."""
        if self.pod:
            return f"pod/{self.pod}"
        return f"node/{self.node}" if self.node else self.kind or "unknown"


class Transcript(msgspec.Struct, kw_only=True):
    """One command and what came of it. `exit_code` None: it was cut off, or nobody noted it.

    `partial`: the output ends before the command did; `why` says in a clause what cut it off (its
    deadline, the limit of output, a lost connection). `source` is where it was read, as evidence
    names it (`transcripts/007.json`).
    """

    target: TranscriptTarget = msgspec.field(default_factory=TranscriptTarget)
    argv: list[str] = []
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    at: Time = None
    partial: bool = False
    why: str = ""
    source: str = ""

    def recorded(self) -> dict[str, Any]:
        """As a case holds it: without `source`, which is where the case keeps it."""
        held: dict[str, Any] = msgspec.to_builtins(self)
        for name in ("source",) if self.partial else ("source", "partial", "why"):
            del held[name]
        return held

    @property
    def output(self) -> str:
        """Both streams, standard output first."""
        return f"{self.stdout}\n{self.stderr}" if self.stderr else self.stdout


_DECODER = msgspec.json.Decoder(Transcript, strict=False)
_LIST_DECODER = msgspec.json.Decoder(list[Transcript], strict=False)


def decode_transcripts(body: bytes, source: str) -> list[Transcript]:
    """The transcript, or the list of them, in a JSON file. Raises ValueError when it is neither."""
    try:
        found = _LIST_DECODER.decode(body) if body.lstrip()[:1] == b"[" else [_DECODER.decode(body)]
    except (msgspec.ValidationError, *NOT_JSON) as error:
        raise ValueError(f"{source} is no transcript: {error}") from error
    for one in found:
        one.source = source
    return found


def read_transcripts(path: str, node: str = "") -> Iterator[Transcript]:
    """The transcripts in a file or folder that a person gives.

    JSON files hold transcripts; any other file, and JSON of another tool (`crictl pods -o
    json`), is taken as the plain output of a command on `node` (what it is, its content
    tells). Raises BadParameter when it cannot be used.
    """
    place = Path(path).expanduser()
    try:
        if not place.exists():
            raise BadParameter(f"There is no file {path} with pasted output.")
        files = sorted(one for one in place.iterdir() if one.is_file()) if place.is_dir() else [place]
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BadParameter(f"{path} cannot be used as pasted output: {why}.") from error
    for file in files:
        try:
            body = read_given_file(file, MOST_BYTES)
        except UnusableFile as error:
            raise BadParameter(f"{file.name} cannot be used as pasted output: {error}.") from error
        text = plain_text(body)
        if file.suffix == ".json" and not _is_output(text.encode()):
            try:
                yield from decode_transcripts(text.encode(), file.name)
            except ValueError as error:
                raise BadParameter(str(error)) from error
        else:
            yield _printed(text, node, file.name)


def pasted_transcripts(text: str, node: str = "") -> list[Transcript]:
    """What a person pasted into a parameter, as the plain output of a command on `node`; none when blank.

    Raises BadParameter when it is longer than a file may be.
    """
    # A command line may hold bytes that are no UTF-8, which Python keeps as halves of characters.
    body = text.encode("utf-8", "replace")
    if len(body) > MOST_BYTES:
        raise BadParameter(f"What was pasted is longer than {MOST_BYTES >> 20} MiB.")
    if not body.strip():
        return []
    return [_printed(plain_text(body), node, "pasted")]


def _printed(text: str, node: str, source: str) -> Transcript:
    return Transcript(target=TranscriptTarget(kind="node", node=node), stdout=text, source=source)


def plain_text(body: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 with a byte order mark, as Windows PowerShell writes with `>`."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body.decode("utf-16", "replace")
    return body.decode("utf-8-sig", "replace")


def _is_output(body: bytes) -> bool:
    """JSON of another kind than a transcript's: a command printed it."""
    try:
        found = msgspec.json.decode(body)
    except NOT_JSON:
        return False
    held = found if isinstance(found, list) else [found]
    return bool(held) and all(
        isinstance(one, dict) and not {"argv", "stdout", "stderr"} & one.keys() for one in held
    )
