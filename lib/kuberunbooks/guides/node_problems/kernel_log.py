"""NP-09: a kernel log against the rules: what each would have matched, and what that means.

The log is a file the person names, or what a command printed that was recorded in the
case. Without any configuration the rules node problem detector comes with are taken, so a
log alone is diagnosed; what those miss is looked for with rules of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, LogExcerpt, LogLine, Severity, Table, finding
from kuberunbooks.objects import Evidence, Pod

from ..rules.kernel_log import KernelLine
from ..rules.kernel_patterns import OURS, finding_of, is_lesser, is_notice
from ..rules.node_conditions import meaning_of
from ..rules.oom_kills import Kill, kills
from ..step import NotChecked, Yielded, step
from .detectors import find_detectors
from .events import reports
from .given_logs import GivenLog, given_logs
from .matches import Match, matches
from .target import NodeProblems

_CITED = 3
_SHOWN = 40
_EXAMPLE = 160
_NO_LOG = (
    "No kernel log to test the rules on. Give one with kernel_log, say what `dmesg` or `journalctl -k` "
    "printed: `kubectl debug node/NODE -it --profile=sysadmin --image=busybox -- chroot /host dmesg`."
)


class Told(NamedTuple):
    """What the lines of one code say about one node."""

    code: str
    found: list[Match]
    lines: list[KernelLine]


@step(
    "NP-09",
    title="What would its rules have matched?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/#change-the-node-problem-detector",
)
def kernel_log(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """Which lines of the kernel log would each rule have matched, when last, and what does that mean?"""
    logs = given_logs(target, cluster)
    if not logs:
        yield NotChecked(_NO_LOG)
        return
    detectors, sets = find_detectors(target, cluster)
    for log in logs:
        found = matches(log, detectors)
        yield _table(log, found)
        told = _told(found)
        if told:
            yield _excerpt(log, found)
        else:
            yield _quiet(log, found)
        for one in told:
            if not _is_reported(log, one, target, cluster):
                yield _finding(log, one, target, cluster)
        if not detectors and sets.complete:
            yield from _would_have(log, found)


def _told(found: list[Match]) -> list[Told]:
    by_code: dict[str, list[Match]] = {}
    for one in found:
        if one.lines:
            code = meaning_of(one.rule.condition, (one.rule.condition,)).code if one.rule.condition else ""
            by_code.setdefault(code or finding_of(one.rule.reason), []).append(one)
    told = []
    for code, of in by_code.items():
        lines = {line.number: line for match in of for line in match.lines}
        told.append(Told(code, of, [lines[number] for number in sorted(lines)]))
    return told


def _is_reported(log: GivenLog, one: Told, target: NodeProblems, cluster: Cluster) -> bool:
    """Whether the node's condition or an event says it already: then the log adds only its lines."""
    if not log.node:
        return False
    node = cluster.node(log.node).object
    types = {match.rule.condition for match in one.found} - {""}
    if node is not None and any(node.is_condition_true(type_) for type_ in types):
        return True
    told = {finding_of(report.reason) for report in reports(target, cluster) if report.node == log.node}
    return one.code in told


def _finding(log: GivenLog, one: Told, target: NodeProblems, cluster: Cluster) -> Finding:
    newest = one.lines[-1]
    before = log.before_end(newest)
    reasons = list(dict.fromkeys(match.rule.reason for match in one.found))
    conditions = [match.rule.condition for match in one.found if match.rule.condition]
    severity: Severity | None = None
    if (before is not None and before > target.since) or all(is_notice(reason) for reason in reasons):
        severity = "info"
    elif all(is_lesser(reason) for reason in reasons):
        severity = "warning"
    killed = kills(line.message for line in log.log.kernel) if one.code == "KernelOomKilling" else []
    return finding(
        one.code,
        log.subject,
        severity=severity,
        evidence=[Evidence(log.source, f"line {line.number}", line.message) for line in one.lines[-_CITED:]],
        since=one.lines[0].at,
        likely=True,
        group=(log.source,),
        reason=reasons[0],
        reasons=reasons,
        condition=conditions[0] if conditions else "",
        message=newest.message,
        times=len(one.lines),
        stamp=newest.stamp,
        before=before,
        source=log.source,
        seen_in="log",
        killed=_killed(killed, log, cluster),
        whole_node=any(kill.at_limit is False for kill in killed),
        at_limit=bool(killed) and all(kill.at_limit for kill in killed),
        # What the texts of conditions and events use.
        value="True",
        silent=False,
        history=False,
        reported="",
        age=None,
        ago=None,
        turned="",
        started=False,
        known=True,
        names=[log.node] if log.node else [],
        nodes=1,
    )


