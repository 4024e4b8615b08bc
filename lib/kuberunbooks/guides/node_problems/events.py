"""NP-07: passing problems: events about nodes that node problem detector wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Mark, Note, Severity, Subject, Table, finding
from kuberunbooks.objects import Event, Node, human_duration

from ..rules.kernel_patterns import finding_of, is_lesser, is_notice
from ..rules.node_conditions import meaning_of
from ..rules.oom_kills import kills
from ..step import NotChecked, Yielded, step
from .detectors import event_namespaces, find_detectors, sources
from .target import NodeProblems

_ROWS = 60
_MARKS = 50
_CITED = 3
# The sources of its own configuration files, and what GKE, AKS and EKS add to them.
_SOURCES = re.compile(
    r"(?:kernel|readonly|docker|containerd|systemd|disk|network|ntp|iptables-mode)[\w-]*-monitor|health-checker"
    r"|abrt-adaptor|[\w-]*custom-plugin-monitor|node-problem-detector|eks-node-monitoring-agent"
)
_NO_EVENT = (
    "There is no event of node problem detector about these nodes. Events expire after an hour as a rule."
)
_TURNED = re.compile(r"^Node condition (?P<type>\S+) is now: (?P<status>\w+), reason: ")


class Report(NamedTuple):
    """The events of one reason about one node, newest last."""

    node: str
    reason: str
    events: list[Event]

    @property
    def newest(self) -> Event:
        """The last one."""
        return self.events[-1]

    @property
    def times(self) -> int:
        """How often, as far as it was counted."""
        return sum(event.occurrences for event in self.events)


@step(
    "NP-07",
    title="Which passing problems are reported?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/#kernel-monitor",
)
def events(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """Which events did node problem detector write about the nodes lately, and how often?"""
    found = reports(target, cluster)
    shown = _from_agents(target, cluster)
    if shown:
        yield _table(shown, cluster)
    elif not shown.complete:
        yield NotChecked(f"The events about nodes could not be read: {shown.why or 'not in the case'}.")
        return
    else:
        yield Note(text=_NO_EVENT)
    yield from _marks(shown)
    for one in found:
        if (judged := _judged(one, target, cluster)) is not None:
            yield judged


def reports(target: NodeProblems, cluster: Cluster) -> list[Report]:
    """The warnings of the window, by node and reason; worked out once, the kernel log's step asks too."""
    if "reports" not in target.memo:
        grouped: dict[tuple[str, str], list[Event]] = {}
        for event in _from_agents(target, cluster):
            seen = event.last_seen
            recent = seen is not None and (cluster.now - seen).total_seconds() <= target.since
            if recent and event.type == "Warning":
                grouped.setdefault((event.involved_object.name, event.reason), []).append(event)
        target.memo["reports"] = [Report(node, reason, found) for (node, reason), found in grouped.items()]
    known: list[Report] = target.memo["reports"]
    return known


def _from_agents(target: NodeProblems, cluster: Cluster) -> Listing[Event]:
    """Their events, oldest first; read once."""
    if "events" not in target.memo:
        detectors, _ = find_detectors(target, cluster)
        known = sources(detectors)
        everything = target.events(cluster, event_namespaces(detectors))
        target.memo["events"] = Listing(
            (one for one in everything if one.component in known or _SOURCES.fullmatch(one.component)),
            complete=everything.complete,
            why=everything.why,
        )
    found: Listing[Event] = target.memo["events"]
    return found


def _judged(one: Report, target: NodeProblems, cluster: Cluster) -> Finding | None:
    newest, code = one.newest, finding_of(one.reason)
    severity: Severity | None = None
    if is_notice(one.reason):
        severity = "info"
    elif is_lesser(one.reason):
        severity = "warning"
    turned = _TURNED.match(newest.message)
    if turned is not None:
        node = cluster.node(one.node).object if target.node else _node(one.node, target, cluster)
        if node is None or meaning_of(turned["type"]).is_trouble(_status(node, turned["type"])):
            # The condition itself is told, by the step about lasting problems.
            return (
                None if node is not None else _event(one, "NodeProblemEvent", "info", turned["type"], cluster)
            )
        return _event(one, "NodeProblemEvent", "info", turned["type"], cluster)
    return _event(one, code, severity, "", cluster)


def _event(one: Report, code: str, severity: Severity | None, turned: str, cluster: Cluster) -> Finding:
    newest = one.newest
    seen = newest.last_seen
    killed = kills(event.text for event in one.events) if code == "KernelOomKilling" else []
    return finding(
        code,
        Subject(kind="Node", namespace="", name=one.node),
        severity=severity,
        evidence=[event.cite("message") for event in reversed(one.events[-_CITED:])],
        since=min((at for event in one.events if (at := event.first_seen) is not None), default=None),
        group=(one.reason,),
        reason=one.reason,
        message=newest.text.strip(),
        times=one.times,
        ago=(cluster.now - seen).total_seconds() if seen is not None else None,
        source=newest.component,
        turned=turned,
        started=is_notice(one.reason),
        killed=list(dict.fromkeys(kill.name for kill in killed)),
        whole_node=any(kill.at_limit is False for kill in killed),
        at_limit=bool(killed) and all(kill.at_limit for kill in killed),
        seen_in="event",
    )


def _node(name: str, target: NodeProblems, cluster: Cluster) -> Node | None:
    return next((node for node in target.nodes(cluster) if node.name == name), None)


def _status(node: Node, type_: str) -> str:
    condition = node.condition(type_)
    return condition.status if condition is not None else ""


def _table(shown: list[Event], cluster: Cluster) -> Table:
    rows = [
        [
            human_duration((cluster.now - event.last_seen).total_seconds()) if event.last_seen else "",
            str(event.occurrences),
            event.involved_object.name,
            event.type,
            event.reason,
            event.component,
            event.message[:300],
        ]
        for event in reversed(shown[-_ROWS:])
    ]
    names = ("LAST SEEN", "TIMES", "NODE", "TYPE", "REASON", "SOURCE", "MESSAGE")
    return Table(
        caption="Events of node problem detector and agents like it, newest first",
        columns=[Column(name=name, numeric=name == "TIMES") for name in names],
        rows=rows,
        omitted=max(0, len(shown) - _ROWS),
    )


def _marks(shown: list[Event]) -> Iterator[Mark]:
    for event in shown[-_MARKS:]:
        if event.last_seen is not None and event.type == "Warning" and not is_notice(event.reason):
            yield Mark(
                lane=f"node/{event.involved_object.name}",
                at=event.last_seen,
                kind="event",
                text=f"{event.reason}: {event.message[:120]}",
                severity="warning",
                count=event.occurrences,
            )
