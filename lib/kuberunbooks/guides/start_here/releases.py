"""Until when a Kubernetes minor release gets fixes, by the table in releases.yaml.

The Kubernetes project supports each minor release for about fourteen months, which is
the newest three of them (https://kubernetes.io/releases/version-skew-policy/#supported-versions).
The table is as old as this version of kuberunbooks, so what it does not know is counted
from the newest minor release that is known. Called by the step about the version.
"""

from __future__ import annotations

import functools
from datetime import date
from pathlib import Path
from typing import NamedTuple

import msgspec

from kuberunbooks.findings.words import read_yaml

from ..rules.version_skew import Minor, minor_version

SUPPORTED = 3
"""So many of the newest minor releases get fixes (the version skew policy)."""


class Release(msgspec.Struct, frozen=True):
    """A minor release: when it came out, and the day its fixes ended or will end."""

    released: date
    end_of_life: date


class _Table(msgspec.Struct):
    as_of: date
    releases: dict[str, Release]


class Support(NamedTuple):
    """What is known of a release: `ends` and `released` by the table, None for one it does not hold.

    `over` is None when nothing tells; `newer` counts the minor releases after it that are known.
    """

    over: bool | None
    ends: date | None
    released: date | None
    newest: Minor
    newer: int


def as_of() -> date:
    """The day of the table."""
    return _table().as_of


def support_of(minor: Minor, today: date, told: Minor | None = None) -> Support:
    """Whether `minor` still gets fixes on that day. `told` is the newest minor release somebody knows of."""
    known = {number: one for text, one in _table().releases.items() if (number := minor_version(text))}
    newest = max(number for number, one in known.items() if one.released <= max(today, _table().as_of))
    newest = max(newest, told) if told is not None else newest
    newer = newest[1] - minor[1] if newest[0] == minor[0] else 0
    release = known.get(minor)
    if release is not None:
        return Support(today > release.end_of_life, release.end_of_life, release.released, newest, newer)
    older_than_all = minor < min(known)
    over = True if older_than_all else (True if newer >= SUPPORTED else None if newer < 0 else False)
    return Support(over, None, None, newest, newer)


@functools.cache
def _table() -> _Table:
    return msgspec.convert(read_yaml(Path(__file__).with_name("releases.yaml")), _Table)