def _killed(found: list[Kill], log: GivenLog, cluster: Cluster) -> list[str]:
    """`java (pod shop/web-1)`, each once; pods are asked for only where the node is known."""
    uids = {kill.pod_uid for kill in found} - {""}
    pods: dict[str, Pod] = {}
    if uids and log.node:
        on_node = cluster.look(Pod, "", fields=f"spec.nodeName={log.node}", whole=True)
        pods = {pod.uid: pod for pod in on_node if pod.uid in uids}
    texts = []
    for kill in found:
        pod = pods.get(kill.pod_uid)
        whose = (
            f" (pod {pod.namespace}/{pod.name})"
            if pod
            else f" (pod uid {kill.pod_uid})"
            if kill.pod_uid
            else ""
        )
        texts.append(f"{kill.name}{whose}")
    return list(dict.fromkeys(texts))


def _quiet(log: GivenLog, found: list[Match]) -> Finding:
    return finding(
        "KernelLogQuiet",
        log.subject,
        evidence=Evidence(log.source, "lines", str(len(log.log.lines))),
        group=(log.source,),
        lines=len(log.log.lines),
        rules=len(found),
        source=log.source,
    )


def _would_have(log: GivenLog, found: list[Match]) -> Iterator[Finding]:
    """No detector here: what one with its default rules would have told."""
    times: dict[str, int] = {}
    for one in found:
        if one.lines and one.rule.origin != OURS:
            name = f"condition {one.rule.condition}" if one.rule.condition else one.rule.reason
            times[name] = times.get(name, 0) + len(one.lines)
    if times:
        lines = [line for one in found if one.rule.origin != OURS for line in one.lines]
        yield finding(
            "NpdWouldHaveReported",
            log.subject,
            evidence=Evidence(log.source, f"line {lines[0].number}", lines[0].message),
            group=(log.source,),
            reports=[
                f"{name} {'once' if number == 1 else f'{number} times'}" for name, number in times.items()
            ],
            source=log.source,
        )


def _table(log: GivenLog, found: list[Match]) -> Table:
    ordered = sorted(found, key=lambda one: -len(one.lines))
    rows = [
        [
            one.rule.reason,
            one.rule.origin,
            str(len(one.lines)) if one.why == "" else one.why,
            one.lines[-1].stamp if one.lines else "",
            f"condition {one.rule.condition}" if one.rule.condition else f"event {one.rule.reason}",
            (one.lines[-1].message if one.lines else one.rule.pattern)[:_EXAMPLE],
        ]
        for one in ordered
        if one.lines or one.why or one.rule.origin != OURS
    ]
    names = ("RULE", "FROM", "MATCHES", "LAST", "GIVES", "LAST LINE, OR THE PATTERN")
    return Table(
        caption=f"What each rule would have matched in {log.caption}",
        columns=[Column(name=name, numeric=name == "MATCHES") for name in names],
        rows=rows,
    )


def _excerpt(log: GivenLog, found: list[Match]) -> LogExcerpt:
    """The lines that match, the newest last, each with the line before it."""
    marked = {line.number for one in found for line in one.lines}
    indices = [index for index, line in enumerate(log.log.lines) if line.number in marked][-_SHOWN // 2 :]
    shown = sorted({near for index in indices for near in (index - 1, index) if near >= 0})
    lines = [log.log.lines[index] for index in shown]
    return LogExcerpt(
        source=log.source,
        caption=f"What the rules matched in {log.caption}",
        lines=[
            LogLine(number=line.number, text=line.raw[:1000], at=line.at, marked=line.number in marked)
            for line in lines
        ],
        total_lines=len(log.log.lines),
        note=f"The last {len(indices)} of {len(marked)} lines that match."
        if len(indices) < len(marked)
        else "",
    )
