"""The containers of a pod in tables: what they are doing, how they are set up, their environment.

Part of the description step.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.findings import Column, Table
from kuberunbooks.objects import Container, ContainerState, ContainerView, Pod, human_duration
from kuberunbooks.objects.container import EnvVar
from kuberunbooks.redaction.names import env_secrecy

from ..pods.hooks import handler_text
from ..pods.probes import probe_text
from ..rules.error_lines import bounded
from ..rules.exit_codes import meaning

_LONG = 300
_HIDDEN = "(hidden: its name says that it is secret)"


def container_tables(pod: Pod, now: datetime) -> Iterator[Table]:
    """State, settings and environment of every container."""
    if views := list(pod.containers()):
        yield _states(pod, views, now)
    images = {view.name: view.status.image_id for view in pod.containers()}
    rows = [
        [one.name, what, bounded(value, _LONG)]
        for one in _all(pod)
        for what, value in (("image on the node", images.get(one.name, "")), *_settings(one))
        if value
    ]
    if rows:
        columns = [Column(name="CONTAINER"), Column(name="SETTING"), Column(name="VALUE")]
        yield Table(caption=f"How the containers of {pod.name} are set up", columns=columns, rows=rows)
    if environment := [row for one in _all(pod) for row in _environment(one)]:
        columns = [Column(name="CONTAINER"), Column(name="VARIABLE"), Column(name="VALUE")]
        yield Table(caption=f"Environment of {pod.name}", columns=columns, rows=environment)


def state_text(state: ContainerState, now: datetime) -> str:
    """`running since 14:02:11 UTC (3m)`, `waiting: CrashLoopBackOff`, `ended 2m ago with exit code 3`."""
    if state.running is not None:
        at = state.running.started_at
        since = f" since {at:%H:%M:%S} UTC ({human_duration((now - at).total_seconds())})" if at else ""
        return f"running{since}"
    if state.terminated is not None:
        end = state.terminated
        ago = f" {human_duration((now - end.finished_at).total_seconds())} ago" if end.finished_at else ""
        told = f": {meaning(end)}" if end.exit_code and meaning(end) else ""
        return f"ended{ago} with exit code {end.exit_code} ({end.reason or 'no reason given'}){told}"
    if state.waiting is not None and state.waiting.reason:
        return f"waiting: {state.waiting.reason}"
    return "waiting"


def _states(pod: Pod, views: list[ContainerView], now: datetime) -> Table:
    names = ["CONTAINER", "ROLE", "STATE", "BEFORE THAT", "READY", "RESTARTS", "IMAGE"]
    return Table(
        caption=f"Containers of {pod.name}",
        columns=[Column(name=name, numeric=name == "RESTARTS") for name in names],
        rows=[
            [
                view.name,
                view.role,
                state_text(view.status.state, now),
                state_text(view.status.last_state, now) if view.status.last_state.terminated else "",
                "yes" if view.status.ready else "no",
                str(view.status.restart_count),
                view.spec.image if view.spec else view.status.image,
            ]
            for view in views
        ],
    )


def _all(pod: Pod) -> list[Container]:
    return [*pod.spec.init_containers, *pod.spec.containers, *pod.spec.ephemeral_containers]


def _settings(one: Container) -> Iterator[tuple[str, str]]:
    security, resources = one.security_context, one.resources
    yield "command", shlex.join(one.command)
    yield "arguments", shlex.join(one.args)
    yield (
        "ports",
        ", ".join(
            f"{port.name + ' ' if port.name else ''}{port.container_port}/{port.protocol}"
            + (f" on host port {port.host_port}" if port.host_port else "")
            for port in one.ports
        ),
    )
    for what, amounts in (("requests", resources.requests), ("limits", resources.limits)):
        yield what, ", ".join(f"{name} {amount}" for name, amount in sorted(amounts.items()))
    for kind in ("startup", "liveness", "readiness"):
        probe = getattr(one, f"{kind}_probe")
        if probe is not None:
            yield (
                f"{kind} probe",
                (
                    f"{probe_text(probe)}, first after {probe.initial_delay_seconds} s, "
                    f"every {probe.period_seconds} s, timeout {probe.timeout_seconds} s, "
                    f"acts after {probe.failure_threshold} failures"
                ),
            )
    if one.lifecycle is not None:
        yield "after start", handler_text(one.lifecycle.post_start)
        yield "before stop", handler_text(one.lifecycle.pre_stop)
    yield "restart policy", one.restart_policy
    yield "pull policy", one.image_pull_policy
    if security is not None:
        yield "runs as", f"user {security.run_as_user}" if security.run_as_user is not None else ""
        yield "must not be root", "yes" if security.run_as_non_root else ""
        yield "privileged", "yes" if security.privileged else ""
    if one.termination_message_policy != "File":
        yield "termination message", one.termination_message_policy


def _environment(one: Container) -> Iterator[list[str]]:
    for whole in one.env_from:
        kind, ref = (
            ("ConfigMap", whole.config_map_ref) if whole.config_map_ref else ("Secret", whole.secret_ref)
        )
        if ref is not None:
            yield [one.name, f"{whole.prefix}*", f"all keys of {kind} {ref.name}{_optional(ref.optional)}"]
    for entry in one.env:
        yield [one.name, entry.name, _value(entry)]


def _value(entry: EnvVar) -> str:
    source = entry.value_from
    if source is None:
        return _HIDDEN if entry.value and env_secrecy(entry.name) else bounded(entry.value, _LONG)
    if source.config_map_key_ref is not None:
        ref = source.config_map_key_ref
        return f"key {ref.key} of ConfigMap {ref.name}{_optional(ref.optional)}"
    if source.secret_key_ref is not None:
        ref = source.secret_key_ref
        return f"key {ref.key} of Secret {ref.name}{_optional(ref.optional)}"
    return f"field {source.field_ref.field_path} of the pod" if source.field_ref else "from elsewhere"


def _optional(optional: bool | None) -> str:
    return ", may be missing" if optional else ""
