"""A recorded case as a source of answers.

Laid out as the API is: `api/v1/namespaces/NS/pods.json` is what the server sent
for that list, `errors/PATH.STATUS.json` what it refused, `logs/NS/POD/C.log` a
log. Selectors are applied by the caller (`selects` is False). Time stands still
at `recorded_at`, or at the newest time written anywhere in the case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kuberunbooks.errors import BadAnswer, CaseAlien, NotCollected

from .archive import Archive, open_archive
from .coverage import Coverage, Origin, Refusal
from .http_errors import refusal, status_message
from .source import LogQuery, Page

_TIMES = re.compile(
    rb'"(?:time|lastTimestamp|eventTime|lastObservedTime|renewTime|recorded_at|at)": ?"'
    rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"
)
_LOG_TIME = re.compile(rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)[^\n]*\n?\Z", re.MULTILINE)


class Manifest(msgspec.Struct):
    """manifest.json: see docs/case-format.md. Every field may be missing."""

    format: int = 1
    recorded_at: datetime | None = None
    server_version: str = ""
    server: str = ""
    context: str = ""
    user: str = ""
    scope: dict[str, Any] = {}
    partial: dict[str, list[str]] = {}
    not_collected: list[dict[str, Any]] = []
    redactions: dict[str, int] = {}


class CaseSource:
    """Answers from a recorded case."""

    selects = False

    def __init__(self, path: str | Path) -> None:
        """Opens a case. Raises CaseMissing, CaseUnreadable, CaseAlien, CaseHostile."""
        self._path = Path(path)
        self._files: Archive = open_archive(self._path)
        self._names = set(self._files.names())
        if not any(name == "version.json" or name.startswith(("api/", "apis/")) for name in self._names):
            raise CaseAlien(f"{self._path} is no recorded case.")
        self.manifest = self._read_manifest()
        self.coverage = Coverage()
        self._now: datetime | None = self.manifest.recorded_at

    def origin(self) -> Origin:
        """Where the answers come from."""
        version = self.manifest.server_version
        if not version and "version.json" in self._names:
            try:
                version = str(msgspec.json.decode(self._files.read("version.json")).get("gitVersion", ""))
            except (msgspec.DecodeError, AttributeError):
                version = ""
        return Origin(
            kind="case",
            case=self._path.name,
            server=self.manifest.server,
            context=self.manifest.context,
            user=self.manifest.user,
            server_version=version,
            recorded_at=self.now(),
        )

    def now(self) -> datetime:
        """The moment of the recording."""
        if self._now is None:
            self._now = self._newest_time()
        return self._now

    def pages(self, path: str, *, labels: str = "", fields: str = "", whole: bool = False) -> Iterator[Page]:
        """The recorded list; for all namespaces, the list of every namespace there is."""
        del labels, fields, whole
        names = self._files_for(path)
        if not names:
            self._raise_recorded(path)
        for name in names:
            self.coverage.requests += 1
            yield Page(name.removesuffix(".json"), self._files.read(name))

    def item(self, path: str) -> bytes:
        """Not in a case: `Cluster` looks into the list."""
        raise NotImplementedError(path)

    def log(self, query: LogQuery) -> bytes:
        """A recorded log, or the recorded refusal of it."""
        stem = f"logs/{query.namespace}/{query.pod}/{query.container}" + (
            ".previous" if query.previous else ""
        )
        try:
            body = self._files.read(f"{stem}.log")
        except KeyError:
            self._raise_status(f"{stem}.log.", stem)
            raise NotCollected("The case does not hold this log.", path=stem) from None
        return _tail(body, query.tail_lines, query.limit_bytes)

    def raw(self, path: str) -> bytes:
        """Another recorded GET."""
        for name in (f"raw/{path}.txt", f"raw/{path}.json", f"{path}.json"):
            if name in self._names:
                return self._files.read(name)
        self._raise_recorded(path)
        raise NotCollected(f"The case does not hold {path}.", path=path)

    def is_complete(self, path: str) -> bool:
        """Whether the whole list was recorded."""
        if path in self.manifest.partial:
            return False
        if f"{path}.json" in self._names:
            return True
        names = self._files_for(path)
        if not names:
            return False
        recorded = {name.split("/namespaces/")[1].split("/")[0] for name in names}
        try:
            listed = msgspec.json.decode(self._files.read("api/v1/namespaces.json"))
            existing = {item["metadata"]["name"] for item in listed["items"]}
        except (KeyError, TypeError, msgspec.DecodeError):
            return False
        return existing <= recorded

    def close(self) -> None:
        """Closes the archive."""
        self._files.close()

    def _files_for(self, path: str) -> list[str]:
        if f"{path}.json" in self._names:
            return [f"{path}.json"]
        root, _, plural = path.rpartition("/")
        if "/namespaces/" in path:
            return []
        pattern = re.compile(re.escape(root) + r"/namespaces/[^/]+/" + re.escape(plural) + r"\.json")
        return sorted(name for name in self._names if pattern.fullmatch(name))

    def _raise_recorded(self, path: str) -> None:
        self._raise_status(f"errors/{path}.", path)
        group = "/".join(path.split("/")[:3]) if path.startswith("apis/") else path
        self._raise_status(f"errors/{group}.", path)
        self.coverage.miss(Refusal(what=f"read {path}", why="the case does not hold it", path=path))
        raise NotCollected(f"The case does not hold {path}.", path=path)

    def _raise_status(self, prefix: str, path: str) -> None:
        name = next(
            (name for name in sorted(self._names) if re.fullmatch(re.escape(prefix) + r"\d+\.json", name)), ""
        )
        if not name:
            return
        status = int(name.removesuffix(".json").rpartition(".")[2])
        raise refusal(status, status_message(self._files.read(name)), path)

    def _read_manifest(self) -> Manifest:
        try:
            return msgspec.json.decode(self._files.read("manifest.json"), type=Manifest, strict=False)
        except KeyError:
            return Manifest()
        except msgspec.DecodeError as error:
            raise CaseAlien(f"The manifest.json of {self._path} cannot be read: {error}.") from error

    def _newest_time(self) -> datetime:
        newest = b""
        for name in self._names:
            if name.endswith(".json") and not name.startswith("errors/"):
                newest = max([newest, *_TIMES.findall(self._files.read(name))])
            elif name.endswith(".log"):
                found = re.findall(rb"(?m)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)", self._files.read(name)[-4096:])
                newest = max([newest, *(time + b"Z" for time in found)])
        if not newest:
            raise BadAnswer(f"The case {self._path} holds no time at all.")
        return datetime.fromisoformat(newest[:19].decode()).replace(tzinfo=UTC)


def _tail(body: bytes, lines: int, limit: int) -> bytes:
    body = body[-limit:]
    place = len(body)
    for _ in range(lines + 1):
        place = body.rfind(b"\n", 0, place)
        if place < 0:
            return body
    return body[place + 1 :]
