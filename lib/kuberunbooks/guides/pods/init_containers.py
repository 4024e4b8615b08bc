"""Init containers: in progress, waiting, or failed.

They run one after the other, so the first unfinished one counts.

`init_waiting` serves the waiting step, `init_failures` the crash step. Sidecars
(restartPolicy Always) are init containers that are done once started.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import Terminated

from ..rules.error_lines import error_rank, message_of, normalised
from ..rules.exit_codes import START_REASONS, meaning
from ..rules.patterns import RX_NOEXEC
from ..rules.thresholds import CREATING_GRACE, INIT_LONG
from ..step import Yielded
from .container_logs import LogReader, line_evidence, quote_end
from .containers import (
    ContainerCase,
    PodCase,
    container_facts,
    last_seen_node_lost,
    unready_since,
)
from .endings import is_tried_again, job_done_since
from .target import Pods

_ORDINARY = frozenset({"", "PodInitializing", "ContainerCreating", "CrashLoopBackOff", "RunContainerError"})


def init_waiting(pod: PodCase, reader: LogReader) -> Iterator[Yielded]:
    """What the first unfinished init container is doing, unless it has failed."""
    case = unfinished(pod)
    if case is None or last_seen_node_lost(pod.pod):
        return
    status, waiting = case.view.status, case.view.status.state.waiting
    if waiting is not None and waiting.reason not in _ORDINARY:
        yield finding(
            "InitContainerWaiting",
            case.pod,
            container=case.name,
            evidence=case.cite("state.waiting.reason"),
            since=unready_since(case.pod),
            group=(waiting.reason,),
            reason=waiting.reason,
            **place_facts(case),
        )
    elif status.state.running is not None and case.view.role == "sidecar":
        yield from _sidecar(case)
    elif status.state.running is not None and failed_end(case) is None:
        yield from _running(case, reader)


def init_failures(pod: PodCase, reader: LogReader, target: Pods) -> Iterator[Yielded]:
    """The init container that failed, with its last words."""
    case = unfinished(pod)
    if case is None or case.view.role == "sidecar":
        return
    end = failed_end(case)
    if end is None:
        return
    status = case.view.status
    reading = reader.last_end(case.pod, case.view, (*case.like, end.exit_code, end.reason))
    if reading is not None:
        yield reading.excerpt
    policy = case.view.spec.termination_message_policy if case.view.spec else ""
    quote = quote_end(end, f"{case.view.path}.{status.newest_end_path}", case.pod, policy, reading)
    restart = (case.view.spec.restart_policy if case.view.spec else "") or case.pod.spec.restart_policy
    back_off = status.state.waiting is not None and status.state.waiting.reason == "CrashLoopBackOff"
    if restart == "Never" and status.state.terminated is not None:
        code = "InitPodFailed"
    elif back_off or status.restart_count > 1:
        code = "InitCrashLoop"
    else:
        code = "InitContainerFailed"
    evidence = [case.cite(f"{status.newest_end_path}.exitCode"), case.cite("restartCount"), *quote.evidence]
    if code == "InitPodFailed":
        evidence.insert(0, case.pod.cite("spec.restartPolicy"))
    eased: Severity | None = "warning" if code == "InitPodFailed" and is_tried_again(case, target) else None
    yield finding(
        code,
        case.pod,
        container=case.name,
        severity="info" if job_done_since(case, end, target) else eased,
        evidence=evidence,
        since=case.began(),
        group=(end.exit_code, end.reason, normalised(end.message)),
        exit_code=end.exit_code,
        meaning=meaning(end),
        out_of_memory=end.reason == "OOMKilled",
        executable=executable(end),
        quote=quote.text,
        quote_source=quote.source,
        restarts=status.restart_count,
        never_ran=end.reason in START_REASONS,
        note=reading.excerpt.note if reading is not None else "",
        **place_facts(case),
    )


def unfinished(whole: PodCase) -> ContainerCase | None:
    """The first init container neither completed nor (a sidecar) started; None when there is none."""
    pod = whole.pod
    if not pod.spec.init_containers or pod.is_condition_true("Initialized"):
        return None
    for case in whole.containers("init", "sidecar"):
        status = case.view.status
        ended = status.state.terminated
        if (ended is not None and ended.exit_code == 0) or (case.view.role == "sidecar" and status.started):
            continue
        return case
    return None


def failed_end(case: ContainerCase) -> Terminated | None:
    """Its newest end when that was a failure."""
    end = case.view.status.newest_end
    return end if end is not None and end.exit_code != 0 and case.is_recent(end.finished_at) else None


def _running(case: ContainerCase, reader: LogReader) -> Iterator[Yielded]:
    running = case.view.status.state.running
    started = running.started_at if running else None
    seconds = (case.now - started).total_seconds() if started else 0.0
    reading = reader.current(case.pod, case.view, case.like)
    if reading is not None:
        yield reading.excerpt
    lines = reading.excerpt.lines if reading is not None else []
    # What it said last is what it waits for; a complaint further up may be why it waits in vain.
    last = lines[-1] if lines else None
    trouble = next((line for line in reversed(lines) if error_rank(line.text) > 1 and line is not last), None)
    evidence = [case.cite("state.running.startedAt")]
    evidence += [
        line_evidence(reading, line) for line in (last, trouble) if reading is not None and line is not None
    ]
    yield finding(
        "InitContainerLongRunning" if seconds > INIT_LONG else "InitProgress",
        case.pod,
        container=case.name,
        evidence=evidence,
        since=started,
        seconds=seconds,
        quote=message_of(last.text) if last is not None else "",
        quote_source="log" if last is not None else "",
        trouble=message_of(trouble.text) if trouble is not None else "",
        trouble_times=trouble.repeats if trouble is not None else 0,
        # That it runs on is no cause: what it waits for, or another fault of its pod, is.
        because=[case.pod.kind_name],
        **place_facts(case),
    )


def _sidecar(case: ContainerCase) -> Iterator[Finding]:
    """A sidecar that runs but has not passed its startup probe holds up everything after it."""
    running = case.view.status.state.running
    started = running.started_at if running else None
    probe = case.view.spec.startup_probe if case.view.spec else None
    grace = max(CREATING_GRACE, probe.initial_delay_seconds + probe.budget_seconds if probe else 0.0)
    seconds = (case.now - started).total_seconds() if started else 0.0
    if seconds <= grace:
        return
    yield finding(
        "SidecarNotStarted",
        case.pod,
        container=case.name,
        evidence=[case.cite("started"), case.cite("state.running.startedAt")],
        since=started,
        seconds=seconds,
        has_probe=probe is not None,
        **place_facts(case),
    )


def executable(end: Terminated) -> str:
    """The command that could not be started, by the runtime's message; empty when it names none."""
    match = RX_NOEXEC.search(end.message) if end.reason in START_REASONS else None
    return (match["exe"] or "") if match else ""


def place_facts(case: ContainerCase) -> dict[str, Any]:
    """Facts about where in the row of init containers it stands, counted from 1."""
    names = [one.name for one in case.pod.spec.init_containers]
    position = names.index(case.name) + 1 if case.name in names else 1
    return {"position": position, "of": len(names), **container_facts(case)}
