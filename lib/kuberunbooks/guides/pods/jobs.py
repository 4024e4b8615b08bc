"""Jobs and CronJobs (DP-11): which ended badly and why, which are suspended on purpose.

A failed Job's pods are still there unless its deadline removed them, so the exit
code and log line of the last one can be quoted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, LogExcerpt, Severity, finding
from kuberunbooks.objects import Condition, ContainerView, CronJob, Event, Evidence, Job, Pod

from ..rules.log_reading import Reading, read_log
from .target import Pods

_COMPLETED = "SawCompletedJob"
_MOST_LOGS = 10


class JobPods:
    """The failed pods of the target's Jobs; hands out their logs until enough were read for one run."""

    def __init__(self, target: Pods) -> None:
        self.single = target.single
        self.since = target.since
        self._failed: dict[tuple[str, str], list[Pod]] = {}
        self._logs_left = _MOST_LOGS
        for pod in target.suspects:
            owner = pod.controller if pod.phase == "Failed" else None
            if owner is not None and owner.kind == "Job":
                self._failed.setdefault((pod.namespace, owner.name), []).append(pod)

    def last_failed(self, one: Job) -> Pod | None:
        """The pod of the Job that failed last; None when its pods are gone or were not read."""
        return max(self._failed.get((one.namespace, one.name), ()), key=_pod_end, default=None)

    def read_log(self, pod: Pod, container: str, cluster: Cluster) -> Reading | None:
        """The log of a failed container; None when enough logs were read."""
        if not self._logs_left:
            return None
        self._logs_left -= 1
        return read_log(cluster.log(pod, container), f"Log of {container} in pod {pod.name}")


def job(
    one: Job, pods: JobPods, cluster: Cluster, *, severity: Severity | None = None
) -> Iterator[Finding | LogExcerpt]:
    """Whether a Job is suspended or has failed, and how its last pod ended."""
    if one.spec.suspend:
        yield finding("JobSuspended", one, evidence=one.cite("spec.suspend"))
        return
    found = _failure(one)
    if found is None:
        return
    index, condition = found
    evidence = [one.cite(f"status.conditions[{index}].reason")]
    owner = one.controller
    cron = owner.name if owner and owner.kind == "CronJob" else ""
    facts: dict[str, Any] = {"cron": cron, "explains": [f"cronjob/{cron}"] if cron else []}
    if condition.reason == "DeadlineExceeded":
        yield finding(
            "JobDeadlineExceeded",
            one,
            severity=severity,
            evidence=[*evidence, one.cite("spec.activeDeadlineSeconds")],
            since=condition.last_transition_time,
            deadline=one.spec.active_deadline_seconds,
            **facts,
        )
        return
    last = pods.last_failed(one)
    ended, more, excerpt = _how_it_ended(last, pods, cluster) if last else (_nothing_left(), [], None)
    code = "JobBackoffLimitExceeded" if condition.reason == "BackoffLimitExceeded" else "JobFailed"
    yield finding(
        code,
        one,
        severity=severity,
        evidence=[*evidence, *more],
        since=condition.last_transition_time,
        reason=condition.reason,
        message=condition.message,
        limit=one.spec.backoff_limit,
        failed=one.status.failed,
        **ended,
        **facts,
    )
    if excerpt is not None and excerpt.lines:
        yield excerpt


def cron_job(
    one: CronJob, jobs: Sequence[Job], pods: JobPods, cluster: Cluster
) -> Iterator[Finding | LogExcerpt]:
    """Whether a CronJob is suspended, or its newest finished Job failed. `jobs` are those still kept."""
    if one.spec.suspend:
        yield finding("CronJobSuspended", one, evidence=one.cite("spec.suspend"), schedule=one.spec.schedule)
    finished = sorted((job_ for job_ in jobs if _ended_at(job_)), key=_order)
    failed = [job_ for job_ in finished if _failure(job_)]
    if not failed:
        return
    newest = failed[-1]
    succeeded = one.status.last_successful_time
    ended = _ended_at(newest)
    if newest is not finished[-1] or (succeeded and ended and succeeded > ended):
        old = ended is not None and (cluster.now - ended).total_seconds() > pods.since
        yield from job(newest, pods, cluster, severity="info" if old else "warning")
        return
    yield from job(newest, pods, cluster)
    failures = [] if pods.single else _failures(one, pods.since, cluster)
    yield finding(
        "CronJobFailing",
        one,
        evidence=[one.cite("status.lastSuccessfulTime"), *(event.cite("message") for event in failures[-1:])],
        since=failures[0].first_seen if failures else ended,
        job=newest.name,
        times=max(len(failures), len(failed)),
        never=succeeded is None,
        schedule=one.spec.schedule,
    )


def _failures(one: CronJob, since: float, cluster: Cluster) -> list[Event]:
    """The events of Jobs seen to fail since the last success: failed Jobs themselves are soon removed."""
    start = cluster.now - timedelta(seconds=since)
    if one.status.last_successful_time and one.status.last_successful_time > start:
        start = one.status.last_successful_time
    return [
        event
        for event in cluster.events(one)
        if event.reason == _COMPLETED
        and event.message.endswith("condition: Failed")
        and event.last_seen
        and event.last_seen > start
    ]


def _failure(one: Job) -> tuple[int, Condition] | None:
    """The condition that ended the Job, or will once its pods are gone (FailureTarget)."""
    for type_ in ("Failed", "FailureTarget"):
        for index, condition in enumerate(one.status.conditions):
            if condition.type == type_ and condition.is_true:
                return index, condition
    return None


def _ended_at(one: Job) -> datetime | None:
    for condition in one.status.conditions:
        if condition.type in ("Failed", "Complete") and condition.is_true:
            return condition.last_transition_time
    return None


def _order(one: Job) -> float:
    ended = _ended_at(one)
    return ended.timestamp() if ended else 0.0


def _pod_end(pod: Pod) -> float:
    ends = [view.status.ended_at() for view in pod.containers("init", "app")]
    return max((end.timestamp() for end in ends if end), default=0.0)


def _how_it_ended(
    pod: Pod, pods: JobPods, cluster: Cluster
) -> tuple[dict[str, Any], list[Evidence], LogExcerpt | None]:
    """Exit code, and what it said last: the termination message, else the line of its log that says most."""
    view = _failed_container(pod)
    end = view.status.newest_end if view else None
    if view is None or end is None:
        return (
            _nothing_left() | {"pod": pod.name, "why": pod.status.reason},
            [pod.cite("status.reason")],
            None,
        )
    path = f"{view.path}.{view.status.newest_end_path}"
    evidence = [pod.cite(f"{path}.exitCode")]
    quote, excerpt = end.message.strip(), None
    if quote:
        evidence.append(pod.cite(f"{path}.message"))
    elif reading := pods.read_log(pod, view.name, cluster):
        excerpt, quote = reading.excerpt, reading.quote
        if quote:
            evidence.append(Evidence(excerpt.source, f"line {reading.number}", quote))
    facts = {
        "pod": pod.name,
        "failed_container": view.name,
        "exit_code": end.exit_code,
        "ended": end.reason,
        "quote": quote.splitlines()[-1] if quote else "",
        "why": "",
    }
    return facts, evidence, excerpt


def _failed_container(pod: Pod) -> ContainerView | None:
    for view in pod.containers("init", "app"):
        end = view.status.newest_end
        if end is not None and end.exit_code != 0:
            return view
    return None


def _nothing_left() -> dict[str, Any]:
    return {"pod": "", "failed_container": "", "exit_code": None, "ended": "", "quote": "", "why": ""}
