"""IC-04: the log of the right container and the right run.

The init container a pod is at, and of one that runs again after a failure both runs. What
the step before has shown is not shown twice; a log that is not there is said to be missing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, LogExcerpt, Note, finding
from kuberunbooks.objects import Pod

from ..pods.container_logs import LogReader, quote_log
from ..pods.containers import ContainerCase, is_out_of_hands
from ..pods.creation import IN_CREATION
from ..pods.shown_logs import shown_logs
from ..pods.target import Pods
from ..rules.exit_codes import START_REASONS
from ..rules.log_reading import Reading
from ..step import Yielded, step
from .resolve import say_if_idle
from .status_words import current

_NEVER_STARTED = "The container has never started, so there is none yet."


@step("IC-04", title="What do the init containers say?")
def logs(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What does the log of the init container in question say, of this run and of the one before?"""
    yield from say_if_idle(target)
    reader = LogReader(cluster, single=target.single)
    examples: set[Hashable] = set()
    for pod in target.suspects:
        if is_out_of_hands(pod) or not pod.is_scheduled:
            continue
        case = current(pod, target, cluster)
        if case is None or _kind(case) in examples:
            continue
        examples.add(_kind(case))
        yield from _of_container(case, target, reader)


def _kind(case: ContainerCase) -> Hashable:
    """Equal for containers of one workload that are in the same state: one log speaks for all."""
    status = case.view.status
    end = status.newest_end
    return (*case.like, status.state.running is None, *((end.exit_code, end.reason) if end else ()))


def _of_container(case: ContainerCase, target: Pods, reader: LogReader) -> Iterator[Yielded]:
    status = case.view.status
    waiting = status.state.waiting
    end = status.newest_end
    if status.state.running is None and (end is None or end.reason in START_REASONS):
        # Of a command that could not be executed the step before says that it never ran.
        if end is None and waiting is not None and waiting.reason not in IN_CREATION:
            yield _unavailable(case, _NEVER_STARTED)
        return
    shown = shown_logs(target)
    for previous in (False, True) if status.state.running is not None and status.restart_count else (False,):
        known = shown.get(log_source(case.pod, case.name, previous=previous))
        if known is not None:
            yield _seen(case) if known.lines else _unavailable(case, known.note)
            continue
        read = reader.last_end if previous else reader.current
        reading = read(case.pod, case.view, (_kind(case), previous))
        if reading is not None:
            yield from _show(case, reading, shown, previous=previous)


def _seen(case: ContainerCase) -> Note:
    return Note(
        text=f"The log of init container {case.name} of pod {case.pod.name} stands in the step before."
    )


def _show(
    case: ContainerCase, reading: Reading, shown: dict[str, LogExcerpt], *, previous: bool
) -> Iterator[Yielded]:
    excerpt = reading.excerpt
    shown[excerpt.source] = excerpt
    yield excerpt
    if not excerpt.lines:
        yield _unavailable(case, excerpt.note)
        return
    quote = quote_log(reading)
    yield finding(
        "InitLogCaptured",
        case.pod,
        container=case.name,
        evidence=quote.evidence,
        group=(previous,),
        quote=quote.text,
        previous=previous,
        running=case.view.status.state.running is not None,
        lines=excerpt.total_lines,
    )


def _unavailable(case: ContainerCase, note: str) -> Finding:
    status = case.view.status
    path = "state.waiting.reason" if status.state.waiting is not None else status.newest_end_path
    if status.state.running is not None:
        path = "state.running.startedAt"
    return finding(
        "InitLogUnavailable",
        case.pod,
        container=case.name,
        evidence=case.cite(path),
        group=(note,),
        note=note,
        never_started=note == _NEVER_STARTED,
        ended=status.newest_end is not None,
    )


def log_source(pod: Pod, container: str, *, previous: bool) -> str:
    """The source of a log as excerpts name it."""
    return f"logs/{pod.namespace}/{pod.name}/{container}{'.previous' if previous else ''}.log"
