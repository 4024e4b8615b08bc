"""NP-06: lasting problems: the conditions agents have put on the nodes, each with its own polarity.

What Kubernetes itself reports (Ready, the pressures) the cluster runbook judges. Of a node
that has gone silent a condition is the last report, and one nobody renews is history.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Mark, Note, Severity, Table
from kuberunbooks.objects import Node, Time, human_duration
from kuberunbooks.objects.node import NodeCondition

from ..rules.conditions import cite_condition
from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.node_conditions import KUBELET_CONDITIONS, NPD_CONDITIONS, Meaning, meaning_of
from ..rules.thresholds import NODE_CONDITION_STALE
from ..step import NotChecked, Yielded, step
from .detector import Detector
from .detectors import declared_conditions, find_detectors
from .target import NodeProblems

_ROWS = 150
_MARKS = 50
_MEANS = {"bad": "a problem", "good": "all is well", "notice": "a notice", "unknown": "not known"}


class Report(NamedTuple):
    """A condition of a node. `silent` is when a node that has gone silent was last heard of, else None.

    `age` is how many seconds ago it was renewed, `is_history` whether that is too long
    ago to speak of now (of a silent node: too long before it went silent).
    """

    node: Node
    condition: NodeCondition
    meaning: Meaning
    silent: datetime | None
    age: float | None
    is_history: bool
    is_npd: bool

    @property
    def is_trouble(self) -> bool:
        """It says, or last said, that something is wrong."""
        return self.meaning.is_trouble(self.condition.status)


@step(
    "NP-06",
    title="Which lasting problems are reported?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/#kernel-monitor",
)
def conditions(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """Which conditions beyond Kubernetes' own do the nodes have, and which say that something is wrong?"""
    nodes = target.nodes(cluster)
    if not nodes:
        if nodes.complete:
            yield NotChecked("There is no node.")
        else:
            yield NotChecked(f"The nodes could not be read: {nodes.why or 'not in the case'}.")
        return
    detectors, _ = find_detectors(target, cluster)
    found = [report for node in nodes for report in _reports(node, detectors, cluster.now)]
    silent = sorted({node.name for node in nodes if _silent_since(node) is not None})
    if silent:
        yield Note(
            text=f"{target.words.listing(silent)} {'has' if len(silent) == 1 else 'have'} gone silent: what "
            "stands in their conditions is the last report. The cluster runbook tells of silent nodes."
        )
    if not found:
        yield Note(
            text="The nodes have only Kubernetes' own conditions: no agent reports problems of theirs."
        )
        return
    yield _table(found, cluster.now)
    yield from _marks(found)
    yield from _problems(found, cluster.now)
    yield from _stale(found)
    yield from _undecided(found)


def _reports(node: Node, detectors: list[Detector], now: datetime) -> Iterator[Report]:
    declared = declared_conditions(detectors)
    most = max((one.heartbeat for one in detectors), default=NODE_CONDITION_STALE)
    silent = _silent_since(node)
    for condition in node.status.conditions:
        type_ = condition.type
        if not type_ or type_ in KUBELET_CONDITIONS:
            continue
        beat = condition.last_heartbeat_time
        is_npd = type_ in declared or type_ in NPD_CONDITIONS
        age = (now - beat).total_seconds() if beat is not None else None
        unseen = ((silent or now) - beat).total_seconds() if beat is not None else None
        # Only node problem detector is known to renew its conditions; others write on a change.
        is_history = is_npd and unseen is not None and unseen > most
        yield Report(node, condition, meaning_of(type_, declared), silent, age, is_history, is_npd)


def _silent_since(node: Node) -> Time:
    """When a silent node was last heard of, by its Ready condition; None when it is not silent."""
    ready = next((one for one in node.status.conditions if one.type == "Ready"), None)
    if ready is None or ready.status in ("True", "False"):
        return None
    return ready.last_heartbeat_time or ready.last_transition_time


def _problems(found: list[Report], now: datetime) -> Iterator[Finding]:
    """One finding for the nodes that report the same for the same reason, and are as much alive."""
    alike: dict[tuple[str, str, bool, bool], list[Report]] = {}
    for one in found:
        if one.is_trouble:
            key = (one.condition.type, one.condition.reason, one.silent is not None, one.is_history)
            alike.setdefault(key, []).append(one)
    for (type_, reason, silent, is_history), reports in alike.items():
        first = min(reports, key=lambda one: one.condition.last_transition_time or now)
        severity: Severity | None = "warning" if is_history else None
        ordered = [first, *(one for one in reports if one is not first)]
        yield about_nodes(
            first.meaning.code,
            [one.node for one in ordered],
            severity=severity,
            evidence=[
                cite
                for one in ordered[:CITED_NODES]
                for cite in cite_condition(
                    one.node, type_, "status", "reason", "message", "lastHeartbeatTime"
                )
            ],
            since=first.condition.last_transition_time,
            group=(type_, reason, silent, is_history),
            **_facts(first),
        )


