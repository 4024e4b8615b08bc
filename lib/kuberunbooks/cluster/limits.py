"""What an archive may hold before it counts as an attack, and which names are safe.

The limits are ours: the largest cluster dump we know of is a tenth of them.
Used by archive.py and tarball.py.
"""

from __future__ import annotations

import re
from pathlib import Path

from kuberunbooks.errors import CaseHostile

MAX_FILES = 100_000
MAX_FILE = 1 << 30
MAX_TOTAL = 2 << 30
# Thousands of alike pods pack 60 to 1, a log of one repeated line 500 to 1; deflate ends at 1032.
MAX_RATIO = 200
RATIO_FROM = 200 << 20

_DRIVE = re.compile(r"^[A-Za-z]:")


def safe_name(raw: str, archive: str | Path) -> str:
    """A member's path, relative and without `./`. Raises CaseHostile when it leads out of the case."""
    parts = raw.rstrip("/").split("/")
    if raw.startswith("/") or ".." in parts or "\\" in raw or "\0" in raw or _DRIVE.match(raw):
        raise CaseHostile(f"{archive} holds a file that would lie outside the case: {raw[:80]!r}.")
    return "/".join(part for part in parts if part not in ("", "."))


class Tally:
    """Counts what an archive holds, and refuses it when that is too much, or the same name twice."""

    def __init__(self, archive: str, packed: int = 0) -> None:
        self._archive = archive
        self._packed = packed
        self._total = 0
        self._packed_total = 0
        self._files = 0
        self._names: set[str] = set()

    def count(self, name: str) -> None:
        """One more file of a folder. Raises CaseHostile."""
        self._files += 1
        if self._files > MAX_FILES:
            raise CaseHostile(f"{self._archive} holds more than {MAX_FILES} files (at {name[:80]!r}).")

    def add(self, name: str, size: int, packed: int = 0) -> None:
        """One more file of an archive: its unpacked and packed bytes. Raises CaseHostile."""
        self.count(name)
        if name in self._names:
            raise CaseHostile(f"{self._archive} holds {name[:80]!r} twice.")
        self._names.add(name)
        self._total += size
        self._packed_total += packed
        if size > MAX_FILE or self._total > MAX_TOTAL:
            raise CaseHostile(f"{self._archive} would unpack to more than {MAX_TOTAL >> 30} GiB.")
        if self._total > RATIO_FROM and self._total > self._packed * MAX_RATIO:
            raise CaseHostile(f"{self._archive} unpacks to more than {MAX_RATIO} times its size.")
        if self._packed_total > self._packed:
            raise CaseHostile(f"{self._archive} holds files that share the same bytes.")
