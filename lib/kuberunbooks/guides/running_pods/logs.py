"""RP-11 and RP-12: what the containers write now, and what the run before wrote.

The crash rules read the log of what ended, to find out why. Here every container of the
pods shown is read, because a pod that runs and does the wrong thing says so only here.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster, Log
from kuberunbooks.findings import Finding, LogExcerpt, Note, finding
from kuberunbooks.objects import ContainerView, Evidence, Pod

from ..pods.containers import is_out_of_hands
from ..pods.shown_logs import shown_logs
from ..pods.target import Pods
from ..rules.error_lines import error_rank, message_of
from ..rules.exit_codes import START_REASONS
from ..rules.log_reading import read_log
from ..rules.settling import is_starting
from ..step import Yielded, step
from .described import described

_MOST_LOGS = 8
_QUOTED = 10


@step("RP-11", title="What do its containers write?")
def logs(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which errors stand in the logs of the present runs?"""
    views = [(pod, view) for pod in described(target) for view in pod.containers() if _has_log(view)]
    for pod, view in views[:_MOST_LOGS]:
        log = cluster.log(pod, view.name)
        reading = read_log(log, f"Log of container {view.name} of pod {pod.name}, the {_run(view)} run")
        yield from _shown_once(reading.excerpt, target)
        if log.state == "empty":
            yield _empty(pod, view, log)
        elif log.available:
            yield from _errors(pod, view, log, target)
    yield from _left_out(len(views))


@step("RP-12", title="What did the run before write?")
def previous_logs(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What stood in the log when a container last ended and was started again?"""
    views = [(pod, view) for pod in described(target) for view in pod.containers() if _has_previous(view)]
    for pod, view in views[:_MOST_LOGS]:
        log = cluster.log(pod, view.name, previous=True)
        reading = read_log(log, f"Log of container {view.name} of pod {pod.name}, the run before")
        yield from _shown_once(reading.excerpt, target)
        code = "PreviousLogCaptured" if log.available else "PreviousLogUnavailable"
        yield finding(
            code,
            pod,
            container=view.name,
            evidence=[Evidence(log.source, "lines", str(len(log.lines)) if log.available else log.state)],
            why=reading.excerpt.note,
            quote=reading.quote,
            lines=len(log.lines),
        )
    yield from _left_out(len(views))


def _shown_once(excerpt: LogExcerpt, target: Pods) -> Iterator[LogExcerpt | Note]:
    """The step that asks why a container ended has often shown the same log."""
    if excerpt.source in shown_logs(target):
        yield Note(text=f"{excerpt.source} stands in the step that says why it is not as it should be.")
    else:
        yield excerpt


def _has_log(view: ContainerView) -> bool:
    """A container that never began has none; asking would only be refused."""
    state = view.status.state
    return state.running is not None or view.status.newest_end is not None


def _has_previous(view: ContainerView) -> bool:
    """While it waits for its restart, or has ended, the current log is that of the last run already."""
    return view.status.restart_count > 0 and view.status.state.running is not None


def _run(view: ContainerView) -> str:
    return "current" if view.status.state.running is not None else "last"


def _left_out(views: int) -> Iterator[Note]:
    if views > _MOST_LOGS:
        yield Note(
            text=f"{views - _MOST_LOGS} more logs were not read: name one pod as the target to read its own."
        )


def _empty(pod: Pod, view: ContainerView, log: Log) -> Finding:
    end = view.status.newest_end
    return finding(
        "ContainerLogEmpty",
        pod,
        container=view.name,
        evidence=Evidence(log.source, "length", "0"),
        never_ran=end is not None and end.reason in START_REASONS,
        running=view.status.state.running is not None,
    )


def _errors(pod: Pod, view: ContainerView, log: Log, target: Pods) -> Iterator[Finding]:
    errors = [(number, line) for number, line in enumerate(log.lines, 1) if error_rank(line.text) > 1]
    if not errors:
        return
    newest = errors[-_QUOTED:]
    messages = list(dict.fromkeys(message_of(line.text) for _, line in newest))
    last = newest[-1][1]
    yield finding(
        "ContainerLogErrors",
        pod,
        container=view.name,
        severity="warning" if _is_in_trouble(pod, view, target) else None,
        evidence=[
            Evidence(log.source, f"line {number}", message_of(line.text)) for number, line in newest[-3:]
        ],
        since=errors[0][1].at,
        messages=messages,
        quote=messages[-1],
        lines=len(errors),
        read=len(log.lines),
        last_at=f"{last.at:%H:%M:%S} UTC" if last.at else "",
    )


def _is_in_trouble(pod: Pod, view: ContainerView, target: Pods) -> bool:
    """A healthy program may print ERROR; of one that fails or is not ready it is worth an alarm."""
    status, end, now = view.status, view.status.newest_end, target.now
    if is_out_of_hands(pod) or view.role == "ephemeral" or (now is not None and is_starting(pod, now)):
        return False
    if view.role == "init" and (end is None or end.exit_code == 0):
        # It is at work, or has done its work.
        return False
    if not status.ready:
        return True
    ended = end.finished_at if end is not None else None
    return bool(
        end is not None
        and end.exit_code
        and ended is not None
        and now is not None
        and (now - ended).total_seconds() <= target.since
    )
