"""The files of an audit log: which there are, in the order of time, and their bytes piece by piece.

A person names a file, a folder of rotated files, a pattern, or several of these separated
by commas. What a file is, its content says: plain text or gzip. Nothing is held but the
piece at hand, so a log of any size may be named. Called by log_reading and the benchmark.
"""

from __future__ import annotations

import glob
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

from kuberunbooks.errors import BadParameter

CHUNK = 1 << 18
"""Bytes read at once: a few hundred events."""
MOST_FILES = 2000
_PEEK = 1 << 16
_FIRST = re.compile(
    rb'"auditID":\s*"([^"]{1,64})".{0,65536}?"requestReceivedTimestamp":\s*"([^"]{10,40})"', re.DOTALL
)
DAMAGED = (OSError, EOFError, zlib.error)
"""What reading a file may raise on the way."""


class LogFile(NamedTuple):
    """A file, and when its first event was, as text that sorts; empty when that could not be seen."""

    path: Path
    began: str


def log_files(given: str) -> list[LogFile]:
    """The files a parameter names, oldest first, each log once. Raises BadParameter when there is none."""
    paths = [path for part in _parts(given) for path in _found(part)]
    if not paths:
        raise BadParameter(f"There is no audit log at {given}.")
    files: dict[str, LogFile] = {}
    for path in dict.fromkeys(paths):
        first, began = _beginning(path)
        # A rotated file and its packed copy begin with the same event.
        files.setdefault(first or str(path), LogFile(path, began))
    if len(files) > MOST_FILES:
        raise BadParameter(f"{given} names {len(files)} files; name at most {MOST_FILES}.")
    return sorted(files.values(), key=lambda one: (one.began or "9", _dated(one.path.name)))


def chunks(path: Path) -> Iterator[bytes]:
    """The unpacked bytes of a file. Raises what `read_failure` puts into words."""
    with path.open("rb") as file:
        yield from _pieces(file)


def pieces_of(body: bytes) -> Iterator[bytes]:
    """As `chunks`, of a file that a case holds."""
    yield from _pieces(io.BytesIO(body))


def read_failure(error: Exception) -> str:
    """Why a file could not be read to its end, in one clause."""
    if isinstance(error, EOFError):
        return "it is cut off"
    if isinstance(error, gzip.BadGzipFile | zlib.error):
        return "it is damaged"
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if packed else file
    while piece := stream.read(CHUNK):
        yield piece


def _parts(given: str) -> list[str]:
    if Path(given).expanduser().exists():
        return [given]
    return [part.strip() for part in given.split(",") if part.strip()]


def _found(part: str) -> list[Path]:
    place = Path(part).expanduser()
    try:
        if place.is_dir():
            return _in_folder(place)
        if place.exists():
            if not place.is_file():
                # A pipe would keep the run waiting, a device has no end.
                raise BadParameter(f"{part} cannot be used as an audit log: it is no regular file.")
            return [place]
    except OSError as error:
        raise BadParameter(f"{part} cannot be used as an audit log: {error.strerror}.") from error
    return sorted(path for name in glob.glob(str(place)) if (path := Path(name)).is_file())


def _in_folder(place: Path) -> list[Path]:
    """Its files, those of folders in it too (one of each control plane node, say), links left out."""
    files = [
        path
        for path in sorted(place.rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    ]
    named = [path for path in files if "audit" in path.name.lower()]
    return named or files


def _beginning(path: Path) -> tuple[str, str]:
    """The first event's ID and time; empty when there is none in the first bytes."""
    try:
        with path.open("rb") as file:
            found = _FIRST.search(next(_pieces(file), b"")[:_PEEK])
    except DAMAGED:
        return "", ""
    return (found[1].decode("utf-8", "replace"), found[2].decode("utf-8", "replace")) if found else ("", "")


def _dated(name: str) -> tuple[int, str]:
    """`audit-2026-11-23T21-30-27.753.log` before `audit.log`, which is being written."""
    return (0 if re.search(r"\d{4}-\d\d-\d\d", name) else 1, name)
