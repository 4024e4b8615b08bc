"""A case's files, from a folder, a .zip or a .tar.gz, by their path inside the case.

What a file is, its content says, not its name. Contents are read when asked for;
opening only lists names (a .tar.gz has to be gone through once for that). Nothing
is unpacked to disk. Hostile archives are refused before a byte of them is used.
Used by case.py and by the recorder when it copies a case.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Protocol, TypeVar

from kuberunbooks.errors import CaseAlien, CaseHostile, CaseMissing, CaseUnreadable

from .limits import MAX_FILE, Tally, safe_name

T = TypeVar("T")

ROOTS = ("api", "apis", "errors", "logs", "raw", "transcripts")
"""The folders at the top of a case; any other single folder there is the case, packed with its name."""


class Archive(Protocol):
    """Read-only files by relative POSIX path."""

    def names(self) -> list[str]:
        """All file paths, sorted."""
        ...

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises KeyError when there is none, CaseUnreadable when it is damaged."""
        ...

    def close(self) -> None:
        """Gives back the file handle."""
        ...


class Folder:
    """A case as a folder. Links are followed only when they stay inside it."""

    def __init__(self, root: Path) -> None:
        self._paths: dict[str, str] = {}
        self._inside = os.path.realpath(root)
        try:
            self._walk(str(root), "", Tally(str(root)))
        except PermissionError as error:
            raise CaseUnreadable(f"The folder {root} may not be read by this user.") from error
        self._paths = without_top_folder(self._paths)

    def names(self) -> list[str]:
        """All file paths, sorted."""
        return sorted(self._paths)

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises KeyError when there is none, CaseUnreadable when it may not be read."""
        try:
            with open(self._paths[name], "rb") as file:
                body = file.read(MAX_FILE + 1)
        except OSError as error:
            raise CaseUnreadable(f"{name} of the case cannot be read: {error.strerror}.") from error
        if len(body) > MAX_FILE:
            raise CaseHostile(f"{name} of the case is larger than {MAX_FILE >> 30} GiB.")
        return body

    def close(self) -> None:
        """Nothing to give back."""

    def _walk(self, folder: str, prefix: str, tally: Tally) -> None:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    self._check_link(entry)
                if entry.is_dir(follow_symlinks=False):
                    self._walk(entry.path, f"{prefix}{entry.name}/", tally)
                elif entry.is_file():
                    tally.count(entry.name)
                    self._paths[prefix + entry.name] = entry.path

    def _check_link(self, entry: os.DirEntry[str]) -> None:
        place = os.path.realpath(entry.path)
        if os.path.commonpath([place, self._inside]) != self._inside:
            raise CaseHostile(f"The case folder holds a link that leads outside it: {entry.name}.")


class Zip:
    """A case as a .zip."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            members = self._zip.infolist()
        except (zipfile.BadZipFile, EOFError, ValueError, OSError, NotImplementedError) as error:
            raise CaseUnreadable(f"{path} is a damaged or truncated zip file.") from error
        tally = Tally(str(path), packed=path.stat().st_size)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            name = safe_name(member.orig_filename, path)
            _check_member(member, path)
            if member.is_dir():
                continue
            tally.add(name, member.file_size, member.compress_size)
            self._members[name] = member
        self._members = without_top_folder(self._members)
        self._path = path

    def names(self) -> list[str]:
        """All file paths, sorted."""
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises KeyError when there is none, CaseUnreadable when it is damaged."""
        member = self._members[name]
        try:
            return self._zip.read(member)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise CaseUnreadable(f"{name} in {self._path} is damaged.") from error

    def close(self) -> None:
        """Gives back the file handle."""
        self._zip.close()


def _check_member(member: zipfile.ZipInfo, path: Path) -> None:
    mode = member.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise CaseHostile(f"{path} holds a link or device: {member.filename[:80]}.")
    if member.flag_bits & 0x1:
        raise CaseUnreadable(
            f"{path} is encrypted.", advice="Unpack it with its password and open the folder."
        )
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CaseUnreadable(
            f"{path} is packed with a method that is not supported.", advice="Pack it again as .zip."
        )


def without_top_folder(files: dict[str, T]) -> dict[str, T]:
    """The files without the one folder all of them are in, when that is only the case's own name."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in files}
    if len(tops) != 1:
        return files
    (top,) = tops
    if not top or top in ROOTS:
        return files
    return {name[len(top) + 1 :]: file for name, file in files.items()}


def open_archive(path: Path) -> Archive:
    """The files of a case. Raises CaseMissing, CaseUnreadable, CaseAlien, CaseHostile."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return Folder(path)
        if not stat.S_ISREG(mode):
            raise CaseAlien(f"{path} is neither a folder nor a file.")
        with path.open("rb") as file:
            start = file.read(512)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CaseMissing(f"There is no case at {path}.") from error
    except PermissionError as error:
        raise CaseUnreadable(f"{path} may not be read by this user.") from error
    except (OSError, ValueError) as error:
        raise CaseUnreadable(f"{path} cannot be opened: {getattr(error, 'strerror', error)}.") from error
    if not start:
        raise CaseUnreadable(f"{path} is empty.")
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Zip(path)
    if start.startswith(b"\x1f\x8b") or start[257:262] == b"ustar":
        from .tarball import Tarball

        return Tarball(path)
    raise CaseAlien(f"{path} is no folder, .zip or .tar.gz.")
