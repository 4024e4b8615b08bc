"""TM-02: has a container ended at all, and how?

The table every later step explains. Pods that ended as a whole (evicted, past their deadline)
say why in their own status and not in a container's message: the pods guide's rule tells that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import ContainerStatus, human_duration

from ..pods.ended import ended_findings
from ..pods.missing import missing_findings
from ..pods.target import Pods
from ..rules.exit_codes import meaning
from ..step import Yielded, step
from .ends import ContainerEnd, container_ends

_MOST_ROWS = 50


@step("TM-02", title="Has a container ended?")
def ended(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which containers have ended, when, and with which exit code or signal?"""
    if not target.pods:
        yield from missing_findings(target)
        if target.missing or target.namespace_missing or not target.roots:
            return
    ends = container_ends(target, cluster)
    if not ends:
        yield _none(target)
        return
    yield _table(ends, target, cluster.now)
    for pod in target.pods:
        yield from ended_findings(pod, target, cluster)


def _none(target: Pods) -> Finding:
    """Nothing has ended; of one pod its first container's state proves it."""
    pods = target.pods
    cited = []
    if len(pods) == 1:
        cited = [pods[0].cite(f"{view.path}.state") for view in pods[0].containers()][:3]
    return finding(
        "TerminationNone",
        pods[0] if len(pods) == 1 else target.subject,
        evidence=cited,
        pods=len(pods),
        containers=sum(1 for pod in pods for _ in pod.containers()),
        about=pods[0].kind_name if len(pods) == 1 else target.wanted,
    )


def _table(ends: list[ContainerEnd], target: Pods, now: datetime) -> Table:
    """Failures first, then the newest ends."""
    shown = sorted(ends, key=lambda one: (one.failure is None, one.age_key))[:_MOST_ROWS]
    columns = ["POD", "CONTAINER", "ROLE", "STATE", "EXIT CODE", "MEANING", "ENDED", "AGO", "RESTARTS"]
    numeric = ("EXIT CODE", "AGO", "RESTARTS")
    return Table(
        caption="Containers that have ended, failures first",
        columns=[Column(name=name, numeric=name in numeric) for name in columns],
        rows=[_row(one, target, now) for one in shown],
        omitted=len(ends) - len(shown),
    )


def _row(one: ContainerEnd, target: Pods, now: datetime) -> list[str]:
    pod, at = one.case.pod, one.end.finished_at
    return [
        pod.name if target.namespace else f"{pod.namespace}/{pod.name}",
        one.case.name,
        one.case.view.role,
        _state(one.case.view.status),
        str(one.end.exit_code),
        meaning(one.end) or one.end.reason,
        f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "unknown",
        human_duration((now - at).total_seconds()) if at else "",
        str(one.case.view.status.restart_count),
    ]


def _state(status: ContainerStatus) -> str:
    """`running`, `ended`, or why it waits."""
    if status.state.running is not None:
        return "running"
    if status.state.terminated is not None:
        return "ended"
    return status.state.waiting.reason if status.state.waiting and status.state.waiting.reason else "waiting"
