"""The folder a run leaves its results in: one writer at a time, whole or not at all.

A run holds a lock beside the folder, writes into a hidden sibling, and moves that
into place in one rename at the end. The lock is the kernel's (flock), so a run
killed with SIGKILL leaves none behind; what it had written is removed by the next
run into the same folder. Used by runner.py, and by the command line for `record`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from kuberunbooks.errors import BadSettings, DiskFull, OutputInUse

HTML, JSON, MARKDOWN, NOTEBOOK, CASE = (
    "report.html",
    "report.json",
    "summary.md",
    "notebook.ipynb",
    "case.zip",
)
CAPTURE = "capture.pcap"
"""Packets, where a run captured some (guides.ephemeral_debug): beside the report, never in it."""
RESULTS = (HTML, MARKDOWN, NOTEBOOK, CASE, CAPTURE, JSON)
"""The results in the order they are put into a folder with other files: report.json last, as the seal."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Results(NamedTuple):
    """Where the results will stand (`folder`), and where to write them until then (`staging`)."""

    folder: Path
    staging: Path


@contextlib.contextmanager
def results_folder(out: Path, *, fresh: bool = False) -> Iterator[Results]:
    """A staging folder; what is in it when the block ends becomes the content of `out`.

    Nothing becomes visible when the block raises. Raises OutputInUse (with
    `fresh` also when `out` is there already), BadSettings when `out` cannot be
    written to, DiskFull.
    """
    out = Path(os.path.realpath(out))
    if out.exists() and not out.is_dir():
        raise BadSettings(f"{out} is a file, not a folder; give a folder with --out.")
    with contextlib.ExitStack() as stack:
        with disk_errors(out):
            place = _place(out)
            place.mkdir(parents=True, exist_ok=True)
            stack.enter_context(_locked(place / f".{out.name}.lock", out))
            if fresh and out.exists():
                raise OutputInUse(f"{out} holds the results of another run.")
            for left_over in place.glob(f".{_literal(out.name)}.*.partial"):
                shutil.rmtree(left_over, ignore_errors=True)
            staging = place / f".{out.name}.{os.getpid()}.partial"
            staging.mkdir()
        stack.callback(shutil.rmtree, staging, ignore_errors=True)
        yield Results(out, staging)
        with disk_errors(out):
            _publish(staging, out)


@contextlib.contextmanager
def new_results_folder(runbook: str, target: str, now: datetime, *, root: Path) -> Iterator[Results]:
    """As `results_folder`, in a new `ROOT/pods-deployment-web-20260102T030405Z`, or a `-2` of it."""
    words = (runbook, re.sub(r"[^A-Za-z0-9.]+", "-", target).strip("-.")[:60], f"{now:%Y%m%dT%H%M%SZ}")
    name = "-".join(word for word in words if word)
    for number in itertools.count(1):
        with contextlib.ExitStack() as stack:
            try:
                out = root / (f"{name}-{number}" if number > 1 else name)
                results = stack.enter_context(results_folder(out, fresh=True))
            except OutputInUse:
                continue
            yield results
            return


@contextlib.contextmanager
def disk_errors(what: Path) -> Iterator[None]:
    """Turns the operating system's refusals to write into DiskFull or BadSettings."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(
                f"There is no room left for {what}.",
                advice="Free some space there, or give another folder with --out.",
            ) from error
        raise BadSettings(
            f"{what} cannot be written: {error.strerror or error}.", advice="Give another folder with --out."
        ) from error


def _place(out: Path) -> Path:
    """Where lock and staging stand: beside the folder, or inside when it cannot be replaced as a whole."""
    parent = out.parent
    if os.path.ismount(out) or (parent.exists() and not os.access(parent, os.W_OK)):
        return out
    return parent


@contextlib.contextmanager
def _locked(path: Path, out: Path) -> Iterator[None]:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise OutputInUse(f"Another run is writing to {out}.") from None
        if _is_still(handle, path):
            break
        os.close(handle)  # the run before us removed the file between our opening and locking it
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _is_still(handle: int, path: Path) -> bool:
    try:
        return os.fstat(handle).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _publish(staging: Path, out: Path) -> None:
    if staging.parent == out or (out.exists() and not _is_ours(out)):
        _replace_each(staging, out)
        return
    if out.exists():
        # A folder cannot be renamed over a full one: the old results step aside first,
        # so that a reader meets the old ones, none for an instant, or the new ones.
        aside = staging.with_name(f".{out.name}.{os.getpid()}.old.partial")
        out.rename(aside)
        staging.rename(out)
        shutil.rmtree(aside, ignore_errors=True)
        return
    staging.rename(out)


def _is_ours(out: Path) -> bool:
    return all(entry.name in RESULTS for entry in out.iterdir())


def _replace_each(staging: Path, out: Path) -> None:
    """For a mount point, or a folder with other files in it: report.json goes first and comes last."""
    for name in reversed(RESULTS):
        (out / name).unlink(missing_ok=True)
    for name in RESULTS:
        if (staging / name).exists():
            os.replace(staging / name, out / name)


def _literal(name: str) -> str:
    """The name with what glob would take for a pattern escaped."""
    return re.sub(r"([*?[])", r"[\1]", name)
