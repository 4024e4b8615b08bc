"""What the control plane's own logs complain of: trouble with the database, and errors that repeat.

One pod of each component, the sickest first, its last lines only. Healthy components log
errors all day long: apart from the database they are a note and no alarm.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster, Log
from kuberunbooks.findings import Finding, LogExcerpt, LogLine, finding
from kuberunbooks.objects import Evidence, Pod

from ..rules.error_lines import bounded
from ..rules.klog import Complaint, complaints, recent
from ..rules.storage_complaints import StorageComplaint, storage_complaints
from ..rules.thresholds import COMPONENT_ERRORS, COMPONENT_LOG, STORAGE_ERRORS
from .answer import THE_CLUSTER
from .components import COMPONENTS, component_of, is_sick

TAIL_LINES = 200
_SHOWN_LINES = 12
_SHOWN = 400
_KINDS = 3
_NEAR_STORAGE = ("kube-apiserver", "etcd")


def log_findings(pods: list[Pod], cluster: Cluster) -> Iterator[Finding | LogExcerpt]:
    """What the logs of the last minutes say."""
    for pod in _chosen(pods, cluster.now):
        container = pod.spec.containers[0].name if pod.spec.containers else component_of(pod)
        log = cluster.log(pod, container, tail_lines=TAIL_LINES)
        if not log.available:
            continue
        lines = [(line.at, line.text) for line in log.lines]
        storage = _late(storage_complaints(lines), cluster.now) if component_of(pod) in _NEAR_STORAGE else []
        full = [one for one in storage if one.full]
        if full or len(storage) >= STORAGE_ERRORS:
            yield _of_storage(pod, log, full or storage)
            yield _excerpt(pod, log, [(one.number, one.at, one.text) for one in full or storage])
        errors = recent(complaints(lines, cluster.now), cluster.now, COMPONENT_LOG)
        if len(errors) >= COMPONENT_ERRORS:
            yield _errors(pod, container, log, errors)
            yield _excerpt(pod, log, [(one.number, one.at, one.text) for one in errors])


def _chosen(pods: list[Pod], now: datetime) -> list[Pod]:
    chosen: list[Pod] = []
    for component in COMPONENTS:
        alike = [pod for pod in pods if component_of(pod) == component]
        alike.sort(key=lambda pod: (not is_sick(pod, now), pod.is_ready))
        chosen += alike[:1]
    return chosen


def _late(found: list[StorageComplaint], now: datetime) -> list[StorageComplaint]:
    return [one for one in found if one.at is not None and (now - one.at).total_seconds() <= COMPONENT_LOG]


def _of_storage(pod: Pod, log: Log, found: list[StorageComplaint]) -> Finding:
    last = found[-1]
    return finding(
        "EtcdUnhealthy",
        THE_CLUSTER,
        severity=None if last.full else "warning",
        evidence=Evidence(log.source, f"line {last.number}", bounded(last.text, _SHOWN)),
        since=found[0].at,
        likely=not last.full,
        said="full" if last.full else "log",
        checks=[],
        component=component_of(pod),
        times=len(found),
        example=bounded(last.text, _SHOWN),
    )


def _errors(pod: Pod, container: str, log: Log, errors: list[Complaint]) -> Finding:
    places = Counter(one.place for one in errors)
    last = {one.place: one for one in errors}
    common = [(place, count, last[place]) for place, count in places.most_common(_KINDS)]
    return finding(
        "ControlPlaneLogErrors",
        pod,
        evidence=[
            Evidence(log.source, f"line {one.number}", bounded(one.text, _SHOWN)) for _, _, one in common
        ],
        since=errors[0].at,
        component=component_of(pod),
        container=container,
        lines=len(errors),
        window=COMPONENT_LOG,
        messages=[f"{count}× {bounded(one.message, 160)}" for _, count, one in common],
    )


def _excerpt(pod: Pod, log: Log, lines: list[tuple[int, datetime | None, str]]) -> LogExcerpt:
    shown = lines[-_SHOWN_LINES:]
    left = len(lines) - len(shown)
    return LogExcerpt(
        source=log.source,
        caption=f"Errors in the log of {component_of(pod)} on {pod.spec.node_name or 'its node'}",
        lines=[
            LogLine(number=number, at=at, text=bounded(text, _SHOWN), marked=True)
            for number, at, text in shown
        ],
        total_lines=len(log.lines),
        note=f"{left} more before these." if left > 0 else "",
    )
