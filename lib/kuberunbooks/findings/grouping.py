"""Many objects with the same cause under the same owner are one finding with a count."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from .model import Finding, Subject


class Owner(NamedTuple):
    """Who made an object: `deployment/web`, and how many such objects it has. Empty text: nobody."""

    text: str = ""
    total: int = 0


def group(findings: Iterable[Finding], owner_of: Callable[[Subject], Owner]) -> list[Finding]:
    """One finding per code, severity, owner, container and `group`; the first is the worked example.

    `owner_of` answers for every subject. Findings about objects without an
    owner stay apart. The earliest `since` is kept.
    """
    found: dict[tuple[object, ...], Finding] = {}
    for one in findings:
        owner = owner_of(one.subject)
        one.owner, one.total = owner.text, owner.total
        subject = one.subject
        apart = "" if owner.text else subject.name
        key = (
            one.code,
            one.severity,
            subject.namespace,
            owner.text,
            apart,
            subject.kind,
            subject.container,
            one.group,
        )
        first = found.get(key)
        if first is None:
            one.affected = [subject.name]
            found[key] = one
        elif subject.name not in first.affected[-1:]:
            first.affected.append(subject.name)
            first.count = len(first.affected)
            if one.since is not None and (first.since is None or one.since < first.since):
                first.since = one.since
    return list(found.values())
