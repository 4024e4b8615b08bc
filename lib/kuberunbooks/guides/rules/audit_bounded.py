"""Counting a stream of any length in bounded memory.

A log may hold millions of users (service accounts of short-lived namespaces) and a
hostile one invents them: what counts by name keeps the most frequent and says how many
it let go. Nothing here depends on the order of the events, so logs of several API
servers may be read one after the other. Used by the rules on audit logs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
T = TypeVar("T")

_MOST_SECONDS = 4096
"""Different seconds a `Burst` keeps: more than ten times what it takes to fill a window of five minutes."""


class Bounded(Generic[K, V]):
    """A dictionary that keeps the `most` heaviest entries; `let_go` counts those it forgot.

    It is allowed twice as many before it sorts them out, which makes that cheap.
    """

    def __init__(self, most: int, make: Callable[[K], V], weight: Callable[[V], int]) -> None:
        self.let_go = 0
        self._most = most
        self._make = make
        self._weight = weight
        self._held: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        found = self._held.get(key)
        if found is None:
            if len(self._held) >= 2 * self._most:
                self._sort_out()
            found = self._held[key] = self._make(key)
        return found

    def get(self, key: K) -> V | None:
        """The entry, if it is held."""
        return self._held.get(key)

    def __len__(self) -> int:
        return len(self._held)

    def items(self) -> Iterator[tuple[K, V]]:
        """Everything held."""
        return iter(self._held.items())

    def _sort_out(self) -> None:
        kept = sorted(self._held.items(), key=lambda one: self._weight(one[1]), reverse=True)[: self._most]
        self.let_go += len(self._held) - len(kept)
        self._held = dict(kept)


class Peak(NamedTuple):
    """The most that happened within one window: how often, from when to when."""

    times: int
    first: datetime
    last: datetime


class Burst:
    """How often something happened, and the most of it within `window` seconds, to the second."""

    def __init__(self, window: float) -> None:
        self.count = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._window = window
        self._seconds: dict[int, int] = {}
        self._before: Peak | None = None

    def add(self, at: datetime) -> None:
        """Once more, at that time. In any order."""
        self.count += 1
        if self.first is None or at < self.first:
            self.first = at
        if self.last is None or at > self.last:
            self.last = at
        second = int(at.timestamp())
        self._seconds[second] = self._seconds.get(second, 0) + 1
        if len(self._seconds) > _MOST_SECONDS:
            self._forget()

    def peak(self) -> Peak | None:
        """The fullest window; None when nothing happened."""
        best = self._before
        for start, stop, count in self._windows():
            if best is None or count > best.times:
                best = Peak(count, _time(start), _time(stop))
        return best

    def _windows(self) -> Iterator[tuple[int, int, int]]:
        seconds = sorted(self._seconds)
        sums = [0]
        for second in seconds:
            sums.append(sums[-1] + self._seconds[second])
        for index, start in enumerate(seconds):
            stop = bisect_left(seconds, start + int(self._window) + 1)
            yield start, seconds[stop - 1], sums[stop] - sums[index]

    def _forget(self) -> None:
        """Lets the older half go; its fullest window is remembered."""
        self._before = self.peak()
        seconds = sorted(self._seconds)
        for second in seconds[: len(seconds) // 2]:
            del self._seconds[second]


class Sample(Generic[T]):
    """The first and the last of many, and how many there were."""

    def __init__(self, first: int, last: int) -> None:
        self.count = 0
        self._most = first
        self._first: list[T] = []
        self._last: deque[T] = deque(maxlen=last)

    def add(self, one: T) -> None:
        """One more."""
        self.count += 1
        if len(self._first) < self._most:
            self._first.append(one)
        else:
            self._last.append(one)

    def __iter__(self) -> Iterator[T]:
        yield from self._first
        yield from self._last

    @property
    def omitted(self) -> int:
        """How many were not kept."""
        return self.count - len(self._first) - len(self._last)


def _time(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
