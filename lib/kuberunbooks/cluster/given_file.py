"""Reads a file a person names in a parameter: bounded, and never one that has no end.

Called for pasted output (`read_transcripts`) and for manifests.
"""

from __future__ import annotations

from pathlib import Path

_MEGABYTE = 1024 * 1024


class UnusableFile(Exception):
    """The file cannot be used; the text says why, in one clause."""


def read_given_file(path: Path, most: int) -> bytes:
    """All of it, at most so many bytes. Raises UnusableFile.

    Only regular files: a pipe would keep the run waiting, a device has no end.
    """
    try:
        if not path.is_file():
            raise UnusableFile("it is no regular file" if path.exists() else "No such file or directory")
        with path.open("rb") as file:
            body = file.read(most + 1)
    except OSError as error:
        raise UnusableFile(error.strerror or type(error).__name__) from error
    if len(body) > most:
        raise UnusableFile(f"it is larger than {most // _MEGABYTE} MiB")
    return body
