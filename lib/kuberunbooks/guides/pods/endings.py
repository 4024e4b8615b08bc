"""How a container ended, classified: which code a run's end gives, and what else explains it.

Called by the crash step for app containers and sidecars. What stopped a
container from outside (memory, a probe, a hook) explains its exit code, so no
second finding is made of the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import Job, Terminated, parse_quantity, quantity_text

from ..rules.error_lines import normalised
from ..rules.exit_codes import (
    NOT_EXECUTABLE_CODE,
    NOT_FOUND_CODE,
    SEGFAULT_CODES,
    SIGKILL_CODE,
    SIGTERM_CODE,
    START_REASONS,
    meaning,
)
from ..rules.log_reading import Reading
from ..rules.patterns import RX_NOEXEC
from ..rules.thresholds import BACKOFF_RESET
from .container_logs import Quote, quote_end, quote_log
from .containers import ContainerCase, Examples, container_facts
from .target import Pods


def newest_end(case: ContainerCase) -> Terminated | None:
    """The end to explain: of a container that is not running its last one, of a running one a recent one."""
    end = case.view.status.newest_end
    if end is None:
        return None
    if case.view.status.state.running is None or case.is_recent(end.finished_at):
        return end
    return None


def is_crash_loop(case: ContainerCase) -> bool:
    """In back-off, or ended again lately after a short run: half of all loops look so."""
    status = case.view.status
    waiting = status.state.waiting
    if waiting is not None and waiting.reason == "CrashLoopBackOff":
        return True
    end = status.newest_end
    if end is None or status.restart_count < 2 or end.finished_at is None:
        return False
    if case.now - end.finished_at > timedelta(seconds=BACKOFF_RESET):
        return False
    ran = end.ran_seconds
    # Two restarts in ten days are no loop, whenever the second one was.
    return ran is None or ran < BACKOFF_RESET or _backs_off(case)


def _backs_off(case: ContainerCase) -> bool:
    return any(event.reason == "BackOff" and event.type == "Warning" for event in case.events)


def crash_loop(case: ContainerCase, examples: Examples) -> Finding:
    """CrashLoop: that it is restarted again and again; why is another finding."""
    status, since = case.view.status, case.began()
    if (follower := examples.follower(case, "CrashLoop", (), since=since)) is not None:
        return follower
    waiting = status.state.waiting
    in_state = waiting is not None and waiting.reason == "CrashLoopBackOff"
    path = "state.waiting.message" if in_state else f"{status.newest_end_path}.finishedAt"
    return finding(
        "CrashLoop",
        case.pod,
        container=case.name,
        evidence=[case.cite(path), case.cite("restartCount")],
        since=since,
        restarts=status.restart_count,
        running=status.state.running is not None,
        **container_facts(case),
    )


def out_of_memory(
    case: ContainerCase, end: Terminated, reading: Reading | None, examples: Examples
) -> Finding:
    """ContainerOomKilled with the limit, the pod's where the container has none of its own."""
    status, path, since = case.view.status, case.view.status.newest_end_path, case.began()
    limit, cited = _memory_limit(case)
    if (follower := examples.follower(case, "ContainerOomKilled", (limit,), since=since)) is not None:
        return follower
    evidence = [case.cite(f"{path}.reason"), case.cite(f"{path}.exitCode")]
    amount = parse_quantity(limit) if limit else None
    ran = end.ran_seconds
    return finding(
        "ContainerOomKilled",
        case.pod,
        container=case.name,
        evidence=[*evidence, *cited],
        since=since,
        group=(limit,),
        limit=limit,
        suggested=quantity_text("memory", amount * 2) if amount else "",
        restarts=status.restart_count,
        running=status.state.running is not None,
        ran_seconds=ran,
        last_at=f"{end.finished_at:%H:%M:%S} UTC" if end.finished_at else "",
        log_line=quote_log(reading).text,
        **container_facts(case),
    )


def _memory_limit(case: ContainerCase) -> tuple[str, list[Any]]:
    spec, whole = case.view.spec, case.pod.spec.resources
    if spec is not None and "memory" in spec.resources.limits:
        return str(spec.resources.limits["memory"]), [case.cite_spec("resources.limits.memory")]
    if whole is not None and "memory" in whole.limits:
        return str(whole.limits["memory"]), [case.pod.cite("spec.resources.limits.memory")]
    return "", [case.cite_spec("resources")]


