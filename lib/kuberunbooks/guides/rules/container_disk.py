"""How full file systems are, as `df -P -k` prints it, and which of them a path is in.

Called by the crictl guide for where images are and by the shell guide for a container's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_ROW = re.compile(
    r"^(?P<device>\S[^\n]*?)\s+(?P<total>\d+)\s+(?P<used>\d+)\s+(?P<free>\d+)\s+(?:\d+%|-)\s+(?P<mount>/[^\n]*)$",
    re.MULTILINE,
)
_BLOCK = 1024


class FileSystem(NamedTuple):
    """A mounted file system, in bytes; `free` is what programs can still use."""

    device: str
    total: int
    used: int
    free: int
    mount: str

    @property
    def share(self) -> float:
        """The part that is used, as df counts it: what is reserved for root is neither."""
        return self.used / (self.used + self.free) if self.used + self.free else 0.0


def read_df(text: str) -> list[FileSystem]:
    """The rows of `df -P -k` or of `df -k`, each mount once."""
    found = {
        match["mount"].strip(): FileSystem(
            match["device"],
            int(match["total"][:18]) * _BLOCK,
            int(match["used"][:18]) * _BLOCK,
            int(match["free"][:18]) * _BLOCK,
            match["mount"].strip(),
        )
        for match in _ROW.finditer(text)
    }
    return list(found.values())


def holding(path: str, systems: Sequence[FileSystem]) -> FileSystem | None:
    """The file system a path is in: the deepest mount above it."""
    above = [
        one for one in systems if one.mount == "/" or path == one.mount or path.startswith(f"{one.mount}/")
    ]
    return max(above, key=lambda one: len(one.mount), default=None)
