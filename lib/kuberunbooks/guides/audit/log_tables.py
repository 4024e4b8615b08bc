"""What is shown of an audit log: its extent, who asked what, and the seven answers about one object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kuberunbooks.findings import Column, Note, Table

from ..rules.audit_activity import Counted
from ..rules.audit_event import Deed
from ..rules.audit_reading import Reading
from ..rules.audit_trail import Trail
from ..rules.audit_words import did, ended, on_what, sentence
from .log_facts import clock, many, moment

_ROWS = 30


def extent(reading: Reading) -> Note:
    """Which files, from when to when, and that nothing else was looked at."""
    size = sum(one.size for one in reading.files) / 1_000_000
    where = reading.files[0].name if len(reading.files) == 1 else f"{len(reading.files)} files"
    text = f"{reading.requests:,} requests in {where} ({size:,.1f} MB)"
    if reading.first is not None and reading.last is not None:
        text += f", from {moment(reading.first)} to {moment(reading.last)}"
    if reading.unanswered:
        text += f"; the answer to {reading.unanswered:,} of them is not in the log"
    if reading.window is None:
        return Note(text=f"{text}. All of the log counts, whatever the time of this run.")
    start, end = reading.window
    return Note(text=f"{text}. Only what lies around the alert counts, {moment(start)} to {moment(end)}.")


def overview(reading: Reading) -> Iterator[Table]:
    """Who asks most, what for, and how it ends."""
    for caption, name, counts in (
        ("Who asked most", "USER", reading.users),
        ("What was asked for", "RESOURCE", reading.resources),
        ("What was to be done", "VERB", reading.verbs),
        ("How it ended", "CODE", reading.codes),
    ):
        yield _counts(caption, name, counts, reading.requests)
    if reading.slow:
        yield _slow(reading)
    if reading.deprecated:
        columns = [Column(name=name) for name in ("USER", "RESOURCE", "VERSION", "GONE IN")]
        yield Table(
            caption="Use of APIs that are going away",
            columns=[*columns, Column(name="REQUESTS", numeric=True)],
            rows=[
                [one.who, one.resource, one.version, one.removed or "not said", f"{one.count:,}"]
                for one in reading.deprecated[:_ROWS]
            ],
            omitted=max(0, len(reading.deprecated) - _ROWS),
        )


def _counts(caption: str, name: str, counts: list[Counted], total: int) -> Table:
    rows = [[one.name, f"{one.count:,}", f"{100 * one.count / (total or 1):.1f} %"] for one in counts]
    columns = [Column(name=name), Column(name="REQUESTS", numeric=True), Column(name="SHARE", numeric=True)]
    return Table(caption=caption, columns=columns, rows=rows)


def _slow(reading: Reading) -> Table:
    columns = [
        Column(name="SECONDS", numeric=True),
        *(Column(name=name) for name in ("WHEN (UTC)", "WHO", "WHAT", "CODE")),
    ]
    return Table(
        caption="The slowest requests that took more than a second (watches and connections left out)",
        columns=columns,
        rows=[
            [
                f"{deed.seconds or 0:.1f}",
                clock(deed.at),
                deed.who,
                f"{did(deed)} {on_what(deed)}",
                str(deed.code),
            ]
            for deed in reading.slow
        ],
        omitted=reading.slow_count - len(reading.slow),
    )


def refusals(reading: Reading) -> Table | None:
    """Everybody who was refused, the cluster's own too."""
    rows = [
        [
            one.activity.who,
            f"{one.activity.count:,}",
            ", ".join(many(one.activity.whats)),
            clock(one.activity.last),
        ]
        for one in reading.refused[:_ROWS]
    ]
    rows += [
        [
            f"(not authenticated) from {', '.join(place.name for place in one.addresses[:2])}",
            f"{one.count:,}",
            ", ".join(many(one.whats)),
            clock(one.last),
        ]
        for one in reading.strangers[:_ROWS]
    ]
    if not rows:
        return None
    columns = [
        Column(name="WHO"),
        Column(name="TIMES", numeric=True),
        Column(name="WHAT"),
        Column(name="LAST (UTC)"),
    ]
    return Table(caption="Who was refused (401, or 403 by the authorizer)", columns=columns, rows=rows)


