"""Changes of rights in an audit log, as findings: what was given, taken back, and what happened meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from kuberunbooks.findings import Finding, Mark, Severity, finding

from ..rules.audit_reading import Reading
from ..rules.audit_rights import RightsActivity, RightsChange, RightsPair
from ..rules.audit_users import is_person
from ..rules.audit_words import actor, did, one_of, sentence
from ..rules.thresholds import AUDIT_REFUSED, AUDIT_WINDOW
from .log_facts import MOST_USERS, cite, deed_marks, moment, span, user

_SHOWN = 8


def rights_changed(reading: Reading) -> Iterator[Finding | Mark]:
    """One finding for each user who changed roles or bindings."""
    for one in reading.rights[:MOST_USERS]:
        found = _finding(one, reading)
        yield found
        yield from deed_marks((change.deed for change in one.changes), found.severity, _SHOWN)


def _finding(one: RightsActivity, reading: Reading) -> Finding:
    given = next((change for change in one.changes if change.everything), None)
    pair = next((pair for pair in one.pairs if given in (None, pair.made)), None)
    # A finding begins with what it is about, not with the first change that ordinary work made.
    telling = given or (pair.made if pair else one.changes[-1])
    severity: Severity = "warning" if given is None else "critical"
    fields = ("objectRef.name", "verb", "user.username", "sourceIPs[-1]", "level", "requestReceivedTimestamp")
    evidence = cite(telling.deed, *fields)
    if pair is not None:
        evidence += cite(pair.removed.deed, "verb", "requestReceivedTimestamp")
    return finding(
        "AuditRbacChanged",
        user(one.user),
        severity=severity if is_person(one.user) else "info",
        evidence=evidence,
        since=telling.deed.at,
        **_facts(telling, pair, one, reading),
    )


def _facts(
    telling: RightsChange, pair: RightsPair | None, one: RightsActivity, reading: Reading
) -> dict[str, Any]:
    removed = pair.removed if pair else None
    others = [change for change in one.changes if change not in (telling, removed)]
    return {
        "actor": actor(telling.deed.user, telling.deed.acting_as),
        "user": telling.deed.user,
        "person": is_person(telling.deed.user),
        "object": f"{one_of(telling.deed.resource)} {telling.deed.place}",
        "at": moment(telling.deed.at),
        "deed": did(telling.deed),
        "changes": one.count,
        "others": list(dict.fromkeys(sentence(change.deed) for change in others))[:_SHOWN],
        "everything": telling.everything,
        "role": telling.role,
        "subjects": telling.subjects,
        "escalates": sorted({verb for change in one.changes for verb in change.escalates}),
        "seen": telling.seen or telling.deed.verb.startswith("delete"),
        "level": telling.deed.level,
        "pair": pair is not None,
        "pair_lasted": span(pair.seconds) if pair else "",
        "meanwhile": list(dict.fromkeys(sentence(deed) for deed in pair.meanwhile)) if pair else [],
        "around": _refused_around(telling.deed.at, reading),
        "address": telling.deed.address,
        "agent": telling.deed.agent,
    }


def _refused_around(at: datetime, reading: Reading) -> list[str]:
    """Who was refused in a burst shortly before or after."""
    near = timedelta(seconds=AUDIT_WINDOW)
    return [
        f"{actor(one.activity.user, one.activity.acting_as)} ({one.activity.peak_count} times)"
        for one in reading.refused
        if one.activity.peak_count >= AUDIT_REFUSED
        and one.activity.peak_first - near <= at <= one.activity.peak_last + near
    ][:3]
