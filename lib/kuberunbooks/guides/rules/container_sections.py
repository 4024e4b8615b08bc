"""One script that runs several commands, and its output taken apart again: one exec answers many questions.

Before each command the script prints a line with the command, behind it one with the exit
status. Called by the crictl and shell guides, which write such scripts and read what they
printed, also from a file somebody gives.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

import msgspec

from kuberunbooks.cluster import Transcript

from .pasted_session import command_words

_BEGIN = "=== runbook runs: "
_END = "=== runbook exit: "
_SECTION = re.compile(
    rf"^{_BEGIN}(?P<command>[^\n]*)\n(?P<output>.*?)(?:^{_END}(?P<status>\d+)[^\n]*$|(?=^{_BEGIN})|\Z)",
    re.MULTILINE | re.DOTALL,
)


def script(commands: Mapping[str, str]) -> str:
    """A script for any POSIX shell: of each command the name it is known by, and what is really run."""
    lines = [
        f"echo {shlex.quote(_BEGIN + name)}; {{ {command}; }} 2>&1; c=$?; echo; echo {shlex.quote(_END)}$c"
        for name, command in commands.items()
    ]
    return "; ".join(lines)


def pieces(one: Transcript) -> Iterator[Transcript]:
    """The commands of such a script, each with its own output and status; nothing when it was none."""
    for match in _SECTION.finditer(one.stdout):
        status = match["status"]
        yield msgspec.structs.replace(
            one,
            argv=command_words(match["command"]),
            stdout=match["output"].removesuffix("\n"),
            stderr="",
            exit_code=int(status) if status is not None and len(status) < 6 else None,
        )
