"""AU-09: the API server's own count of events, and of those that a backend lost."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Evidence

from ..rules.audit_counters import Counters
from ..rules.thresholds import AUDIT_UPTIME
from ..step import NotChecked, Yielded, step
from .readings import PATH, Readings, readings
from .resolve import Audited

_PLUGINS = {
    "buffered": "its buffer was full",
    "log": "it could not be written to the log",
    "webhook": "the webhook did not take it",
    "truncate": "it was too large",
}


@step("AU-09", title="Do events arrive?")
def flow(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """How many events does the API server count, and does a backend lose some?"""
    reading = readings(target, cluster)
    counters = reading.now
    if counters is None:
        yield NotChecked(f"The API server's counters could not be read: {reading.why}")
        return
    yield _table(counters, reading, cluster)
    if reading.unwatched:
        yield Note(text=f"There is only one reading of the counters: {reading.unwatched}.")
    yield from _lost(target, counters, reading)
    yield from _made(target, counters, reading, cluster)


def _lost(target: Audited, counters: Counters, reading: Readings) -> Iterator[Finding]:
    """A count that stands still is history: only one that grew between two readings is a loss now."""
    added = reading.added
    lost = {name: value for name, value in counters.errors.items() if value > 0}
    growing = {name: value for name, value in (added.errors if added else {}).items() if value > 0}
    if lost:
        yield finding(
            "AuditEventsDropped",
            target.subject,
            severity=None if growing else "info",
            evidence=[
                Evidence(PATH, f'apiserver_audit_error_total{{plugin="{name}"}}', f"{value:.0f}")
                for name, value in sorted(lost.items())
            ],
            growing=bool(growing),
            watched=added is not None,
            lost=int(sum(growing.values() if growing else lost.values())),
            seconds=reading.seconds,
            plugins=sorted(growing or lost),
            whys=list(dict.fromkeys(_why(name) for name in sorted(growing or lost))),
            total_events=int(counters.events),
        )
    if counters.rejected > 0:
        grown = added.rejected if added else 0.0
        yield finding(
            "AuditRequestsRejected",
            target.subject,
            severity=None if grown > 0 else "info",
            evidence=Evidence(PATH, "apiserver_audit_requests_rejected_total", f"{counters.rejected:.0f}"),
            growing=grown > 0,
            watched=added is not None,
            rejected=int(grown or counters.rejected),
            seconds=reading.seconds,
        )


def _why(plugin: str) -> str:
    found = next((words for name, words in _PLUGINS.items() if name in plugin), "")
    return found or f"plugin {plugin} failed"


def _made(
    target: Audited, counters: Counters, reading: Readings, cluster: Cluster
) -> Iterator[Finding | Note]:
    """Whether events are made where the policy wants them; without policy or backend nothing is counted."""
    if not counters.levels:
        yield Note(
            text="The API server that answered counts no audit levels: it has no policy, or no backend."
        )
        return
    part = reading.added or counters
    uptime = counters.uptime(cluster.now)
    if part.events > 0:
        rate = reading.added.events / reading.seconds if reading.added else counters.rate(cluster.now)
        yield finding(
            "AuditEventsFlowing",
            target.subject,
            evidence=Evidence(PATH, "apiserver_audit_event_total", f"{counters.events:.0f}"),
            events=int(part.events),
            seconds=reading.seconds,
            rate=f"{rate:,.1f}" if rate is not None else "",
        )
    elif part.asked_for > 0:
        yield _not_made(target, counters, part, reading)
    elif reading.added is not None:
        yield Note(text=f"In these {reading.seconds} s no request came that the policy logs.")
    elif uptime is not None and uptime > AUDIT_UPTIME:
        yield _not_made(target, counters, part, reading)


def _not_made(target: Audited, counters: Counters, part: Counters, reading: Readings) -> Finding:
    """Requests at a level that asks for events and no event, or a policy that has never asked for one."""
    return finding(
        "AuditEventsNotFlowing",
        target.subject,
        severity=None if part.asked_for > 0 else "info",
        evidence=[
            Evidence(PATH, "apiserver_audit_event_total", f"{counters.events:.0f}"),
            *(
                Evidence(PATH, f'apiserver_audit_level_total{{level="{level}"}}', f"{value:.0f}")
                for level, value in sorted(counters.levels.items())
            ),
        ],
        asked=int(part.asked_for),
        seconds=reading.seconds,
    )


def _table(counters: Counters, reading: Readings, cluster: Cluster) -> Table:
    def row(what: str, total: float, added: float | None) -> list[str]:
        return [what, f"{total:,.0f}", f"+{added:,.0f}" if added is not None else ""]

    more = reading.added
    rows = [row("events made", counters.events, more.events if more else None)]
    rows += [
        row(f"requests at level {level}", count, more.levels.get(level) if more else None)
        for level, count in sorted(counters.levels.items())
    ]
    rows += [
        row(f"events lost: {_why(name)}", count, more.errors.get(name) if more else None)
        for name, count in sorted(counters.errors.items())
    ]
    rows.append(row("requests refused for it", counters.rejected, more.rejected if more else None))
    uptime = counters.uptime(cluster.now)
    since = f" for {_since(uptime)}" if uptime is not None else ""
    names = [("COUNTED", False), ("SINCE ITS START", True)]
    names += [(f"IN {reading.seconds} S", True)] if more else []
    return Table(
        caption=f"What the API server that answered has counted; it runs{since}",
        columns=[Column(name=name, numeric=numeric) for name, numeric in names],
        rows=[one[: len(names)] for one in rows],
    )


def _since(seconds: float) -> str:
    days, hours = int(seconds // 86400), int(seconds // 3600)
    return f"{days} days" if days > 1 else f"{hours} h" if hours > 1 else f"{int(seconds // 60)} min"
