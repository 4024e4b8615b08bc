"""Lifecycle hooks that failed: postStart kills the container it belongs to, preStop only shows at a stop.

Called by the waiting step for the finding, by the crash rules for what it explains.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Event, Handler

from ..rules.error_lines import bounded
from ..rules.thresholds import BACKOFF_RESET
from .containers import ContainerCase, container_facts

_HOOKS = {"FailedPostStartHook": "postStart", "FailedPreStopHook": "preStop"}
HOOK_REASONS = frozenset({"PreCreateHookError", "PreStartHookError", "PostStartHookError"})
"""state.waiting.reason of a hook that failed; usually hidden by CrashLoopBackOff, so the events count too."""


def failed_hook(case: ContainerCase) -> tuple[str, Event | None]:
    """`postStart` or `preStop` and its newest event; empty when none failed, or it runs well since."""
    running = case.view.status.state.running
    if running is not None and case.view.status.ready and running.started_at is not None:
        clean = (case.now - running.started_at).total_seconds() > BACKOFF_RESET
        if clean:
            return "", None
    for event in reversed(case.events):
        if event.reason in _HOOKS:
            return _HOOKS[event.reason], event
    waiting = case.view.status.state.waiting
    return ("postStart", None) if waiting is not None and waiting.reason in HOOK_REASONS else ("", None)


def hook_finding(case: ContainerCase) -> Iterator[Finding]:
    """LifecycleHookFailed with the hook as the specification has it: the event does not say what it ran."""
    hook, event = failed_hook(case)
    if not hook:
        return
    spec = case.view.spec
    lifecycle = spec.lifecycle if spec is not None else None
    handler = (lifecycle.post_start if hook == "postStart" else lifecycle.pre_stop) if lifecycle else None
    evidence = [event.cite("message")] if event is not None else [case.cite("state.waiting.reason")]
    if handler is not None:
        evidence.append(case.cite_spec(f"lifecycle.{hook}"))
    yield finding(
        "LifecycleHookFailed",
        case.pod,
        container=case.name,
        # A failed preStop hook delays a stop, it does not break what runs.
        severity="warning" if hook == "preStop" else None,
        evidence=evidence,
        since=event.first_seen if event is not None else case.began(),
        group=(hook,),
        hook=hook,
        runs=handler_text(handler),
        times=event.occurrences if event is not None else 1,
        cause=bounded(event.text, 300) if event is not None else "",
        **container_facts(case),
    )


def handler_text(handler: Handler | None) -> str:
    """`exec sh -c 'sleep 1'`, `http GET :8080/start`, `sleep 5 s`; empty when the spec has none."""
    if handler is None:
        return ""
    if handler.exec is not None:
        return f"exec {bounded(shlex.join(handler.exec.command), 200)}"
    if handler.http_get is not None:
        return f"http GET {handler.http_get.host}:{handler.http_get.port}{handler.http_get.path}"
    if handler.tcp_socket is not None:
        return f"tcp {handler.tcp_socket.host}:{handler.tcp_socket.port}"
    return f"sleep {handler.sleep.get('seconds', 0)} s" if handler.sleep else ""
