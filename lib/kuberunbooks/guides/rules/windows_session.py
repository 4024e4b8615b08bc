"""Pasted sessions of Windows: PowerShell and cmd prompts, and kubectl that runs something in a pod.

Cuts a transcript into pieces, each with its command where the paste has it. A person
often pastes only what a command printed: then there is one piece, known by its content.
Called by the windows-networking guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from kuberunbooks.cluster import Transcript, TranscriptTarget
from kuberunbooks.objects import Evidence

from .error_lines import bounded
from .pasted_session import command_words, unwrapped
from .windows_records import Record, bodies, records

MOST_PASTED = 4 * 1024 * 1024
"""Characters of one paste that are looked at; a container's whole log may be longer."""

_PROMPT = re.compile(
    r"^(?:PS(?: [^>\n]{0,200})?>|[A-Za-z]:\\[^>\n]{0,200}>|[^\n>$#%]{0,120}[$#%>](?= ?kubectl ))"
    r"[ \t]*(?P<command>\S[^\n]{0,2000})?$",
    re.MULTILINE,
)
_IN_POD = re.compile(r"^kubectl(?:\.exe)? (?P<before>.*?\bexec\b.*?) -- (?P<command>.+)$")
_SHELL = re.compile(r"^(?:powershell|pwsh|cmd)(?:\.exe)?(?: -\w+)*$", re.IGNORECASE)
_WRAPPED = re.compile(
    r"^(?:powershell|pwsh)(?:\.exe)?(?: -(?!c(?:ommand)?\b)\w+)*(?: -c(?:ommand)?)? (?P<command>.+)$",
    re.IGNORECASE,
)
_CMD = re.compile(r"^cmd(?:\.exe)? /[ck] (?P<command>.+)$", re.IGNORECASE)
_SHOWN = 160


@dataclass
class Piece:
    """What one command printed. `command` is empty when the paste does not have it.

    `node` and `pod` say where it ran, each empty when that is not known; `at` when.
    `ended`: that it had printed all it would is certain, by its status or by the next prompt.
    """

    command: str
    text: str
    source: str
    node: str = ""
    pod: str = ""
    namespace: str = ""
    at: datetime | None = None
    ended: bool = False

    @cached_property
    def records(self) -> list[Record]:
        """What PowerShell printed as objects."""
        return records(self.text)

    @property
    def place(self) -> str:
        """Where it ran, as evidence names it."""
        return f"pod/{self.pod}" if self.pod else f"node/{self.node}" if self.node else "pasted"

    @property
    def is_empty(self) -> bool:
        """It printed nothing; a paste that only breaks off after the command does not prove that."""
        return self.ended and not self.text.strip()

    def asked(self, *words: str) -> bool:
        """Whether its command names one of these, whatever the capitals."""
        lowered = self.command.lower()
        return any(word.lower() in lowered for word in words)

    def cite(self, shown: str = "") -> Evidence:
        """Evidence: where it ran, the command, and the line that decides (else the first)."""
        value = shown or next((line.strip() for line in self.text.splitlines() if line.strip()), "")
        command = bounded(self.command, _SHOWN) if self.command else "pasted output"
        return Evidence(f"{self.place} {self.source}", command, bounded(value, _SHOWN) or "no output")


def pieces(one: Transcript) -> Iterator[Piece]:
    """The pieces of a transcript, in order."""
    text = one.output.replace("\r\n", "\n").replace("\ufeff", "")[:MOST_PASTED]
    if one.argv:
        words, target = unwrapped(one.argv, one.target)
        yield _piece(bare_command(" ".join(words)), text, target, one, ended=one.exit_code == 0)
        return
    found = list(_PROMPT.finditer(text))
    before = text[: found[0].start()] if found else text
    if before.strip():
        yield _piece("", before, one.target, one)
    inside: TranscriptTarget | None = None
    for match, printed in bodies(text, found):
        command, target = (match["command"] or "").strip(), inside or one.target
        if not command and not printed.strip():
            continue
        within = _IN_POD.match(command)
        if within is not None:
            words = command_words(f"kubectl exec {within['before'].replace('exec', '', 1)} --")
            target = unwrapped([*words, "-"], one.target)[1]
            command = bare_command(within["command"].strip().strip("\"'"))
            inside = target if _SHELL.match(command) else inside
        elif command.lower() == "exit":
            inside = None
        ended = match is not found[-1]
        yield _piece(bare_command(command), printed.removeprefix("\n"), target, one, ended=ended)


def _piece(
    command: str, text: str, target: TranscriptTarget, one: Transcript, *, ended: bool = False
) -> Piece:
    return Piece(command, text, one.source, target.node, target.pod, target.namespace, one.at, ended)


def bare_command(command: str) -> str:
    """The command without the shell it was handed to: `powershell.exe -NoProfile -Command "…"`."""
    for pattern in (_WRAPPED, _CMD):
        match = pattern.match(command)
        if match is not None and not match["command"].startswith("-"):
            return match["command"].strip().strip("\"'")
    return command
