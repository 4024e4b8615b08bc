"""A case as a .tar.gz (or a plain .tar).

A tar has no table of contents: it is gone through once when opened. Contents are
kept in memory up to a budget while that happens; what lies beyond it is found
again by going through the file a second time.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from pathlib import Path
from typing import IO, cast

from kuberunbooks.errors import CaseHostile, CaseUnreadable

from .archive import without_top_folder
from .limits import Tally, safe_name

KEPT = 64 << 20
"""Bytes of contents kept from the first pass; a namespace of 5,000 pods is 37 MB."""

_HEADER = 1 << 20
_DAMAGED = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, OverflowError, RecursionError)


class Tarball:
    """Files of a tar archive by name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: dict[str, bytes] = {}
        self._names: dict[str, str] = {}
        try:
            self._index()
        except _DAMAGED as error:
            raise CaseUnreadable(f"{path} is a damaged or truncated tar.gz file.") from error
        self._names = without_top_folder(self._names)

    def names(self) -> list[str]:
        """All file paths, sorted."""
        return sorted(self._names)

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises KeyError when there is none, CaseUnreadable when it is damaged."""
        member = self._names[name]
        kept = self._kept.get(member)
        if kept is not None:
            return kept
        try:
            return self._again(member)
        except _DAMAGED as error:
            raise CaseUnreadable(f"{name} in {self._path} is damaged.") from error

    def close(self) -> None:
        """Lets go of what was kept."""
        self._kept.clear()

    def _index(self) -> None:
        tally = Tally(str(self._path), packed=self._path.stat().st_size)
        room = KEPT
        with self._open() as archive:
            while (member := archive.next()) is not None:
                # tarfile remembers every header; 100,000 of them are 100 MB.
                vars(archive)["members"] = []
                name = safe_name(member.name, self._path)
                if member.isdir():
                    continue
                if not member.isreg() or member.issparse():
                    raise CaseHostile(f"{self._path} holds a link or device: {name[:80]}.")
                tally.add(name, member.size)
                self._names[name] = name
                if member.size <= room:
                    self._kept[name] = _content(archive, member)
                    room -= member.size

    def _again(self, wanted: str) -> bytes:
        with self._open() as archive:
            while (member := archive.next()) is not None:
                vars(archive)["members"] = []
                if member.isreg() and safe_name(member.name, self._path) == wanted:
                    return _content(archive, member)
        raise CaseUnreadable(f"{self._path} changed while it was read.")

    def _open(self) -> tarfile.TarFile:
        file = self._path.open("rb")
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=file) if packed else file)
        return tarfile.TarFile(fileobj=_Bounded(stream), mode="r")


class _Bounded(io.RawIOBase):
    """Keeps a header from asking for gigabytes: tarfile reads a name in one piece, however long it is."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.inside = False

    def read(self, size: int = -1) -> bytes:
        if not self.inside and not 0 <= size <= _HEADER:
            raise CaseHostile("The archive has a file name of more than a megabyte.")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = cast(_Bounded, archive.fileobj)
    stream.inside = True
    try:
        stream.seek(member.offset_data)
        body = stream.read(member.size)
    finally:
        stream.inside = False
    if len(body) != member.size:
        raise EOFError
    return body
