"""Recording what a run reads, and writing it as a case that answers the same run again.

`RecordingSource` stands between `Cluster` and a live source. While the run reads, the
answers go to an anonymous temporary file as they are; merging, redaction and
packing happen in `write`, after the last step, so that recording does not slow
the reading. The notebook session makes it and writes the case in its closing cell.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import quote

from kuberunbooks.errors import ClusterError, Gone, NotCollected, Refused
from kuberunbooks.redaction import Redactor

from .case_writer import CaseWriter, Read, Recorded
from .coverage import Origin
from .manifest import Gap, Manifest, selector_text
from .raw_names import raw_name
from .source import LogQuery, Page, RawQuery, Source
from .transcripts import Transcript


class _Slice(NamedTuple):
    """Where an answer stands in the spool."""

    start: int
    length: int


class Spool:
    """Answers kept outside memory. The file has no name and goes with the process."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the run
        self._end = 0
        self._lock = Lock()
        self._failure: OSError | None = None

    def keep(self, body: bytes) -> _Slice:
        """Stores an answer. Safe to call from several threads."""
        with self._lock:
            place = _Slice(self._end, len(body))
            if self._failure is None:
                try:
                    self._file.seek(self._end)
                    self._file.write(body)
                    self._file.flush()
                    self._end += len(body)
                except OSError as error:
                    # A full disk must not stop the diagnosis; `read` says so when the case is written.
                    self._failure = error
            return place

    def read(self, place: _Slice) -> bytes:
        """An answer that was stored. Raises OSError when not everything could be."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._file.seek(place.start)
            return self._file.read(place.length)

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()


class RecordingSource:
    """A source that keeps what passes through it; answers and errors go on unchanged.

    Set `scope` to what the run was about (runbook, namespace, target): it goes
    into the manifest.
    """

    def __init__(self, source: Source) -> None:
        self.scope: dict[str, Any] = {}
        self.selects = source.selects
        self.coverage = source.coverage
        self._source = source
        self._spool = Spool()
        self._lists: dict[tuple[str, str], list[_Slice]] = {}
        self._items: dict[str, _Slice] = {}
        self._logs: dict[tuple[str, str, str, bool], _Slice] = {}
        self._raw: dict[str, _Slice] = {}
        self._errors: dict[str, Refused] = {}
        self._gaps: dict[str, Gap] = {}
        self._now: datetime | None = None

    def origin(self) -> Origin:
        """Where the answers come from."""
        return self._source.origin()

    def now(self) -> datetime:
        """The source's time when it was asked for first, UTC.

        The run judges every age by it, and so must a run on the case.
        """
        if self._now is None:
            self._now = self._source.now()
        return self._now

    def pages(self, path: str, *, labels: str = "", fields: str = "", whole: bool = False) -> Iterator[Page]:
        """The list, page by page; it counts as recorded once its last page has passed."""
        kept: list[_Slice] = []
        try:
            for page in self._source.pages(path, labels=labels, fields=fields, whole=whole):
                if page.restart:
                    kept.clear()
                kept.append(self._spool.keep(page.body))
                yield page
        except ClusterError as error:
            self._failed(path, error)
            raise
        except GeneratorExit:
            self._gaps[path] = Gap(path=path, why="The answer could not be read to its end.")
            raise
        self._lists[path, selector_text(labels, fields)] = kept

    def item(self, path: str) -> bytes:
        """One object."""
        try:
            body = self._source.item(path)
        except ClusterError as error:
            self._failed(path, error)
            raise
        self._items[path] = self._spool.keep(body)
        return body

    def log(self, query: LogQuery) -> bytes:
        """A log; of several reads of the same one the longest is kept."""
        key = (query.namespace, query.pod, query.container, query.previous)
        try:
            body = self._source.log(query)
        except ClusterError as error:
            self._failed(log_path(*key), error)
            raise
        known = self._logs.get(key)
        if known is None or known.length <= len(body):
            self._logs[key] = self._spool.keep(body)
        return body

    def raw(self, path: str, query: RawQuery = (), *, patient: bool = True, name: str = "") -> bytes:
        """Any other GET."""
        return self._named(
            name or raw_name(path, query), lambda: self._source.raw(path, query, patient=patient, name=name)
        )

    def elsewhere(self, name: str, ask: Callable[[], bytes]) -> bytes:
        """What another server answers."""
        return self._named(name, lambda: self._source.elsewhere(name, ask))

    def _named(self, name: str, read: Callable[[], bytes]) -> bytes:
        try:
            body = read()
        except ClusterError as error:
            self._failed(name, error)
            raise
        self._raw[name] = self._spool.keep(body)
        return body

    def recorded(self, path: str) -> bytes | None:
        """As the source itself."""
        return self._source.recorded(path)

    def transcripts(self) -> list[Transcript]:
        """As the source itself."""
        return self._source.transcripts()

    def is_complete(self, path: str, labels: str = "", fields: str = "") -> bool:
        """As the source itself."""
        return self._source.is_complete(path, labels, fields)

    def close(self) -> None:
        """Closes the source; what was recorded can still be written."""
        self._source.close()

    def write(self, path: Path, redactor: Redactor, transcripts: Sequence[Transcript] = ()) -> Manifest:
        """Writes the case to `path` (.zip), whole or not at all. Raises OSError when there is no room.

        `transcripts` are what was given to the run beside what it read.
        """
        origin = self.origin()
        manifest = Manifest(
            recorded_at=self.now() if origin.recorded_at is None else origin.recorded_at,
            server_version=origin.server_version,
            server=origin.server,
            context=origin.context,
            user=origin.user,
            certificate_begins=origin.certificate_begins,
            certificate_ends=origin.certificate_ends,
            scope=self.scope,
            not_collected=[gap for _, gap in sorted(self._gaps.items())],
        )
        recorded = Recorded(
            lists=[
                Read(name, selector, self._bodies(kept)) for (name, selector), kept in self._lists.items()
            ],
            items={name: self._bodies([kept]) for name, kept in self._items.items()},
            logs={log_path(*key): self._bodies([kept]) for key, kept in self._logs.items()},
            raw={name: self._bodies([kept]) for name, kept in self._raw.items()},
            errors=dict(self._errors),
            transcripts=transcripts,
        )
        return CaseWriter(redactor).write(path, recorded, manifest)

    def _bodies(self, kept: list[_Slice]) -> Any:
        return lambda: (self._spool.read(place) for place in kept)

    def _failed(self, path: str, error: ClusterError) -> None:
        if isinstance(error, NotCollected):
            return
        if isinstance(error, Refused) and not isinstance(error, Gone) and error.status:
            self._errors[path] = error
        else:
            self._gaps[path] = Gap(path=path, why=str(error), error=type(error).__name__)


def log_path(namespace: str, pod: str, container: str, previous: bool) -> str:
    """Where a log stands in a case."""
    place = "/".join(quote(part, safe="") for part in (namespace, pod, container))
    return f"logs/{place}" + (".previous.log" if previous else ".log")
