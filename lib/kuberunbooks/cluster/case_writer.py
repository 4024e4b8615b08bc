"""Making a case.zip: what was read in pieces becomes one file per list, redacted, packed, written at once.

Used by the recorder for a live run, and for a run on a case to hand on a redacted copy of it.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from kuberunbooks.errors import NotFound, Refused
from kuberunbooks.objects import NOT_JSON
from kuberunbooks.redaction import Redactor
from kuberunbooks.redaction.audit_log import clean_audit_log, is_audit_log

from .case import CaseSource, Identified
from .manifest import Manifest, selector_text
from .transcripts import Transcript

Bodies = Callable[[], Iterable[bytes]]
"""Reads the answers again, one at a time: a case may be larger than memory should be."""

_LEVEL = 3
"""Of deflate: API JSON is packed in half the time the default takes, and a tenth larger."""


class Read(NamedTuple):
    """A list that was read to its end: its API path, its selectors (empty: none), its pages.

    `single`: one object that was read by its own path; then the body is the object.
    """

    path: str
    selector: str
    bodies: Bodies
    single: bool = False


class Recorded(NamedTuple):
    """Everything a run read, by API path (logs by their path in the case)."""

    lists: list[Read]
    items: dict[str, Bodies]
    logs: dict[str, Bodies]
    raw: dict[str, Bodies]
    errors: dict[str, Refused]
    transcripts: Sequence[Transcript] = ()


class CaseWriter:
    """Writes cases through one redactor, so that names of secrets agree with the report's."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def write(self, path: Path, recorded: Recorded, manifest: Manifest) -> Manifest:
        """Writes what a run recorded; hands back the manifest as written."""
        parts = _by_list(recorded)
        for reads in parts.values():
            self._learn(reads)
        with new_zip(path, manifest.recorded_at) as archive:
            for name in sorted(parts):
                self._write_list(archive, name, parts[name], manifest)
            for name, bodies in sorted(recorded.logs.items()):
                archive.add(name, (self._redactor.secrets_in_bytes(body) for body in bodies()))
            for name, bodies in sorted(recorded.raw.items()):
                self._write_raw(archive, name, b"".join(bodies()))
            for name, error in sorted(recorded.errors.items()):
                self._write_error(archive, name, error)
            self._write_transcripts(archive, recorded.transcripts, 1)
            self._finish(archive, manifest)
        return manifest

    def copy(self, path: Path, case: CaseSource, transcripts: Sequence[Transcript] = ()) -> None:
        """Writes a redacted copy of a whole case, with transcripts that it does not hold.

        One that was redacted when recorded and gets no more is copied as it is.
        """
        as_it_is = case.manifest.redacted and not transcripts
        if as_it_is and case.path.is_file() and zipfile.is_zipfile(case.path):
            temporary = _temporary(path)
            try:
                shutil.copyfile(case.path, temporary)
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
            return
        manifest = msgspec.structs.replace(case.manifest, recorded_at=case.now())
        self._redactor.reserve(manifest.redactions)
        names = [name for name in case.files.names() if name != "manifest.json"]
        for name in names:
            if name.endswith(".json") and name.startswith(("api/", "apis/")):
                self._redactor.learn_json(case.files.read(name))
        with new_zip(path, manifest.recorded_at) as archive:
            for name in names:
                archive.add(name, [self._clean(name, case.files.read(name))])
            held = sum(name.startswith("transcripts/") for name in names)
            self._write_transcripts(archive, transcripts, held + 1)
            self._finish(archive, manifest)

    def _clean(self, name: str, body: bytes) -> bytes:
        if is_audit_log(name):
            return clean_audit_log(body, self._redactor)
        clean = self._redactor.json if name.endswith(".json") else self._redactor.secrets_in_bytes
        return clean(body)

    def _learn(self, reads: list[Read]) -> None:
        # Before anything is written: the secret of one list may be quoted in another that comes first.
        for read in reads:
            for body in read.bodies():
                self._redactor.learn_json(body)

    def _write_list(self, archive: Packed, path: str, reads: list[Read], manifest: Manifest) -> None:
        whole = [read for read in reads if not read.selector]
        if not whole:
            manifest.partial[path] = sorted(read.selector for read in reads)
        archive.add(f"{path}.json", self._list(whole[-1:] or reads))

    def _list(self, reads: list[Read]) -> Iterator[bytes]:
        """One list of all objects in the answers, each once."""
        seen: set[tuple[str, str]] = set()
        separator = b""
        for read in reads:
            for body in read.bodies():
                page = _split(self._redactor.json(body), single=read.single)
                if page is None:
                    # No list at all (a proxy's page): kept, so that the case fails as the cluster did.
                    yield body
                    return
                if not separator:
                    yield page.start
                    separator = b"\n"
                for item in page.items:
                    if len(reads) > 1 and not _first_time(item, seen):
                        continue
                    yield separator + item
                    separator = b",\n"
        yield b"]}\n"

    def _write_raw(self, archive: Packed, path: str, body: bytes) -> None:
        # The lines of a health check begin with [+] or [-].
        is_json = body.lstrip()[:1] in (b"{", b"[") and body.lstrip()[:2] not in (b"[+", b"[-")
        clean = self._redactor.json(body) if is_json else self._redactor.secrets_in_bytes(body)
        place = quote(path, safe="/")
        name = "version.json" if path == "version" else f"raw/{place}.{'json' if is_json else 'txt'}"
        archive.add(name, [clean])

    def _write_transcripts(self, archive: Packed, transcripts: Sequence[Transcript], first: int) -> None:
        for number, one in enumerate(transcripts, first):
            body = self._redactor.json(msgspec.json.encode(one.recorded()))
            archive.add(f"transcripts/{number:03}.json", [body])

    def _write_error(self, archive: Packed, path: str, error: Refused) -> None:
        root = "" if path.startswith("logs/") else "errors/"
        place = path if root == "" else quote(path, safe="/")
        name = f"{root}{place}.{error.status}"
        if error.text:
            archive.add(f"{name}.txt", [self._redactor.secrets_of(error.text).encode()])
            return
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self._redactor.secrets_of(str(error)),
            "code": error.status,
        }
        if isinstance(error, NotFound):
            # What tells, on reading it again, an object that is not there from a path nobody serves.
            status["details"] = {"name": path.rpartition("/")[2]}
        archive.add(f"{name}.json", [msgspec.json.encode(status)])

    def _finish(self, archive: Packed, manifest: Manifest) -> None:
        manifest.redacted = True
        manifest.redactions = self._redactor.counts
        body = msgspec.json.format(msgspec.json.encode(self._redactor.struct(manifest)), indent=2)
        archive.add("manifest.json", [body + b"\n"])


