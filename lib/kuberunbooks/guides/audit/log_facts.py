"""What findings about an audit log have in common: subjects, evidence, times, and counts as text.

Used by the modules that turn a reading into findings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from kuberunbooks.findings import Mark, Severity, Subject
from kuberunbooks.objects import Evidence

from ..rules.audit_activity import Activity, Counted
from ..rules.audit_event import Deed
from ..rules.audit_words import actor, sentence

MOST_USERS = 8
"""Findings of one kind; the tables name more."""


def user(name: str) -> Subject:
    """A user as the subject of a finding."""
    return Subject(kind="User", namespace="", name=name or "nobody known")


def cite(deed: Deed, *fields: str) -> list[Evidence]:
    """Evidence out of an event, which its audit ID finds again: `user.username`, `objectRef.name`, ..."""
    values = {
        "user.username": deed.user,
        "impersonatedUser.username": deed.acting_as,
        "verb": deed.verb,
        "objectRef": f"{deed.kind} {deed.place}".strip(),
        "objectRef.name": deed.name,
        "requestURI": deed.path,
        "responseStatus.code": str(deed.code),
        "sourceIPs[-1]": deed.address,
        "stage": deed.stage,
        "level": deed.level,
        'annotations["authorization.k8s.io/reason"]': deed.allowed_by,
        "requestReceivedTimestamp": f"{deed.at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    return [Evidence(f"{deed.file}#{deed.audit_id}", name, values[name]) for name in fields if values[name]]


def moment(at: datetime) -> str:
    """A time of a log that may be old: with its date."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def clock(at: datetime) -> str:
    """As `moment`, for a column whose head says that it is UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def span(seconds: float) -> str:
    """A duration down to tenths of a second where that matters."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.0f} h"


def many(counts: Sequence[Counted], most: int = 4) -> list[str]:
    """`list secrets (6)`, the most frequent, and that there are more."""
    shown = [f"{one.name} ({one.count:,})" for one in counts[:most]]
    return [*shown, *(["more"] if len(counts) > most else [])]


def names(counts: Sequence[Counted]) -> list[str]:
    """The names that are not empty."""
    return [one.name for one in counts if one.name]


def facts_of(one: Activity) -> dict[str, Any]:
    """The facts most texts about a user's doings need."""
    return {
        "actor": actor(one.user, one.acting_as),
        "user": one.user,
        "times": one.count,
        "first": moment(one.first),
        "last": moment(one.last),
        "peak": one.peak_count,
        "peak_first": moment(one.peak_first),
        "peak_seconds": max(1.0, (one.peak_last - one.peak_first).total_seconds()),
        "whats": many(one.whats),
        "places": names(one.places),
        "everywhere": any(not place.name for place in one.places),
        "addresses": names(one.addresses)[:3],
        "agents": names(one.agents)[:2],
    }


def burst_mark(one: Activity, text: str, severity: Severity, kind: str = "event") -> Mark:
    """The busiest stretch on the timeline."""
    return Mark(
        lane=one.who,
        at=one.peak_first,
        until=one.peak_last,
        kind=kind,
        text=text,
        severity=severity,
        count=one.peak_count,
    )


def deed_marks(deeds: Iterable[Deed], severity: Severity, most: int) -> list[Mark]:
    """Single deeds on the timeline, each in a sentence."""
    found = []
    for deed in list(deeds)[:most]:
        kind = "deletion" if deed.verb.startswith("delete") else "change"
        enters = deed.verb in ("get", "list", "watch")
        found.append(
            Mark(
                lane=deed.who,
                at=deed.at,
                kind="event" if enters else kind,
                text=sentence(deed),
                severity=severity,
            )
        )
    return found
