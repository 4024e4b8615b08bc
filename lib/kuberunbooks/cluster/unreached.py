"""A cluster that could not be reached, as a source: every question gets the same error, at once.

Guides that have something to say all the same (what is wrong with the way to the API
server, or with a file that was given) run on it. Called when a notebook opens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NoReturn

from kuberunbooks.errors import ClusterError

from .coverage import Coverage, Origin
from .source import LogQuery, Page, RawQuery
from .transcripts import Transcript


class UnreachedSource:
    """Answers every read with the error that kept us from the cluster."""

    selects = True

    def __init__(self, error: ClusterError, origin: Origin) -> None:
        self.error = error
        self.coverage = Coverage()
        self._origin = origin

    def origin(self) -> Origin:
        """Where answers would have come from."""
        return self._origin

    def now(self) -> datetime:
        """UTC, by our own clock."""
        return datetime.now(UTC)

    def pages(self, path: str, *, labels: str = "", fields: str = "", whole: bool = False) -> Iterator[Page]:
        """The error."""
        self._fail()

    def item(self, path: str) -> bytes:
        """The error."""
        self._fail()

    def log(self, query: LogQuery) -> bytes:
        """The error."""
        self._fail()

    def raw(self, path: str, query: RawQuery = (), *, patient: bool = True, name: str = "") -> bytes:
        """The error."""
        self._fail()

    def elsewhere(self, name: str, ask: Callable[[], bytes]) -> bytes:
        """What another server answers: that one may well be reached."""
        return ask()

    def recorded(self, path: str) -> bytes | None:
        """None: nothing is recorded here."""
        return None

    def transcripts(self) -> list[Transcript]:
        """None."""
        return []

    def is_complete(self, path: str, labels: str = "", fields: str = "") -> bool:
        """Never: nothing was seen."""
        return False

    def close(self) -> None:
        """There is nothing to give back."""

    def _fail(self) -> NoReturn:
        raise self.error
