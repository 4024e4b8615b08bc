"""What in an audit log is worth a person's attention, as findings and marks.

Changes of rights have a module apart.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kuberunbooks.findings import Finding, Mark, Severity, Subject, finding

from ..rules.audit_activity import Activity
from ..rules.audit_reading import Reading
from ..rules.audit_refused import Refusals
from ..rules.audit_users import ANONYMOUS, is_application, is_machinery
from ..rules.audit_words import actor, sentence
from ..rules.thresholds import (
    AUDIT_DELETED,
    AUDIT_ERROR_SHARE,
    AUDIT_ERRORS_LEAST,
    AUDIT_REFUSED,
    AUDIT_REFUSED_ADDRESS,
)
from .log_facts import MOST_USERS, burst_mark, cite, deed_marks, facts_of, many, moment, names, user

_MARKS = 6
_COMMANDS = 5


def panics(reading: Reading, cluster: Subject) -> Iterator[Finding | Mark]:
    """Requests in which an API server panicked."""
    if not reading.panics:
        return
    newest = max(reading.panics, key=lambda deed: deed.at)
    yield finding(
        "AuditPanicSeen",
        cluster,
        evidence=cite(
            newest, "stage", "objectRef", "requestURI", "user.username", "requestReceivedTimestamp"
        ),
        since=min(deed.at for deed in reading.panics),
        times=reading.panic_count,
        example=sentence(newest),
        at=moment(newest.at),
    )
    yield from deed_marks(reading.panics, "critical", _MARKS)


def anonymous(reading: Reading) -> Iterator[Finding | Mark]:
    """Requests without any credentials that were granted, beyond what everybody may ask."""
    for one in reading.anonymous:
        about = next((deed for deed in one.deeds if deed.resource), one.deeds[0])
        # A path such as /api lists what kinds there are; a resource holds somebody's data.
        severity: Severity = "critical" if about.resource else "warning"
        yield finding(
            "AuditAnonymousAllowed",
            user(ANONYMOUS),
            severity=severity,
            evidence=cite(
                about,
                "user.username",
                "responseStatus.code",
                "objectRef",
                "requestURI",
                'annotations["authorization.k8s.io/reason"]',
                "sourceIPs[-1]",
            ),
            since=one.first,
            data=bool(about.resource),
            allowed_by=about.allowed_by,
            what=sentence(about),
            **facts_of(one),
        )
        yield burst_mark(one, f"{one.peak_count} requests without credentials granted", severity)


def refused(reading: Reading) -> Iterator[Finding | Mark]:
    """Users, and addresses of callers nobody knows, that were refused again and again."""
    told = [one for one in reading.refused if one.activity.peak_count >= AUDIT_REFUSED and _matters(one)]
    for one in told[:MOST_USERS]:
        severity = _severity(one)
        yield _refused(one, severity)
        yield burst_mark(one.activity, f"refused {one.activity.peak_count} times", severity)
    strangers = [one for one in reading.strangers if one.peak_count >= AUDIT_REFUSED_ADDRESS]
    for stranger in strangers[:MOST_USERS]:
        address = names(stranger.addresses)
        yield finding(
            "AuditForbiddenBurst",
            Subject(kind="Address", namespace="", name=address[0] if address else "unknown"),
            evidence=cite(
                stranger.deeds[0], "responseStatus.code", "sourceIPs[-1]", "objectRef", "requestURI"
            ),
            since=stranger.peak_first,
            stranger=True,
            application=False,
            anonymous=False,
            granted=0,
            things=0,
            message=stranger.deeds[0].message,
            **facts_of(stranger),
        )
        yield burst_mark(stranger, f"not authenticated {stranger.peak_count} times", "warning")


def _matters(one: Refusals) -> bool:
    """The cluster's own are refused while they start and when an object has just gone: everyday life."""
    return not is_machinery(one.activity.user)


def _severity(one: Refusals) -> Severity:
    activity = one.activity
    if activity.user == ANONYMOUS:
        # A load balancer asks for "/"; who asks for resources wants something.
        asked = any(not what.name.partition(" ")[2].startswith("/") for what in activity.whats)
        return "warning" if asked else "info"
    if is_application(activity.user) and one.things and one.granted == one.things:
        # It was installed before its rights were.
        return "info"
    return "warning"


def _refused(one: Refusals, severity: Severity) -> Finding:
    activity = one.activity
    first = activity.deeds[0]
    fields = ["responseStatus.code", "user.username", "impersonatedUser.username", "verb", "objectRef"]
    return finding(
        "AuditForbiddenBurst",
        user(activity.user),
        severity=severity,
        evidence=cite(first, *fields, "sourceIPs[-1]"),
        since=activity.peak_first,
        stranger=False,
        application=is_application(activity.user),
        anonymous=activity.user == ANONYMOUS,
        granted=one.granted,
        things=one.things,
        message=first.message,
        **facts_of(activity),
    )


