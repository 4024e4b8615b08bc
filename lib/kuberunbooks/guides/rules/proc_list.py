"""The processes of a container: `ps` of procps and of busybox, or the files of /proc read by a shell.

Called by the shell guide.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MOST = 2000
_LISTED = re.compile(r"^(?P<pid>\d{1,10})\t(?P<state>[A-Z]?)\t(?P<command>[^\n]*)$", re.MULTILINE)


class Process(NamedTuple):
    """A process; `user` is empty where it was not said."""

    pid: int
    command: str
    user: str = ""
    zombie: bool = False


def read_processes(text: str) -> list[Process] | None:
    """The processes by their numbers, without the listing itself; None when the text is no listing."""
    lines = text.splitlines()
    at = next((place for place, line in enumerate(lines[:20]) if "PID" in line.split()), -1)
    if at < 0:
        found = [
            Process(int(match["pid"]), match["command"].strip(), zombie=match["state"] == "Z")
            for match in _LISTED.finditer(text)
        ]
        return found[:_MOST] if any(one.pid == 1 for one in found) else None
    heads = lines[at].split()
    last = len(heads) - 1
    if heads[-1] not in ("COMMAND", "CMD", "ARGS"):
        return None
    rows = (line.split(None, last) for line in lines[at + 1 : at + 1 + _MOST])
    return [one for row in rows if (one := _process(row, heads)) is not None] or None


def _process(row: list[str], heads: list[str]) -> Process | None:
    """A row; busybox leaves a column empty now and then, so the number is looked for in the first columns."""
    place = heads.index("PID")
    if len(row) <= place or not row[place].isdigit():
        return None
    state = row[heads.index("STAT")] if "STAT" in heads and len(row) > heads.index("STAT") else ""
    user_at = next((heads.index(name) for name in ("USER", "UID") if name in heads), -1)
    command = row[-1] if len(row) == len(heads) else " ".join(row[place + 1 :])
    return Process(
        int(row[place]),
        command.strip(),
        row[user_at] if 0 <= user_at < len(row) else "",
        state.startswith("Z") or command.rstrip().endswith("<defunct>"),
    )
