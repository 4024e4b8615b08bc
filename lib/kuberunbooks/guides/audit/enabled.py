"""AU-01: whether anything is audited at all, and whether all API servers do it alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Evidence

from ..rules.audit_counters import Counters
from ..rules.thresholds import AUDIT_ROLLOUT, AUDIT_UPTIME
from ..step import Yielded, step
from .mounts import runs, source
from .readings import PATH, first_reading
from .resolve import Audited
from .servers import Configuration, Servers, servers


@step("AU-01", title="Is anything audited?")
def enabled(target: Audited, cluster: Cluster) -> Iterator[Yielded]:
    """Do the API servers have a policy, and somewhere to put the events?"""
    seen = servers(target, cluster)
    if not seen:
        yield from _unseen(target, seen, cluster)
        return
    yield _table(seen)
    for one in seen:
        yield from _state(one)
        yield from _refused(one)
    if len(seen) > 1:
        yield _different(target, seen, cluster)


def _state(one: Configuration) -> Iterator[Finding]:
    flags = one.flags
    cited = one.cite("audit-policy-file", "audit-log-path", "audit-webhook-config-file")
    facts: dict[str, Any] = {
        "policy": flags.policy,
        "backends": flags.backends,
        "log": flags.log,
        "webhook": flags.webhook,
    }
    if flags.policy and flags.backends:
        yield one.finding("AuditEnabled", evidence=cited, **facts, measured=False)
    elif flags.policy:
        yield one.finding("AuditPolicyNoBackend", evidence=cited, **facts)
    elif flags.backends:
        yield one.finding("AuditBackendNoPolicy", evidence=cited, **facts)
    else:
        yield one.finding("AuditDisabled", evidence=cited, **facts, measured=False)


def _refused(one: Configuration) -> Iterator[Finding]:
    """Flags no API server starts with, of a file or of a pod that does not run: one that runs took them."""
    wrong = list(one.flags.wrong())
    if wrong and not runs(one):
        yield one.finding(
            "AuditFlagRefused",
            evidence=[Evidence(source(one), flaw.place, f"--{flaw.name}={flaw.value}") for flaw in wrong],
            flag=f"--{wrong[0].name}={wrong[0].value}" if wrong[0].value else f"--{wrong[0].name}",
            why=wrong[0].why,
            others=[f"--{flaw.name}: {flaw.why}" for flaw in wrong[1:]],
            in_a_pod=bool(one.pods),
        )


def _different(target: Audited, seen: Servers, cluster: Cluster) -> Finding:
    """Only some requests pass each API server: a log of one of them is a part of the truth."""
    started = [
        status.state.running.started_at
        for one in seen
        for pod in one.pods
        for status in pod.status.container_statuses
        if status.state.running is not None and status.state.running.started_at is not None
    ]
    age = (cluster.now - max(started)).total_seconds() if started else None
    without = [name for one in seen for name in one.names if not (one.flags.policy and one.flags.backends)]
    return finding(
        "AuditServersDiffer",
        target.subject,
        severity="info" if age is not None and age < AUDIT_ROLLOUT else None,
        evidence=[cited for one in seen for cited in one.cite("audit-policy-file", "audit-log-path")],
        servers=[one.names[0] for one in seen],
        without=without,
        total_servers=sum(len(one.names) for one in seen),
        age=age,
    )


def _unseen(target: Audited, seen: Servers, cluster: Cluster) -> Iterator[Finding]:
    """Without a pod or a file its own counters still tell whether an API server audits."""
    counters = first_reading(target, cluster).now
    verdict = _measured(counters, cluster) if counters else ""
    if counters is not None and verdict:
        levels = sum(counters.levels.values())
        yield finding(
            verdict,
            target.subject,
            evidence=[
                Evidence(PATH, "apiserver_audit_event_total", f"{counters.events:.0f}"),
                Evidence(
                    PATH, "apiserver_audit_level_total", f"{levels:.0f}" if counters.levels else "absent"
                ),
            ],
            server="the API server that answered",
            many=False,
            measured=True,
            policy="",
            backends=[],
            log="",
            webhook="",
            events=int(counters.events),
        )
    if verdict != "AuditDisabled":
        yield finding(
            "AuditConfigInvisible",
            target.subject,
            why=seen.why,
            counted=verdict == "AuditEnabled",
            has_log=bool(target.option("audit_log")),
        )


def _measured(counters: Counters, cluster: Cluster) -> str:
    """Levels are counted as soon as there are a policy and a backend: none after minutes is none at all."""
    if counters.levels:
        return "AuditEnabled"
    uptime = counters.uptime(cluster.now)
    return "AuditDisabled" if not counters.events and uptime is not None and uptime > AUDIT_UPTIME else ""


def _table(seen: Servers) -> Table:
    rows = [
        [
            name,
            one.flags.policy or "none",
            {"": "none", "-": "standard output"}.get(one.flags.log, one.flags.log),
            one.flags.webhook or "none",
        ]
        for one in seen
        for name in one.names
    ]
    return Table(
        caption="What the API servers are told",
        columns=[Column(name=name) for name in ("API SERVER", "POLICY", "LOG", "WEBHOOK")],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )


_ROWS = 20