def readers(reading: Reading) -> Table | None:
    """Everybody who read secrets, controllers too."""
    if not reading.readers:
        return None
    return Table(
        caption="Who read secrets",
        columns=[Column(name="USER"), Column(name="REQUESTS", numeric=True)],
        rows=[[one.name, f"{one.count:,}"] for one in reading.readers[:_ROWS]],
        omitted=max(0, len(reading.readers) - _ROWS),
    )


def rights(reading: Reading) -> Table | None:
    """The newest changes of roles and bindings, and those that tell most."""
    if not reading.rights:
        return None
    changes = [change for one in reading.rights for change in one.changes]
    shown = sorted(changes, key=lambda one: one.deed.at)[-_ROWS:]
    columns = [Column(name=name) for name in ("WHEN (UTC)", "WHO", "DID", "ON", "GIVES", "TO")]
    return Table(
        caption="Changes of roles and bindings, oldest first",
        columns=columns,
        rows=[
            [
                clock(one.deed.at),
                one.deed.who,
                did(one.deed),
                on_what(one.deed),
                _gives(one.role, one.everything, seen=one.seen, verb=one.deed.verb),
                ", ".join(one.subjects),
            ]
            for one in shown
        ],
        omitted=sum(one.count for one in reading.rights) - len(shown),
    )


def _gives(role: str, everything: bool, *, seen: bool, verb: str) -> str:
    if verb.startswith("delete"):
        return ""
    if not seen:
        return "not logged"
    return role or ("every right" if everything else "")


def answers(trail: Trail, reading: Reading) -> Iterator[Table]:
    """The guide's seven questions about one object or user, and what was done one by one."""
    newest = trail.last_change or trail.told[-1]
    where = ", ".join(many([Counted(one.name or "unknown", one.count) for one in trail.addresses]))
    rows = [
        ["What happened?", f"{sentence(newest)}. In all: {', '.join(many(trail.whats, 6))}."],
        ["When?", _when(trail, newest)],
        ["Who did it?", _who(trail, newest)],
        ["On what?", on_what(newest)],
        ["Where was it observed?", _observed(newest, reading)],
        [
            "From where?",
            f"{where}; the client calls itself {newest.agent or 'nothing'}, which it may invent.",
        ],
        ["To where?", _to_where(newest)],
    ]
    yield Table(
        caption=f"The seven questions about {trail.about}, answered for the newest change",
        columns=[Column(name="QUESTION"), Column(name="ANSWER")],
        rows=rows,
    )
    yield deeds(f"What was done, oldest first: {trail.about}", trail.told, trail.count)


def deeds(caption: str, told: Iterable[Deed], total: int) -> Table:
    """Single requests, one a row."""
    rows = [
        [clock(deed.at), deed.who, did(deed), on_what(deed), ended(deed), deed.address, deed.agent]
        for deed in told
    ]
    columns = [
        Column(name=name) for name in ("WHEN (UTC)", "WHO", "DID", "ON", "ENDED", "FROM", "CLIENT SAYS IT IS")
    ]
    return Table(caption=caption, columns=columns, rows=rows, omitted=max(0, total - len(rows)))


def _when(trail: Trail, newest: Deed) -> str:
    text = moment(newest.at)
    if trail.first is not None and trail.last is not None and trail.count > 1:
        text += f"; all {trail.count:,} requests between {moment(trail.first)} and {moment(trail.last)}"
    return text


def _who(trail: Trail, newest: Deed) -> str:
    groups = f", of {', '.join(newest.groups[:4])}" if newest.groups else ""
    by = f"; allowed: {newest.allowed_by}" if newest.allowed_by else ""
    others = f". All: {', '.join(many(trail.who, 6))}" if len(trail.who) > 1 else ""
    return f"{newest.who}{groups}{by}{others}"


def _observed(newest: Deed, reading: Reading) -> str:
    seen = f"by the API server that wrote {newest.file or 'the log'}, at level {newest.level or 'unknown'}"
    alone = len(reading.files) == 1
    return seen + ("; other API servers of the cluster, if any, have logs of their own" if alone else "")


def _to_where(newest: Deed) -> str:
    if newest.subresource == "proxy":
        return f"through the API server on to {newest.path}"
    if newest.subresource in ("exec", "attach", "portforward", "log"):
        return f"through the API server to the kubelet of pod {newest.place}"
    return "the API server itself" + (f", {newest.path}" if newest.path else "")