def ended_by_itself(
    case: ContainerCase,
    end: Terminated,
    reading: Reading | None,
    target: Pods,
    examples: Examples,
    *,
    looping: bool,
) -> Iterator[Finding]:
    """The finding for an end that nothing from outside explains; none when it is no fault."""
    code = code_of(case, end, looping=looping)
    if not code:
        return
    status = case.view.status
    severity = severity_of(code, case, end, target, looping=looping)
    since = end.finished_at if status.restart_count == 0 else case.began()
    group = (end.exit_code, end.reason, normalised(end.message))
    follower = examples.follower(case, code, group, severity=severity, since=since)
    if follower is not None:
        yield follower
        return
    path = f"{case.view.path}.{status.newest_end_path}"
    policy = case.view.spec.termination_message_policy if case.view.spec else ""
    never_ran = end.reason in START_REASONS
    quote = Quote() if never_ran else quote_end(end, path, case.pod, policy, reading)
    from_log = quote_log(reading) if quote.source == "termination message" and not never_ran else Quote()
    if from_log.text == quote.text or reading is None or not reading.is_error:
        from_log = Quote()
    evidence = [
        case.cite(f"{status.newest_end_path}.{'message' if never_ran else 'exitCode'}"),
        *quote.evidence,
    ]
    started = RX_NOEXEC.search(end.message) if never_ran else None
    ran = end.ran_seconds
    yield finding(
        code,
        case.pod,
        container=case.name,
        severity=severity,
        evidence=[*evidence, *from_log.evidence, case.cite("restartCount")],
        since=since,
        group=group,
        exit_code=end.exit_code,
        reason=end.reason,
        meaning=meaning(end),
        quote=quote.text,
        quote_source=quote.source,
        log_line=from_log.text,
        log_note=reading.excerpt.note if reading is not None and not reading.quote else "",
        executable=(started["exe"] or "") if started else "",
        why=(started["why"] or started["why2"] or "") if started else "",
        command=_command(case),
        never_ran=never_ran,
        looping=looping,
        running=status.state.running is not None,
        restarts=status.restart_count,
        ran_seconds=ran,
        restart_policy=case.pod.spec.restart_policy,
        retry_succeeded=job_done_since(case, end, target),
        **container_facts(case),
    )


def code_of(case: ContainerCase, end: Terminated, *, looping: bool) -> str:
    """The code of an end by its reason and exit code; empty when it is no fault, or another step tells it."""
    if end.reason in START_REASONS:
        match = RX_NOEXEC.search(end.message)
        why = (match["why"] or match["why2"] or "") if match else ""
        if not why:
            return ""
        return "CommandNotFound" if "not found" in why or "no such file" in why else "CommandNotExecutable"
    code = end.exit_code
    by_code = {NOT_FOUND_CODE: "CommandNotFound", NOT_EXECUTABLE_CODE: "CommandNotExecutable", 125: ""}
    if code in by_code:
        return by_code[code]
    if code in SEGFAULT_CODES:
        return "ContainerSegfault"
    if code == 0:
        ends_by_itself = looping and _restarts_always(case) and not _may_have_been_killed(case, end)
        return "CommandExitsImmediately" if ends_by_itself else ""
    return {SIGKILL_CODE: "ContainerSigkilled", SIGTERM_CODE: "ContainerSigterm"}.get(
        code, "ContainerExitedError"
    )


def _restarts_always(case: ContainerCase) -> bool:
    spec = case.view.spec
    return ((spec.restart_policy if spec else "") or case.pod.spec.restart_policy) == "Always"


def _may_have_been_killed(case: ContainerCase, end: Terminated) -> bool:
    """Without any event about the container, a probe or hook that had the time may be what stopped it."""
    spec = case.view.spec
    if case.events or spec is None:
        return False
    if spec.lifecycle is not None and spec.lifecycle.post_start is not None:
        return True
    ran = end.ran_seconds
    probes = (one for one in (spec.liveness_probe, spec.startup_probe) if one is not None)
    least = (one.initial_delay_seconds + (one.failure_threshold - 1) * one.period_seconds for one in probes)
    return any(ran is None or ran >= seconds for seconds in least)


def severity_of(
    code: str, case: ContainerCase, end: Terminated, target: Pods, *, looping: bool
) -> Severity | None:
    """None for the catalogue's; worse for a loop or a final failure, better for what a retry mended."""
    if job_done_since(case, end, target):
        return "info"
    if code in ("ContainerExitedError", "CommandExitsImmediately") and (
        looping or (case.pod.phase == "Failed" and not is_tried_again(case, target))
    ):
        return "critical"
    return None


def is_tried_again(case: ContainerCase, target: Pods) -> bool:
    """A Job that has not given up makes another pod, which may still succeed."""
    job = target.controller_of(case.pod)
    return isinstance(job, Job) and not any(
        one.is_true and one.type in ("Failed", "FailureTarget") for one in job.status.conditions
    )


def job_done_since(case: ContainerCase, end: Terminated, target: Pods) -> bool:
    """A pod of a Job that failed, while the Job, or a later one of its CronJob, has succeeded since."""
    if case.pod.phase != "Failed":
        return False
    job = target.controller_of(case.pod)
    if isinstance(job, Job) and job.is_condition_true("Complete"):
        return True
    status = getattr(target.top_of(case.pod), "status", None)
    succeeded = getattr(status, "last_successful_time", None)
    return succeeded is not None and end.finished_at is not None and succeeded > end.finished_at


def stopped_on_purpose(case: ContainerCase, end: Terminated) -> bool:
    """The kubelet stopped it for a deletion or a deadline: it wrote "Stopping container" before this end."""
    stop = next(
        (e for e in case.events if e.reason == "Killing" and e.text.startswith("Stopping container")), None
    )
    seen = stop.first_seen if stop is not None else None
    return seen is not None and end.finished_at is not None and end.finished_at >= seen - timedelta(seconds=2)


def _command(case: ContainerCase) -> str:
    """The first word of the command, or what the image's own entrypoint is called; never its arguments."""
    spec = case.view.spec
    return spec.command[0] if spec is not None and spec.command else ""
