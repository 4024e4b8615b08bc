"""The audit log of a run, read once: named in a parameter, laid into a case, or what a run left in one.

A run does not copy gigabytes into its case but what it made of them (`audit/reading`), so
that the report can be made again. Called by the steps about the log and by the benchmark.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import BadParameter, ClusterError
from kuberunbooks.objects import NOT_JSON

from ..rules.audit_lines import AuditLines
from ..rules.audit_reader import AuditReader
from ..rules.audit_reading import FileRead, Reading
from ..rules.audit_trail import About, about_of
from .log_files import DAMAGED, chunks, log_files, pieces_of, read_failure
from .resolve import Audited

READING = "audit/reading"
_HELD = ("audit/audit.log", "audit.log", "audit/audit.log.gz", "audit.log.gz")
MOST_SECONDS = 100.0
"""Of reading: a cell has 120 s unless told otherwise, and what was read until then is better than nothing."""


class Source(NamedTuple):
    """A file of the log by name, and how to get at its bytes."""

    name: str
    open: Callable[[], Iterator[bytes]]


class Log(NamedTuple):
    """What was read; None: nothing, `why` says why."""

    reading: Reading | None
    why: str = ""


def log_of(target: Audited, cluster: Cluster) -> Log:
    """The log of this run. What cannot be read is said, not raised."""
    found = target.memo.get("log")
    if not isinstance(found, Log):
        try:
            found = _read(target, cluster)
        except (BadParameter, ClusterError) as error:
            found = Log(None, str(error))
        target.memo["log"] = found
    return found


def read_log(
    sources: Iterable[Source],
    *,
    about: About | None = None,
    window: tuple[datetime, datetime] | None = None,
    seconds: float = MOST_SECONDS,
) -> Reading:
    """All files in one pass, for at most so many seconds."""
    reader = AuditReader(about, window)
    deadline = time.monotonic() + seconds
    files: list[FileRead] = []
    for source in sources:
        if time.monotonic() > deadline:
            files.append(FileRead(source.name, why_not="the time was up"))
            continue
        one = FileRead(source.name)
        files.append(one)
        lines = AuditLines(one.lines)
        try:
            for events in lines.events(_measured(source.open(), one)):
                reader.take(events, source.name)
                if time.monotonic() > deadline:
                    one.why_not = "the time was up"
                    break
        except DAMAGED as error:
            one.why_not = read_failure(error)
    return reader.reading(files)


def files_of(given: str) -> list[Source]:
    """The files a parameter names. Raises BadParameter when there is none."""
    return [Source(one.path.name, _opener(one.path)) for one in log_files(given)]


def _read(target: Audited, cluster: Cluster) -> Log:
    about = about_of(target.option("about"), _place(target))
    window = _window(target)
    if given := target.option("audit_log"):
        files = files_of(given)
        if cluster.origin.kind == "case":
            return Log(read_log(files, about=about, window=window))
        body = cluster.elsewhere(
            READING, lambda: msgspec.json.encode(read_log(files, about=about, window=window))
        )
        return _decoded(body)
    if (left := cluster.recorded(READING)) is not None:
        return _decoded(left)
    for name in _HELD:
        held = cluster.recorded(name)
        if held is not None:
            source = Source(name.rpartition("/")[2], _holder(held))
            return Log(read_log([source], about=about, window=window))
    return Log(
        None, "No audit log was named; it lies on the control plane nodes: -p audit_log=FILE or FOLDER."
    )


def _decoded(body: bytes) -> Log:
    try:
        return Log(msgspec.json.decode(body, type=Reading))
    except NOT_JSON:
        return Log(None, "What an earlier run left of its audit log in the case is damaged.")


def _place(target: Audited) -> str:
    """The namespace of what is asked about. That of the parameter's default says nothing."""
    return "" if target.namespace == "default" else target.namespace


def _window(target: Audited) -> tuple[datetime, datetime] | None:
    """Around the alert, when there was one: a log is history, and is read as a whole otherwise."""
    text = target.option("alert_time")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    reach = timedelta(seconds=target.since)
    try:
        return (at - reach, at + reach)
    except OverflowError:
        return None


def _opener(path: Path) -> Callable[[], Iterator[bytes]]:
    return lambda: chunks(path)


def _holder(body: bytes) -> Callable[[], Iterator[bytes]]:
    return lambda: pieces_of(body)


def _measured(pieces: Iterator[bytes], one: FileRead) -> Iterator[bytes]:
    for piece in pieces:
        one.size += len(piece)
        yield piece
