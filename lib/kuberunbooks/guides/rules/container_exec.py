"""What became of a command in a container: it ran, ended badly, is not there, or never got there.

kubectl exits with 1 for all that is not the command's own status, so its words decide;
126 and 127 come from a shell. Called by the shell guide.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from kuberunbooks.cluster import Transcript

from .patterns import RX_FORBIDDEN, RX_NOEXEC

Kind = Literal["ran", "failed", "absent", "forbidden", "unreached", "cut"]

_EXIT = re.compile(r"command terminated with (?:non-zero )?exit code(?::.{0,80})? (?P<code>\d{1,3})")
# runc's words are RX_NOEXEC; these are crun's and those of Windows.
_NOT_THERE = re.compile(
    r"executable file `(?P<exe>[^`'\n]{1,200})[`'] not found"
    r"|CreateProcess.{0,200}The system cannot find the file"
)
_SHELL_SAYS = re.compile(r"(?:^|: )(?P<exe>[\w./-]{1,100}): (?:command )?not found\s*$", re.MULTILINE)
_UNREACHED = re.compile(
    r"error dialing backend[^\n]{0,300}|unable to upgrade connection[^\n]{0,300}"
    r"|No agent available[^\n]{0,100}"
    r'|container not found \("[^"\n]{1,100}"\)|dial tcp \S+:10250[^\n]{0,200}|pods? "[^"\n]{1,253}" not found'
    r"|cannot exec (?:into a container )?in a (?:completed|deleted|stopped) (?:pod|container)[^\n]{0,200}"
)
_REFUSED = re.compile(r"pods?[ /]\S{0,260} ?is forbidden|Error from server \(Forbidden\)")


BY_STATUS = {126: "not executable", 127: "not found"}
"""What a shell means by these statuses: it ran, and what it should run did not."""


class Outcome(NamedTuple):
    """`exe`: the program that is not there; `code`: the command's exit status; `why`: the words that tell."""

    kind: Kind
    code: int | None = None
    exe: str = ""
    why: str = ""


def outcome(one: Transcript) -> Outcome:
    """What became of it."""
    said = one.stderr or (one.stdout if one.exit_code not in (0, None) else "")
    missing = RX_NOEXEC.search(said)
    if missing is not None and "exec" in said:
        return Outcome(
            "absent", one.exit_code, missing["exe"] or _first(one), missing["why"] or missing["why2"]
        )
    other = _NOT_THERE.search(said)
    if other is not None:
        return Outcome("absent", one.exit_code, other["exe"] or _first(one), "executable file not found")
    if _REFUSED.search(said) or RX_FORBIDDEN.search(said):
        return Outcome("forbidden", one.exit_code, why=_line(said, "orbidden"))
    unreached = _UNREACHED.search(said) if one.exit_code != 0 else None
    if unreached is not None and not one.stdout.strip():
        return Outcome("unreached", one.exit_code, why=unreached[0].strip())
    if one.partial:
        return Outcome("cut", one.exit_code, why=one.why)
    code = one.exit_code
    exited = _EXIT.search(said)
    if exited is not None:
        code = int(exited["code"])
    shell = _SHELL_SAYS.search(one.output) if code in (126, 127) else None
    if code in (126, 127):
        return Outcome(
            "absent", code, shell["exe"] if shell else "", "not found" if code == 127 else "not executable"
        )
    if code is None or code == 0:
        return Outcome("ran", code)
    return Outcome("failed", code, why=next((line.strip() for line in said.splitlines() if line.strip()), ""))


def _first(one: Transcript) -> str:
    return one.argv[0] if one.argv else ""


def _line(text: str, word: str) -> str:
    return next((line.strip() for line in text.splitlines() if word in line), "")[:500]
