"""/proc/mounts, as the kernel writes it: the file systems a process sees, blanks in paths as `\\040`.

Called by the shell guide, which compares it with the pod's volumes.

https://man7.org/linux/man-pages/man5/proc_pid_mounts.5.html
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_ROW = re.compile(
    r"^(?P<device>\S+) (?P<point>/\S*) (?P<type>[\w.-]+) (?P<options>r[ow]\S*) \d+ \d+$", re.MULTILINE
)
_OCTAL = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A mounted file system."""

    device: str
    point: str
    type: str
    read_only: bool


def read_mounts(text: str) -> list[Mount] | None:
    """The mounts in order, of which the last at a place holds; None when the text is none."""
    found = [
        Mount(match["device"], _plain(match["point"]), match["type"], match["options"].split(",")[0] == "ro")
        for match in _ROW.finditer(text)
    ]
    return found if any(one.point == "/" for one in found) else None


def mounted_at(path: str, mounts: Sequence[Mount]) -> Mount | None:
    """What is mounted at exactly this path."""
    wanted = path.rstrip("/") or "/"
    return next((one for one in reversed(mounts) if one.point == wanted), None)


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
