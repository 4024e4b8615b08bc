"""What a source of answers must do: a live API server and a recorded case do the same.

`Cluster` turns these bytes into typed objects; the recorder wraps a source and
keeps what passes. Nothing above the cluster layer sees a Source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from .coverage import Coverage, Origin
from .transcripts import Transcript

RawQuery = Sequence[tuple[str, str]]
"""The options of a GET that is no list, in order: `(("verbose", ""),)`."""


class Page(NamedTuple):
    """One answer to a list request: the JSON bytes, and the API path they were read from."""

    path: str
    body: bytes
    restart: bool = False


class LogQuery(NamedTuple):
    """Which log, and how much of it at most."""

    namespace: str
    pod: str
    container: str
    previous: bool = False
    tail_lines: int = 500
    limit_bytes: int = 1 << 20


class Source(Protocol):
    """Raw answers by API path. Every method raises ClusterError subclasses of kuberunbooks.errors only."""

    selects: bool
    """True when `pages` applies selectors and `item` reads one object; else the caller filters the lists."""

    coverage: Coverage
    """Filled as things are read or refused."""

    def origin(self) -> Origin:
        """Where the answers come from (who asks, server version)."""
        ...

    def now(self) -> datetime:
        """The server's time, UTC; in a case the moment of the recording."""
        ...

    def pages(self, path: str, *, labels: str = "", fields: str = "", whole: bool = False) -> Iterator[Page]:
        """The list at `path` (`api/v1/namespaces/shop/pods`), page by page.

        `whole` asks for it in one answer from the watch cache (nodes), so that
        the number of requests does not grow with the cluster. A walk the server
        ends with 410 Gone is started over; the page that starts it over has
        `restart` set and supersedes those before it.
        """
        ...

    def item(self, path: str) -> bytes:
        """One object (only when `selects`)."""
        ...

    def log(self, query: LogQuery) -> bytes:
        """A container's log, with timestamps."""
        ...

    def raw(self, path: str, query: RawQuery = (), *, patient: bool = True, name: str = "") -> bytes:
        """Any other GET: `readyz`, `version`. Without `patient` a 5xx is an answer and not tried again.

        `name` is what a case calls the answer where path and options do not: they name a time of the run.
        """
        ...

    def elsewhere(self, name: str, ask: Callable[[], bytes]) -> bytes:
        """What `ask` gets from a server beside the API server; a case gives what it calls `name` instead."""
        ...

    def recorded(self, path: str) -> bytes | None:
        """A raw answer that a case holds; None where it does not. A live server is not asked."""
        ...

    def transcripts(self) -> list[Transcript]:
        """What commands printed that were run before; a live server has none."""
        ...

    def is_complete(self, path: str, labels: str = "", fields: str = "") -> bool:
        """Whether all that the selectors let through can be read here; False when it was not recorded."""
        ...

    def close(self) -> None:
        """Gives back connections and files."""
        ...