def _facts(one: Report) -> dict[str, Any]:
    condition = one.condition
    beat, silent = condition.last_heartbeat_time, one.silent
    return {
        "condition": condition.type,
        "value": condition.status,
        "reason": condition.reason,
        "message": condition.message.strip(),
        "silent": silent is not None,
        "before": max(0.0, (silent - beat).total_seconds())
        if silent is not None and beat is not None
        else None,
        "reported": f"{beat:%Y-%m-%d %H:%M:%S} UTC" if beat is not None else "",
        "age": one.age,
        "history": one.is_history,
        "seen_in": "condition",
        "known": one.condition.type in NPD_CONDITIONS,
    }


def _stale(found: list[Report]) -> Iterator[Finding]:
    """Live nodes whose conditions nobody renews any more: the detector there is dead, or was taken away."""
    nodes: dict[str, list[Report]] = {}
    for one in found:
        if one.is_history and one.silent is None:
            nodes.setdefault(one.node.name, []).append(one)
    # One that is renewed shows that the detector lives: the others are left over from an older configuration.
    alive = {one.node.name for one in found if one.is_npd and not one.is_history and one.age is not None}
    for left_over in (False, True):
        reports = [of for name, of in nodes.items() if (name in alive) is left_over]
        if reports:
            first = reports[0][0]
            yield about_nodes(
                "NodeConditionStale",
                [of[0].node for of in reports],
                severity="info" if left_over else None,
                evidence=[
                    cite
                    for of in reports[:CITED_NODES]
                    for cite in cite_condition(of[0].node, of[0].condition.type, "lastHeartbeatTime")
                ],
                since=first.condition.last_heartbeat_time,
                group=(left_over,),
                types=sorted({one.condition.type for of in reports for one in of}),
                age=first.age,
                left_over=left_over,
            )


def _undecided(found: list[Report]) -> Iterator[Finding]:
    """Conditions that cannot be told, and those whose meaning nobody can tell from their name."""
    for code, chosen in (
        (
            "NodeConditionUnknown",
            [one for one in found if one.condition.status == "Unknown" and not one.silent],
        ),
        (
            "NodeConditionUnclear",
            [
                one
                for one in found
                if one.condition.status == "True" and one.meaning.polarity in ("unknown", "notice")
            ],
        ),
    ):
        by_type: dict[str, list[Report]] = {}
        for one in chosen:
            by_type.setdefault(one.condition.type, []).append(one)
        for type_, reports in by_type.items():
            yield about_nodes(
                code,
                [one.node for one in reports],
                evidence=cite_condition(reports[0].node, type_, "status", "reason", "message"),
                since=reports[0].condition.last_transition_time,
                group=(type_,),
                condition=type_,
                reason=reports[0].condition.reason,
                message=reports[0].condition.message.strip(),
                notice=reports[0].meaning.polarity == "notice",
            )


def _table(found: list[Report], now: datetime) -> Table:
    ordered = sorted(found, key=lambda one: (not one.is_trouble, one.node.name, one.condition.type))
    rows = []
    for one in ordered[:_ROWS]:
        condition, turned = one.condition, one.condition.last_transition_time
        state = " (silent)" if one.silent else " (not renewed)" if one.is_history else ""
        rows.append(
            [
                one.node.name,
                condition.type,
                f"{condition.status}{state}",
                _MEANS[one.meaning.polarity],
                condition.reason,
                human_duration((now - turned).total_seconds()) if turned else "",
                human_duration(one.age) if one.age is not None else "",
                condition.message[:200],
            ]
        )
    names = ("NODE", "CONDITION", "STATUS", "TRUE MEANS", "REASON", "SINCE", "RENEWED", "MESSAGE")
    return Table(
        caption="Conditions of the nodes beyond Kubernetes' own, problems first",
        columns=[Column(name=name) for name in names],
        rows=rows,
        omitted=max(0, len(ordered) - _ROWS),
    )


def _marks(found: list[Report]) -> Iterator[Mark]:
    turned = [(one, at) for one in found if one.is_trouble and (at := one.condition.last_transition_time)]
    for one, at in turned[:_MARKS]:
        text = f"{one.condition.type}={one.condition.status} ({one.condition.reason})"
        yield Mark(lane=f"node/{one.node.name}", at=at, kind="condition", text=text, severity="critical")
