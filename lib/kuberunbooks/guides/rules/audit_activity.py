"""What one user did of one kind (was refused, read secrets, deleted): counted, sampled, bounded.

Used by the rules on audit logs; `Activity` is what is left when the log has been read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from .audit_bounded import Bounded, Burst, Sample
from .audit_event import Deed

_MOST_NAMES = 64
_MOST_USERS = 60
_FIRST, _LAST = 3, 7


class Counted(msgspec.Struct):
    """A name and how often."""

    name: str
    count: int


class Activity(msgspec.Struct):
    """What a user did of one kind.

    `count` times between `first` and `last`; `peak_count` of them within one window, from
    `peak_first` to `peak_last`. `whats` counts `list secrets`, `places` namespaces (empty
    name: cluster-wide), `addresses` where the API server saw it come from, `agents` what
    the client claims to be. `deeds` are the first and last of them, `omitted` the others.
    """

    user: str
    acting_as: str
    count: int
    first: datetime
    last: datetime
    peak_count: int
    peak_first: datetime
    peak_last: datetime
    whats: list[Counted]
    places: list[Counted]
    addresses: list[Counted]
    agents: list[Counted]
    deeds: list[Deed]
    omitted: int

    @property
    def who(self) -> str:
        """`admin`, or `admin acting as viewer`."""
        return f"{self.user or 'nobody known'}{f' acting as {self.acting_as}' if self.acting_as else ''}"


class Account:
    """Gathers an Activity while the log is read; `window` is in seconds."""

    def __init__(self, user: str, acting_as: str, window: float) -> None:
        self.burst = Burst(window)
        self._user = user
        self._acting_as = acting_as
        self._sample: Sample[Deed] = Sample(_FIRST, _LAST)
        self._counts = {name: counter() for name in ("whats", "places", "addresses", "agents")}

    def add(self, deed: Deed) -> None:
        """One more deed."""
        self.burst.add(deed.at)
        self._sample.add(deed)
        for name, value in (
            ("whats", deed.what),
            ("places", deed.namespace),
            ("addresses", deed.address),
            ("agents", deed.agent),
        ):
            self._counts[name][value][0] += 1

    @property
    def deeds(self) -> list[Deed]:
        """The first and the last."""
        return list(self._sample)

    def activity(self) -> Activity | None:
        """The sum of it; None when nothing was added."""
        peak, first, last = self.burst.peak(), self.burst.first, self.burst.last
        if peak is None or first is None or last is None:
            return None
        return Activity(
            user=self._user,
            acting_as=self._acting_as,
            count=self.burst.count,
            first=first,
            last=last,
            peak_count=peak.times,
            peak_first=peak.first,
            peak_last=peak.last,
            deeds=sorted(self.deeds, key=lambda deed: deed.at),
            omitted=self._sample.omitted,
            **{name: top(values) for name, values in self._counts.items()},
        )


class Accounts:
    """One Account for each user, and whom it acted as."""

    def __init__(self, window: float, most: int) -> None:
        self._held: Bounded[tuple[str, str], Account] = Bounded(
            most, lambda key: Account(*key, window), lambda one: one.burst.count
        )

    def add(self, deed: Deed) -> None:
        """One more deed of whoever did it."""
        self._held[deed.user, deed.acting_as].add(deed)

    def held(self) -> list[Account]:
        """All accounts."""
        return [one for _, one in self._held.items()]

    def activities(self) -> list[Activity]:
        """Of the users with most, those with the fullest burst first."""
        return busiest(one.activity() for one in self.held())


def busiest(found: Iterable[Activity | None]) -> list[Activity]:
    """The activities to keep: the fullest burst first, then the most in all."""
    some = sorted((one for one in found if one is not None), key=lambda one: (-one.peak_count, -one.count))
    return some[:_MOST_USERS]


def counter() -> Bounded[str, list[int]]:
    """Counts by name: each entry is a list of one number."""
    return Bounded(_MOST_NAMES, lambda name: [0], lambda one: one[0])


def top(counts: Bounded[str, list[int]], most: int = 20) -> list[Counted]:
    """The most frequent, most frequent first."""
    found = [Counted(name, one[0]) for name, one in counts.items()]
    return sorted(found, key=lambda one: (-one.count, one.name))[:most]


def counted(counts: Mapping[str, int] | Iterable[tuple[str, int]]) -> list[Counted]:
    """All of a plain count, most frequent first."""
    pairs = counts.items() if isinstance(counts, Mapping) else counts
    return sorted((Counted(name, n) for name, n in pairs), key=lambda one: (-one.count, one.name))
