"""What kube-proxy's log says: that it does not reach the API server, or lacks the program conntrack.

Of at most two nodes, and only warnings and errors of the last minutes: a trouble that
is over is no finding. Called by the step about kube-proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, LogExcerpt, LogLine, Subject, finding
from kuberunbooks.objects import Evidence

from ..rules.error_lines import bounded
from ..rules.proxy_metrics import Complaint, api_errors, conntrack_errors
from ..rules.thresholds import PROXY_LOG, PROXY_RETRY
from .node_answers import NodeAnswers, when
from .proxy_found import explained
from .proxy_nodes import NodeProxy
from .target import Services

_MOST_LOGS = 2
_LEAST_ERRORS = 2
"""One failed call is nothing: kube-proxy tries again within seconds."""
_LINES_SHOWN = 20
_SHOWN = 500
_NETLINK_SINCE = 32
"""Since Kubernetes 1.32 kube-proxy does without the program conntrack."""
_MINOR = re.compile(r"^v?1\.(?P<minor>\d+)")


class _Told(NamedTuple):
    """A log of kube-proxy on a node, read at `at`."""

    node: str
    source: str
    lines: list[tuple[datetime | None, str]]
    at: datetime


def log_findings(
    target: Services, cluster: Cluster, pods: list[NodeProxy], said: NodeAnswers
) -> Iterator[Finding | LogExcerpt]:
    """What the logs of kube-proxy on these nodes say, and those among the transcripts."""
    for told in [*_of_pods(cluster, pods), *_of_transcripts(cluster, said)]:
        recent = [
            one
            for one in api_errors(told.lines, told.at)
            if one.at is not None and (told.at - one.at).total_seconds() <= PROXY_LOG
        ]
        if len(recent) >= _LEAST_ERRORS and _goes_on(recent, told.at):
            yield _excerpt(told, recent)
            yield _found("KubeProxyCannotReachApiserver", target, told, recent)
        match = _MINOR.match(cluster.origin.server_version)
        if match is None or int(match["minor"]) < _NETLINK_SINCE:
            lacking = list(conntrack_errors(told.lines, told.at))
            if lacking:
                yield _found("KubeProxyConntrackMissing", target, told, lacking)


def _of_pods(cluster: Cluster, pods: list[NodeProxy]) -> Iterator[_Told]:
    """Those that are not well go first."""
    for one in sorted(pods, key=lambda one: one.is_well)[:_MOST_LOGS]:
        if one.pod is None or not one.pod.spec.containers:
            continue
        log = cluster.log(one.pod, one.pod.spec.containers[0].name)
        if log.available:
            lines = [(line.at, line.text) for line in log.lines]
            yield _Told(one.node, log.source, lines, cluster.now)


def _of_transcripts(cluster: Cluster, said: NodeAnswers) -> Iterator[_Told]:
    for one in said.logs:
        lines: list[tuple[datetime | None, str]] = [(None, line) for line in one.stdout.splitlines()]
        source = f"{one.target.text} {one.source}"
        yield _Told(one.target.node, source, lines, when(one, cluster.now))


def _goes_on(recent: list[Complaint], at: datetime) -> bool:
    newest = max(one.at for one in recent if one.at is not None)
    return (at - newest).total_seconds() <= PROXY_RETRY


def _found(code: str, target: Services, told: _Told, lines: list[Complaint]) -> Finding:
    last = lines[-1]
    return finding(
        code,
        Subject(kind="Node", namespace="", name=told.node) if told.node else target.subject,
        evidence=Evidence(told.source, f"line {last.number}", bounded(last.text, _SHOWN)),
        since=lines[0].at,
        node=told.node,
        times=len(lines),
        line=bounded(last.text.partition("] ")[2] or last.text, _SHOWN),
        explains=explained(target),
    )


def _excerpt(told: _Told, lines: list[Complaint]) -> LogExcerpt:
    return LogExcerpt(
        source=told.source,
        caption=f"Log of kube-proxy{' on node ' + told.node if told.node else ''}",
        lines=[
            LogLine(number=one.number, text=bounded(one.text, _SHOWN), at=one.at, marked=True)
            for one in lines[-_LINES_SHOWN:]
        ],
        total_lines=len(told.lines),
        note="Only what it says of the API server.",
    )
