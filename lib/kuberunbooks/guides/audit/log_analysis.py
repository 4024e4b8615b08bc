"""AU-11, AU-12: what an audit log tells of one object or user, and what in it is worth attention."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, finding
from kuberunbooks.objects import Evidence

from ..rules.audit_reading import Reading
from ..rules.audit_trail import Trail
from ..rules.audit_words import sentence
from ..step import NotChecked, Yielded, step
from . import log_findings, log_tables
from .log_facts import cite, deed_marks, many, moment
from .log_reading import log_of
from .log_rights import rights_changed
from .resolve import Audited

_MOST_MARKS = 40


@step("AU-11", title="What happened?")
def what_happened(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """What was done, when, by whom, on what, where was it seen, from where, and to where did it go?"""
    log = log_of(target, cluster)
    reading = log.reading
    if reading is None:
        yield NotChecked(log.why)
        return
    yield from _unread(target, reading)
    if not reading.requests:
        if not any(one.why_not or one.lines.lost for one in reading.files):
            yield NotChecked("The audit log holds no request.")
        return
    yield log_tables.extent(reading)
    about, trail = target.option("about"), reading.trail
    if about and (trail is None or trail.about != about):
        # A case that a run left holds the answer to that run's question only.
        asked = f"about {trail.about}" if trail is not None else "about nothing in particular"
        yield Note(text=f"The case holds what was asked {asked}. About {about} only the log itself can tell.")
        trail = None
    if trail is None:
        yield _read(target, reading)
        yield from log_tables.overview(reading)
        return
    yield _trail(target, trail, reading)
    if trail.told:
        yield from log_tables.answers(trail, reading)
        yield from deed_marks(trail.told[-_MOST_MARKS:], "info", _MOST_MARKS)


@step("AU-12", title="Is anything suspicious?")
def suspicious(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Are there bursts of refusals, changes of rights, reads of secrets, shells, mass deletions, errors?"""
    log = log_of(target, cluster)
    reading = log.reading
    if reading is None or not reading.requests:
        yield NotChecked(log.why or "No event of the log could be read.")
        return
    found = chain(
        log_findings.panics(reading, target.subject),
        log_findings.anonymous(reading),
        rights_changed(reading),
        log_findings.refused(reading),
        log_findings.deleted(reading),
        log_findings.failing(reading, target.subject),
        log_findings.secrets(reading),
        log_findings.entered(reading),
    )
    for item in found:
        if isinstance(item, Finding):
            # Where the log can be asked again; a case has only what was made of it.
            item.facts["log"] = target.option("audit_log")
        yield item
    for table in (log_tables.refusals(reading), log_tables.rights(reading), log_tables.readers(reading)):
        if table is not None:
            yield table
    if reading.rights_of_setup:
        yield Note(
            text=f"{reading.rights_of_setup} changes of rights belong to the cluster's own setup: no finding."
        )


def _read(target: Audited, reading: Reading) -> Finding:
    return finding(
        "AuditLogRead",
        target.subject,
        evidence=[Evidence(one.name, "lines", f"{one.lines.events} events") for one in reading.files[:5]],
        requests=reading.requests,
        first=moment(reading.first) if reading.first else "",
        last=moment(reading.last) if reading.last else "",
        busiest=many(reading.users, 3),
    )


def _trail(target: Audited, trail: Trail, reading: Reading) -> Finding:
    newest = trail.last_change or (trail.told[-1] if trail.told else None)
    return finding(
        "AuditTimelineBuilt" if newest else "AuditNoTrace",
        target.subject,
        evidence=cite(newest, "verb", "objectRef", "user.username", "requestReceivedTimestamp")
        if newest
        else [],
        since=newest.at if newest else None,
        about=trail.about,
        requests=trail.count,
        newest=sentence(newest) if newest else "",
        at=moment(newest.at) if newest else "",
        is_change=trail.last_change is not None,
        by=many(trail.who, 3),
        first=moment(reading.first) if reading.first else "",
        last=moment(reading.last) if reading.last else "",
    )


def _unread(target: Audited, reading: Reading) -> Iterator[Finding]:
    """What of the log could not be used: said, so that silence proves nothing of it."""
    failed = [one for one in reading.files if one.why_not]
    lost = [one for one in reading.files if one.lines.lost]
    if not failed and not lost:
        return
    read = [one.lines for one in reading.files]
    yield finding(
        "AuditLogIncomplete",
        target.subject,
        evidence=[Evidence(one.name, "read", one.why_not) for one in failed[:5]]
        + [
            Evidence(one.name, "lines", f"{one.lines.lost} of {one.lines.lines} are no event")
            for one in lost[:5]
        ],
        failed=[f"{one.name} ({one.why_not})" for one in failed],
        lines=sum(one.lines for one in read),
        cut=sum(one.cut for one in read),
        foreign=sum(one.foreign for one in read),
        long=sum(one.long for one in read),
        legacy=sum(one.legacy for one in read),
        nothing=not reading.requests,
    )