def _by_list(recorded: Recorded) -> dict[str, list[Read]]:
    """Everything that belongs into one file, in an order that does not depend on which thread was first."""
    parts: dict[str, list[Read]] = {}
    reads = list(recorded.lists)
    for path, bodies in recorded.items.items():
        folder, _, name = path.rpartition("/")
        reads.append(Read(folder, selector_text("", f"metadata.name={name}"), bodies, single=True))
    for read in sorted(reads, key=lambda read: (read.path, read.selector, read.single)):
        parts.setdefault(read.path, []).append(read)
    return parts


class _Page(NamedTuple):
    start: bytes
    items: list[bytes]


def _split(body: bytes, *, single: bool) -> _Page | None:
    """A list answer as its beginning (up to the items' bracket) and its items; None when it is no list."""
    try:
        envelope = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        if single:
            items = [body.strip()]
        else:
            items = [
                bytes(raw)
                for raw in msgspec.json.decode(envelope["items"], type=list[msgspec.Raw] | None) or []
            ]
        kind = msgspec.json.decode(envelope.get("kind", b'""'), type=str)
        version = msgspec.json.decode(envelope.get("apiVersion", b'"v1"'), type=str)
        meta = msgspec.json.decode(envelope.get("metadata", b"{}"), type=dict[str, Any])
    except (*NOT_JSON, KeyError):
        return None
    # The numbers of a page, and of an object, mean nothing for the list made of them.
    kept = {} if single else {key: meta[key] for key in meta if key == "resourceVersion"}
    head = {"kind": f"{kind}List" if single and kind else kind, "apiVersion": version, "metadata": kept}
    return _Page(msgspec.json.encode(head)[:-1] + b',"items":[', items)


def _first_time(item: bytes, seen: set[tuple[str, str]]) -> bool:
    try:
        meta = msgspec.json.decode(item, type=Identified).metadata
    except NOT_JSON:
        return True
    key = (meta.namespace, meta.name)
    if key in seen:
        return False
    seen.add(key)
    return True


class Packed:
    """A zip being written. Same input, same bytes: names come sorted, times are the recording's."""

    def __init__(self, archive: zipfile.ZipFile, at: datetime | None) -> None:
        self._zip = archive
        self._at = at.timetuple()[:6] if at is not None and at.year >= 1980 else (1980, 1, 1, 0, 0, 0)

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """One file, written as its chunks come."""
        member = zipfile.ZipInfo(name, self._at)
        member.compress_type = zipfile.ZIP_DEFLATED
        member.external_attr = 0o644 << 16
        with self._zip.open(member, "w", force_zip64=True) as file:
            for chunk in chunks:
                file.write(chunk)


@contextmanager
def new_zip(path: Path, at: datetime | None) -> Iterator[Packed]:
    """A zip that appears at `path` when the block ends well, and not at all otherwise."""
    temporary = _temporary(path)
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            yield Packed(archive, at)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.part")