def deleted(reading: Reading) -> Iterator[Finding | Mark]:
    """Much deleted at once, and namespaces deleted: with everything that was in them."""
    for one in reading.deleted:
        if one.peak_count >= AUDIT_DELETED:
            yield finding(
                "AuditMassDelete",
                user(one.user),
                evidence=cite(one.deeds[0], "verb", "objectRef", "user.username", "sourceIPs[-1]"),
                since=one.peak_first,
                **facts_of(one),
            )
            yield burst_mark(one, f"deleted {one.peak_count} objects", "warning", "deletion")
    yield from _namespaces(reading)


def _namespaces(reading: Reading) -> Iterator[Finding | Mark]:
    by_user: dict[str, list[str]] = {}
    for deed in reading.namespaces_deleted:
        by_user.setdefault(actor(deed.user, deed.acting_as), []).append(deed.name)
    emptied = {
        place.name
        for one in reading.carried_out
        if any(what.name.startswith("deletecollection") for what in one.whats)
        for place in one.places
        if place.name
    }
    unknown = sorted(emptied - {name for gone in by_user.values() for name in gone})
    for deed in reading.namespaces_deleted[:1]:
        yield finding(
            "AuditNamespaceDeleted",
            user(deed.user),
            evidence=cite(deed, "verb", "objectRef", "user.username", "requestReceivedTimestamp"),
            since=deed.at,
            by=[f"{who}: {', '.join(gone[:10])}" for who, gone in by_user.items()][:5],
            deleted=sum(map(len, by_user.values())),
            unknown=unknown,
        )
    yield from deed_marks(reading.namespaces_deleted, "info", _MARKS)
    if unknown and not reading.namespaces_deleted:
        one = reading.carried_out[0]
        yield finding(
            "AuditNamespaceDeleted",
            user(one.user),
            evidence=cite(one.deeds[0], "verb", "objectRef", "user.username", "requestReceivedTimestamp"),
            since=one.first,
            by=[],
            deleted=0,
            unknown=unknown,
        )


def failing(reading: Reading, cluster: Subject) -> Iterator[Finding]:
    """The API server itself fails more than a hiccup's worth of requests."""
    one = reading.failing
    share = one.failed / one.requests if one.requests else 0.0
    if one.failed < AUDIT_ERRORS_LEAST or share <= AUDIT_ERROR_SHARE or not one.deeds:
        return
    yield finding(
        "AuditServerErrors",
        cluster,
        evidence=cite(one.deeds[0], "responseStatus.code", "objectRef", "requestURI", "user.username"),
        since=min(deed.at for deed in one.deeds),
        failed=one.failed,
        requests=one.requests,
        percent=f"{100 * share:.1f}",
        whats=many(one.whats),
        message=next((deed.message for deed in one.deeds if deed.message), ""),
    )


def entered(reading: Reading) -> Iterator[Finding | Mark]:
    """Who ran commands in containers, forwarded ports, or went through a kubelet."""
    for one in reading.entered[:MOST_USERS]:
        if is_machinery(one.user):
            continue
        deeds = [deed for deed in one.deeds if deed.command]
        yield finding(
            "AuditExecUsed",
            user(one.user),
            evidence=cite(one.deeds[0], "verb", "objectRef", "responseStatus.code", "sourceIPs[-1]"),
            since=one.first,
            commands=list(dict.fromkeys(f"{deed.place}: {shlex.join(deed.command)}" for deed in deeds))[
                :_COMMANDS
            ],
            through_kubelet=_through_kubelet(one),
            **facts_of(one),
        )
        yield from deed_marks(one.deeds, "info", _MARKS)


def _through_kubelet(one: Activity) -> bool:
    """`nodes/NAME/proxy/exec/…` and `…/run/…` run commands in pods past the rules about pods."""
    ways = ("/proxy/exec/", "/proxy/run/", "/proxy/cri/exec/", "/proxy/attach/", "/proxy/portForward/")
    return any(way in deed.path for deed in one.deeds for way in ways)


def secrets(reading: Reading) -> Iterator[Finding | Mark]:
    """Which people read secrets."""
    for one in reading.secrets[:MOST_USERS]:
        yield finding(
            "AuditSecretRead",
            user(one.user),
            evidence=cite(one.deeds[-1], "verb", "objectRef", "responseStatus.code", "sourceIPs[-1]"),
            since=one.first,
            whole=any(not deed.name for deed in one.deeds),
            **facts_of(one),
        )
        yield from deed_marks(one.deeds, "info", _MARKS)
