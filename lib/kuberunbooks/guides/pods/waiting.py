"""DP-07: what else keeps a container from starting.

Configuration, security, creation, hooks, volumes, sandbox, init containers.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import ConfigMap, Evidence

from ..rules.error_lines import bounded
from ..rules.exit_codes import START_REASONS
from ..rules.patterns import RX_CFG_MISSING, RX_NONROOT
from ..step import Yielded, step
from .container_logs import LogReader
from .containers import (
    ContainerCase,
    container_facts,
    is_out_of_hands,
    pod_case,
    unready_since,
)
from .creation import IN_CREATION, slow_creation
from .hooks import HOOK_REASONS, hook_finding
from .images import IMAGE_REASONS
from .init_containers import init_waiting
from .mounts import pod_failures
from .target import Pods

# The states in which a container may wait by right, or of which another rule says why.
_TOLD_ELSEWHERE = IN_CREATION | IMAGE_REASONS | HOOK_REASONS | {"CrashLoopBackOff"}
_CAUSE = 400


@step("DP-07", title="What else keeps a container from starting?")
def waiting(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Are configuration, volumes, network, command and init containers there for every container to start?"""
    reader = LogReader(cluster, single=target.single)
    for pod in target.suspects:
        if is_out_of_hands(pod) or not pod.is_scheduled:
            continue
        whole = pod_case(pod, target, cluster)
        found: list[Yielded] = list(pod_failures(pod, whole.events, cluster.now))
        if not pod.is_terminal:
            found += init_waiting(whole, reader)
        for case in whole.containers("app", "init", "sidecar"):
            found += _not_started(case, cluster)
            found += hook_finding(case)
        yield from found
        if not any(isinstance(one, Finding) for one in found):
            yield from slow_creation(whole, cluster)


def _not_started(case: ContainerCase, cluster: Cluster) -> Iterator[Finding]:
    status = case.view.status
    waiting_ = status.state.waiting
    reason = waiting_.reason if waiting_ is not None else ""
    if waiting_ is not None and reason == "CreateContainerConfigError":
        yield _config(case, waiting_.message, cluster)
    elif waiting_ is not None and reason == "CreateContainerError":
        yield _create_failed(case, waiting_.message)
    elif reason == "RunContainerError" or _never_ran(case):
        yield _start_failed(case)
    elif waiting_ is not None and reason not in _TOLD_ELSEWHERE:
        yield _create_failed(case, waiting_.message, known=False)


def _never_ran(case: ContainerCase) -> bool:
    status = case.view.status
    end = status.newest_end
    if end is None or (end.reason not in START_REASONS and end.exit_code != 125):
        return False
    return status.state.running is None or (not status.ready and case.is_recent(end.finished_at))


def _config(case: ContainerCase, message: str, cluster: Cluster) -> Finding:
    missing = RX_CFG_MISSING.search(message)
    if missing is not None:
        return _config_missing(case, cluster, **_reference(missing))
    if RX_NONROOT.search(message):
        return _as_root(case, message)
    return _create_failed(case, message)


def _reference(match: Any) -> dict[str, str]:
    kind = (match["kind"] or match["kind2"] or "").lower()
    return {
        "kind": "ConfigMap" if kind == "configmap" else "Secret",
        "name": match["name"] or match["name2"] or "",
        "key": match["key"] or "",
    }


def _config_missing(case: ContainerCase, cluster: Cluster, *, kind: str, name: str, key: str) -> Finding:
    evidence = [case.cite("state.waiting.message")]
    keys: list[str] | None = None
    if kind == "ConfigMap" and key:
        held = cluster.find(ConfigMap, case.pod.namespace, name).object
        if held is not None:
            keys = held.keys
            evidence.append(held.cite("data", ", ".join(keys) or "no keys"))
    variable, cited = _variable(case, kind, name, key)
    return finding(
        "ContainerConfigMissing",
        case.pod,
        container=case.name,
        evidence=[*evidence, *cited],
        since=unready_since(case.pod),
        group=(kind, name, key),
        object_kind=kind,
        object_name=name,
        key=key,
        keys=keys,
        near=difflib.get_close_matches(key, keys or (), n=1, cutoff=0.85),
        variable=variable,
        **container_facts(case),
    )


def _variable(case: ContainerCase, kind: str, name: str, key: str) -> tuple[str, list[Evidence]]:
    """The environment variable that asks for it; `*` when the whole object is taken in, empty when none."""
    spec = case.view.spec
    for index, one in enumerate(spec.env if spec else ()):
        source = one.value_from
        ref = (
            (source.config_map_key_ref if kind == "ConfigMap" else source.secret_key_ref) if source else None
        )
        if ref is not None and ref.name == name and (not key or ref.key == key):
            return one.name, [case.cite_spec(f"env[{index}].valueFrom")]
    for index, whole in enumerate(spec.env_from if spec else ()):
        ref = whole.config_map_ref if kind == "ConfigMap" else whole.secret_ref
        if ref is not None and ref.name == name:
            return "*", [case.cite_spec(f"envFrom[{index}]")]
    return "", []


def _as_root(case: ContainerCase, message: str) -> Finding:
    own = case.view.spec.security_context if case.view.spec else None
    stated = own is not None and own.run_as_non_root is not None
    return finding(
        "RunAsNonRootViolation",
        case.pod,
        container=case.name,
        evidence=[
            case.cite("state.waiting.message"),
            case.cite_spec("securityContext.runAsNonRoot")
            if stated
            else case.pod.cite("spec.securityContext.runAsNonRoot"),
        ],
        since=unready_since(case.pod),
        group=(case.view.status.image,),
        named_user="non-numeric user" in message,
        **container_facts(case),
    )


def _create_failed(case: ContainerCase, message: str, *, known: bool = True) -> Finding:
    waiting_ = case.view.status.state.waiting
    return finding(
        "ContainerCreateFailed",
        case.pod,
        container=case.name,
        evidence=[case.cite("state.waiting.reason"), case.cite("state.waiting.message")],
        since=case.began(unready_since(case.pod)),
        cause=bounded(message, _CAUSE),
        reason=waiting_.reason if waiting_ is not None else "",
        known=known,
        **container_facts(case),
    )


def _start_failed(case: ContainerCase) -> Finding:
    status = case.view.status
    if status.state.waiting is not None and status.state.waiting.reason == "RunContainerError":
        message, path = status.state.waiting.message, "state.waiting.message"
    else:
        end = status.newest_end
        message, path = (end.message if end else ""), f"{status.newest_end_path}.message"
    return finding(
        "ContainerStartFailed",
        case.pod,
        container=case.name,
        evidence=case.cite(path),
        since=case.began(),
        group=(message,),
        cause=bounded(message.rpartition("unable to start container process: ")[2], _CAUSE),
        restarts=status.restart_count,
        **container_facts(case),
    )
