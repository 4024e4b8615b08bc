"""A recorded case as a source of answers.

Laid out as the API is: `api/v1/namespaces/NS/pods.json` is what the server sent
for that list, `errors/PATH.STATUS.json` what it refused, `logs/NS/POD/C.log` a
log (docs/case-format.md). Selectors are applied by the caller (`selects` is
False). A question the recording did not ask is answered NotCollected, never
"none". Time stands still at `recorded_at`, or at the newest time in the case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import msgspec

from kuberunbooks.errors import (
    BadAnswer,
    CaseAlien,
    CaseError,
    ClusterError,
    CredentialsFailed,
    NotCollected,
    TimedOut,
    TlsFailed,
    Unreachable,
)
from kuberunbooks.objects import NOT_JSON

from .archive import ROOTS, Archive, open_archive
from .case_time import newest_time
from .coverage import Coverage, Origin, Refusal
from .http_errors import refusal
from .manifest import Gap, Manifest, covers, read_manifest
from .raw_names import raw_name
from .source import LogQuery, Page, RawQuery
from .transcripts import Transcript, decode_transcripts

_FILES_OF_A_CASE = ("version.json", "manifest.json", "audit.log", "policy.yaml")
_UNANSWERED: dict[str, type[ClusterError]] = {
    kind.__name__: kind for kind in (Unreachable, TlsFailed, TimedOut, CredentialsFailed)
}
_ONE_OBJECT = re.compile(r"metadata\.name=(?P<name>[^,=!]+)")
_STATUS = re.compile(r"(?P<path>.+)\.(?P<status>[45]\d\d)\.(?:json|txt)")


class CaseSource:
    """Answers from a recorded case."""

    selects = False

    def __init__(self, path: str | Path) -> None:
        """Opens a case. Raises CaseMissing, CaseUnreadable, CaseAlien, CaseHostile."""
        self.path = Path(path)
        self.files: Archive = open_archive(self.path)
        self._names = set(self.files.names())
        if not any(name in _FILES_OF_A_CASE or name.partition("/")[0] in ROOTS for name in self._names):
            raise CaseAlien(f"{self.path} is no recorded case.")
        self.manifest = Manifest()
        if "manifest.json" in self._names:
            self.manifest = read_manifest(self.files.read("manifest.json"), str(self.path))
        self._gaps = {gap.path: gap for gap in self.manifest.not_collected}
        self._refused = self._recorded_refusals()
        self._now = self.manifest.recorded_at
        self.coverage = Coverage()

    def origin(self) -> Origin:
        """Where the answers come from."""
        version = self.manifest.server_version
        if not version and "version.json" in self._names:
            try:
                version = str(msgspec.json.decode(self._read("version.json")).get("gitVersion", ""))
            except (*NOT_JSON, AttributeError):
                version = ""
        return Origin(
            kind="case",
            case=self.path.name,
            server=self.manifest.server,
            context=self.manifest.context,
            user=self.manifest.user,
            certificate_begins=self.manifest.certificate_begins,
            certificate_ends=self.manifest.certificate_ends,
            server_version=version,
            recorded_at=self.now(),
        )

    def now(self) -> datetime:
        """The moment of the recording, UTC. Raises BadAnswer when the case holds no time at all."""
        if self._now is None:
            self._now = newest_time(self.files.names(), self._read_sound)
        if self._now is None:
            raise BadAnswer(
                f"The case {self.path} holds no time at all.",
                advice='Add a manifest.json with {"recorded_at": "2026-01-31T12:00:00Z"}.',
            )
        return self._now

    def pages(self, path: str, *, labels: str = "", fields: str = "", whole: bool = False) -> Iterator[Page]:
        """The recorded list; for all namespaces, the list of every namespace there is.

        Raises at once what was recorded in its place (Forbidden, NotFound, ...),
        or NotCollected.
        """
        del whole
        names = self._files_for(path)
        if (one := _ONE_OBJECT.fullmatch(fields)) is not None:
            self._raise_recorded(f"{path}/{one['name']}")
        if names != [f"{path}.json"] or not (labels or fields or self._is_whole(path)):
            # A list that was refused stays refused, even when single objects or other parts of it were read.
            self._raise_recorded(path)
        if not names:
            raise self._not_collected(path)
        self.coverage.requests += len(names)
        return (self._page(name, path) for name in names)

    def item(self, path: str) -> bytes:
        """Not in a case: `Cluster` looks into the list."""
        raise NotImplementedError(path)

    def log(self, query: LogQuery) -> bytes:
        """A recorded log, or the recorded refusal of it."""
        place = "/".join(quote(part, safe="") for part in (query.namespace, query.pod, query.container))
        stem = f"logs/{place}" + (".previous.log" if query.previous else ".log")
        if stem in self._names:
            return _tail(self._read(stem), query.tail_lines, query.limit_bytes)
        self._raise_recorded(stem)
        raise self._not_collected(stem)

    def raw(self, path: str, query: RawQuery = (), *, patient: bool = True, name: str = "") -> bytes:
        """Another recorded GET."""
        del patient
        return self._named(name or raw_name(path, query))

    def elsewhere(self, name: str, ask: Callable[[], bytes]) -> bytes:
        """What another server answered; it is not asked again."""
        del ask
        return self._named(name)

    def _named(self, name: str) -> bytes:
        found = self.recorded(name)
        if found is None:
            self._raise_recorded(name)
            raise self._not_collected(name)
        return found

    def recorded(self, path: str) -> bytes | None:
        """A recorded GET, if there is one; or a file that somebody laid into the case under this name."""
        place = quote(raw_name(path), safe="/")
        names = (f"raw/{place}.txt", f"raw/{place}.json", f"{place}.json", place)
        name = next((one for one in names if one in self._names), None)
        return self._read(name) if name is not None else None

    def transcripts(self) -> list[Transcript]:
        """The recorded transcripts in their order; a damaged one is noted and left out."""
        found: list[Transcript] = []
        for name in sorted(name for name in self._names if name.startswith("transcripts/")):
            try:
                found += decode_transcripts(self._read(name), name)
            except (BadAnswer, ValueError) as error:
                self.coverage.truncate(f"{name} ({error})")
        return found

    def is_complete(self, path: str, labels: str = "", fields: str = "") -> bool:
        """Whether everything the selectors let through at `path` was recorded."""
        names = self._files_for(path)
        if not names:
            return False
        for name in names:
            recorded = self.manifest.partial.get(name.removesuffix(".json"))
            if recorded is not None and not any(covers(one, labels, fields) for one in recorded):
                return False
        if "/namespaces/" in path or f"{path}.json" in names:
            return True
        return self._existing_namespaces() <= {_namespace_of(name) for name in names}

    def close(self) -> None:
        """Closes the archive."""
        self.files.close()

    def _read(self, name: str) -> bytes:
        """A file that is there. Raises BadAnswer when it is damaged: that costs a step, not the run."""
        try:
            return self.files.read(name)
        except CaseError as error:
            raise BadAnswer(str(error), advice=error.advice) from error

    def _read_sound(self, name: str) -> bytes:
        try:
            return self.files.read(name)
        except CaseError:
            return b""

    def _is_whole(self, path: str) -> bool:
        return all(name.removesuffix(".json") not in self.manifest.partial for name in self._files_for(path))

    def _files_for(self, path: str) -> list[str]:
        """The files that hold a list: its own, else that of all namespaces, else one of each namespace."""
        if f"{path}.json" in self._names:
            return [f"{path}.json"]
        root, _, plural = path.rpartition("/")
        if "/namespaces/" in path:
            everywhere = f"{root.partition('/namespaces/')[0]}/{plural}.json"
            return [everywhere] if everywhere in self._names else []
        pattern = re.compile(re.escape(root) + r"/namespaces/[^/]+/" + re.escape(plural) + r"\.json")
        return sorted(name for name in self._names if pattern.fullmatch(name))

    def _page(self, name: str, path: str) -> Page:
        body = self._read(name)
        if "/namespaces/" in path and "/namespaces/" not in name:
            body = of_namespace(body, path.partition("/namespaces/")[2].partition("/")[0])
        return Page(name.removesuffix(".json"), body)

    def _existing_namespaces(self) -> set[str]:
        path = "api/v1/namespaces"
        if f"{path}.json" not in self._names or path in self.manifest.partial:
            return {""}
        try:
            listed = msgspec.json.decode(self._read(f"{path}.json"))
            return {item["metadata"]["name"] for item in listed["items"]}
        except (*NOT_JSON, KeyError, TypeError):
            return {""}

    def _recorded_refusals(self) -> dict[str, tuple[int, str]]:
        refused: dict[str, tuple[int, str]] = {}
        for name in sorted(self._names):
            if name.startswith(("errors/", "logs/")) and (match := _STATUS.fullmatch(name)):
                refused[match["path"].removeprefix("errors/")] = (int(match["status"]), name)
        return refused

    def _raise_recorded(self, path: str) -> None:
        """Raises the recorded refusal of a path, or of the API group it belongs to."""
        parts = path.split("/")
        groups = ["/".join(parts[:3]), "/".join(parts[:2])] if path.startswith("apis/") else []
        for place in (path, quote(path, safe="/"), *groups):
            if place in self._refused:
                status, name = self._refused[place]
                raise refusal(status, self._read(name), path)

    def _not_collected(self, path: str) -> ClusterError:
        gap = self._gaps.get(path, Gap())
        if gap.error in _UNANSWERED:
            return _UNANSWERED[gap.error](gap.why)
        why = gap.why
        self.coverage.miss(Refusal(what=f"read {path}", why=why or "the case does not hold it", path=path))
        return NotCollected(why or f"The case does not hold {path}.", path=path)


class _Named(msgspec.Struct):
    name: str = ""
    namespace: str = ""


class Identified(msgspec.Struct):
    """As much of an object as tells it from others."""

    metadata: _Named = msgspec.field(default_factory=_Named)


def of_namespace(body: bytes, namespace: str) -> bytes:
    """A list of all namespaces cut down to one, objects undecoded. Odd bytes come back as they are."""
    try:
        envelope = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        items = msgspec.json.decode(envelope["items"], type=list[msgspec.Raw])
        kept = [one for one in items if _namespace_in(one) == namespace]
    except (*NOT_JSON, KeyError):
        return body
    return msgspec.json.encode(envelope | {"items": kept})


def _namespace_in(item: msgspec.Raw) -> str:
    return msgspec.json.decode(item, type=Identified).metadata.namespace


def _namespace_of(name: str) -> str:
    return name.partition("/namespaces/")[2].partition("/")[0]


def _tail(body: bytes, lines: int, limit: int) -> bytes:
    body = body[-limit:]
    place = len(body)
    for _ in range(lines + 1):
        place = body.rfind(b"\n", 0, place)
        if place < 0:
            return body
    return body[place + 1 :]
