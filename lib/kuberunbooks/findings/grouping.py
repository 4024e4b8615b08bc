"""Many objects with the same cause under the same owner are one finding with a count."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .model import Finding, Subject


class Owner(NamedTuple):
    """Who made an object: `deployment/web`, and how many such objects it has. Empty text: nobody."""

    text: str = ""
    total: int = 0


_FOLDED_FROM = 20
"""From this many on, pods nobody owns are one finding too when all else is equal."""

Key = tuple[object, ...]


def group(findings: Iterable[Finding], owner_of: Callable[[Subject], Owner]) -> list[Finding]:
    """One finding per code, severity, owner, container and `group`; the first is the worked example.

    `owner_of` answers for every subject. Objects without an owner stay apart
    while they are few. The earliest `since` is kept.
    """
    members: dict[Key, list[Finding]] = {}
    for one in findings:
        one.owner, one.total = owner_of(one.subject)
        subject = one.subject
        key = (
            one.code,
            one.severity,
            subject.namespace,
            one.owner,
            subject.kind,
            subject.container,
            one.group,
        )
        members.setdefault(key, []).append(one)
    grouped: list[Finding] = []
    for alike in members.values():
        crowd = alike[0].subject.kind == "Pod" and len(alike) >= _FOLDED_FROM
        if alike[0].owner or crowd:
            grouped.append(_fold(alike))
        else:
            by_name: dict[str, list[Finding]] = {}
            for one in alike:
                by_name.setdefault(one.subject.name, []).append(one)
            grouped.extend(_fold(same) for same in by_name.values())
    return grouped


def _fold(alike: list[Finding]) -> Finding:
    """The first, speaking for all; a rule that has counted by itself (`count`, `affected`) is believed."""
    first = alike[0]
    first.affected = list(dict.fromkeys(name for one in alike for name in (one.subject.name, *one.affected)))
    first.count = max(len(first.affected), first.count)
    first.since = min((one.since for one in alike if one.since is not None), default=None)
    return first
