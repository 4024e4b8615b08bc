"""A case's files, from a folder, a .zip or a .tar.gz, by their path inside the case.

Hostile archives are refused before a byte of them is used. Used by case.py only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from kuberunbooks.errors import CaseMissing


class Archive(Protocol):
    """Read-only files by relative POSIX path."""

    def names(self) -> list[str]:
        """All file paths."""
        ...

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises KeyError when there is none, CaseUnreadable when it is damaged."""
        ...

    def close(self) -> None:
        """Gives back the file handle."""
        ...


class Folder:
    """A case as a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        self._known = set(self._names)

    def names(self) -> list[str]:
        """All file paths."""
        return self._names

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises KeyError when there is none."""
        if name not in self._known:
            raise KeyError(name)
        return (self._root / name).read_bytes()

    def close(self) -> None:
        """Nothing to give back."""


def open_archive(path: Path) -> Archive:
    """The files of a case. Raises CaseMissing, CaseUnreadable, CaseHostile."""
    if path.is_dir():
        return Folder(path)
    raise CaseMissing(f"There is no case at {path}.")
