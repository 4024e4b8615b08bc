"""TP-04: what can be intercepted, on which port, and the commands for the Service at hand.

For a whole namespace there is a table; for what was named also what stands in the way, and
every command from connecting to leaving no trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Subject, Table, finding

from ..pods.missing import missing_findings
from ..rules.telepresence_objects import MANAGER_NAMESPACE, PLAIN_UNINSTALL, TAPS, Version
from ..rules.telepresence_targets import HARMFUL, Obstacle, Way, names_port
from ..services.existence import existence
from ..step import NotChecked, Yielded, step
from .candidates import Candidate, candidates
from .client import UPSTREAM
from .target import Telepresence

_ROWS = 60


@step("TP-04", title="What can be intercepted, and how?", upstream=UPSTREAM)
def targets(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    """Is the port there, does a workload stand behind it that can be intercepted, and how is it done?"""
    if target.is_missing:
        yield from _missing(target, cluster)
        return
    if target.installed.is_absent:
        yield NotChecked("There is no traffic manager in the cluster, so nothing can be intercepted.")
        return
    if not target.installed.managers and not target.carriers:
        yield NotChecked(
            "No traffic manager was found, so nothing can be intercepted as far as could be seen."
        )
        return
    found = candidates(target, cluster)
    if not found:
        yield NotChecked("There is no Service and no workload here that could be intercepted.")
        return
    yield _table(found)
    if target.is_explicit:
        for one in found:
            yield from _judged(one, target, found)


def _missing(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    if target.service is not None:
        for part in existence.parts:
            yield from part(target.service, cluster)
    else:
        yield from missing_findings(target.behind)


def _table(found: list[Candidate]) -> Table:
    rows = [row for one in found for row in _rows(one)]
    return Table(
        caption="What could be intercepted",
        columns=[
            Column(name=name)
            for name in ("namespace", "what", "workload", "port", "container", "caught by", "in the way")
        ],
        rows=rows[:_ROWS],
        omitted=max(len(rows) - _ROWS, 0),
    )


def _rows(one: Candidate) -> Iterator[list[str]]:
    workload = f"{one.kind.lower()}/{one.workload}" if one.workload else "-"
    blocked = ", ".join(dict.fromkeys(each.reason for each in one.obstacles)) or "-"
    if not one.ways:
        yield [one.namespace, one.label, workload, "-", "-", "-", blocked]
    for way in one.ways:
        caught = "packet rules (init container)" if way.by_rules else "the port's name"
        place = f"{way.container} {way.container_port}"
        yield [one.namespace, one.label, workload, way.identifier, place, caught, blocked]


def _judged(one: Candidate, target: Telepresence, every: list[Candidate]) -> Iterator[Finding]:
    subject = _subject(one)
    if target.remote_port and one.service is not None and not one.service.is_external_name:
        port = names_port(one.service, target.remote_port)
        if port is None:
            yield finding(
                "InterceptPortMismatch",
                subject,
                evidence=one.service.cite("spec.ports"),
                wanted=target.remote_port,
                ports=[each.text for each in one.service.spec.ports],
                identifiers=[way.identifier for way in one.ways],
            )
            return
    obstacles = [*one.obstacles, *_lost(one, target)]
    if obstacles:
        for each in obstacles:
            yield finding(
                "InterceptTargetUnsupported",
                subject,
                # What is merely made otherwise is no fault; what would do harm when it is tried is.
                severity="warning" if each.reason in HARMFUL else "info",
                evidence=each.evidence,
                group=(each.reason,),
                reason=each.reason,
                detail=each.detail,
                what=one.label,
                workload=one.workload,
                workload_kind=one.kind,
                kinds=list(target.manager.settings.kinds) if target.manager else [],
            )
        return
    yield _ready(one, subject, target, every)


def _lost(one: Candidate, target: Telepresence) -> Iterator[Obstacle]:
    """The port that was asked for leads to no container, while others do."""
    if target.remote_port and one.service is not None and one.ways:
        port = names_port(one.service, target.remote_port)
        if port in one.lost:
            yield Obstacle("no-port", one.evidence, str(port.target_port or port.port) if port else "")


def _subject(one: Candidate) -> Subject:
    kind, _, name = one.label.partition("/")
    return Subject(kind=kind.capitalize(), namespace=one.namespace, name=name)


def _ready(one: Candidate, subject: Subject, target: Telepresence, every: list[Candidate]) -> Finding:
    way = _chosen(one, target)
    manager = target.manager
    version = manager.version if manager is not None else target.client_version
    return finding(
        "InterceptPreconditionsOk",
        subject,
        evidence=one.evidence,
        what=one.label,
        service=one.service.name if one.service is not None else "",
        workload=one.workload,
        workload_kind=one.kind,
        port=way.identifier if way is not None else "",
        ports=[each.identifier for each in one.ways],
        local=target.local_port or (way.container_port if way is not None else 8080),
        by_rules=way.by_rules if way is not None else True,
        mesh=one.mesh,
        carries=one.carries,
        shares=sorted(
            each.service.name
            for each in every
            if each.service is not None
            and one.service is not None
            and each.service.name != one.service.name
            and each.workload == one.workload
        ),
        manager_namespace=""
        if manager is None or manager.namespace == MANAGER_NAMESPACE
        else manager.namespace,
        **commands_for(version),
        allows_global=manager.settings.allows_global if manager is not None else True,
    )


def _chosen(one: Candidate, target: Telepresence) -> Way | None:
    """The way of the port that was asked for, else the first."""
    if target.remote_port and one.service is not None:
        port = names_port(one.service, target.remote_port)
        return next((way for way in one.ways if port is not None and way.port is port), None)
    return one.ways[0] if one.ways else None


def _unusual_namespace(target: Telepresence) -> str:
    """The manager's namespace where the client has to be told it."""
    namespace = target.manager.namespace if target.manager is not None else MANAGER_NAMESPACE
    return "" if namespace == MANAGER_NAMESPACE else namespace


def commands_for(version: Version | None) -> dict[str, Any]:
    """Which commands this release of Telepresence knows; the present ones where it is not known."""
    return {
        "taps": version is None or version.numbers >= TAPS,
        "plain_uninstall": version is None or version.numbers >= PLAIN_UNINSTALL,
    }
