"""DP-09: why containers end, are killed, or stay unready."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod, Terminated

from ..rules.conditions import condition_path
from ..rules.exit_codes import START_REASONS
from ..rules.thresholds import STARTING
from ..step import Yielded, step
from .container_logs import LogReader
from .containers import ContainerCase, Examples, is_out_of_hands, pod_case, unready_since
from .endings import (
    crash_loop,
    ended_by_itself,
    is_crash_loop,
    newest_end,
    out_of_memory,
    stopped_on_purpose,
)
from .hooks import failed_hook
from .init_containers import init_failures
from .probes import explains, probe_record, readiness, restarting_probes
from .target import Pods


@step("DP-09", title="Why does it crash, or not get ready?")
def crashes(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """How did the last run of each container end, what did it say, and do its probes succeed?"""
    reader = LogReader(cluster, single=target.single)
    examples = Examples()
    for pod in target.suspects:
        if is_out_of_hands(pod) or not pod.is_scheduled:
            continue
        whole = pod_case(pod, target, cluster)
        yield from init_failures(whole, reader, target)
        cases = whole.containers("app", "sidecar")
        # A container that left a message needs its log least, should the logs be too many to read.
        for case in sorted(cases, key=_has_message):
            yield from _of_container(case, target, cluster, reader, examples)
        yield from _gates(pod, cluster.now)


def _has_message(case: ContainerCase) -> bool:
    end, spec = case.view.status.newest_end, case.view.spec
    return bool(end and end.message) and not (
        spec and spec.termination_message_policy == "FallbackToLogsOnError"
    )


def _of_container(
    case: ContainerCase, target: Pods, cluster: Cluster, reader: LogReader, examples: Examples
) -> Iterator[Yielded]:
    status = case.view.status
    if status.ready and not status.restart_count and not case.events:
        return
    end = newest_end(case)
    probes = list(restarting_probes(case, examples))
    looping = is_crash_loop(case)
    if looping:
        yield crash_loop(case, examples)
    if end is not None:
        yield from _of_end(case, end, target, reader, examples, looping=looping)
    yield from probes
    if not looping and not any(one.severity != "warning" for one in probes):
        yield from readiness(case, target, cluster, reader)


def _of_end(
    case: ContainerCase,
    end: Terminated,
    target: Pods,
    reader: LogReader,
    examples: Examples,
    *,
    looping: bool,
) -> Iterator[Yielded]:
    faultless = end.exit_code == 0 and not looping
    if faultless or stopped_on_purpose(case, end):
        return
    if end.reason in START_REASONS and case.view.status.state.running is not None and case.view.status.ready:
        return
    reading = reader.last_end(case.pod, case.view, (*case.like, end.exit_code, end.reason))
    if reading is not None:
        yield reading.excerpt
    if end.reason == "OOMKilled":
        yield out_of_memory(case, end, reading, examples)
        return
    killers = (probe_record(case, "Liveness"), probe_record(case, "Startup"))
    if any(explains(record, end, case.pod) for record in killers) or failed_hook(case)[0] == "postStart":
        return
    yield from ended_by_itself(case, end, reading, target, examples, looping=looping)


def _gates(pod: Pod, now: datetime) -> Iterator[Finding]:
    """ReadinessGateUnmet: every container is ready, and a condition somebody else must set is not there."""
    if not pod.spec.readiness_gates or pod.is_ready:
        return
    containers = pod.condition("ContainersReady")
    if containers is None or not containers.is_true:
        return
    since = containers.last_transition_time
    is_new = since is not None and (now - since).total_seconds() < STARTING
    for index, gate in enumerate(pod.spec.readiness_gates):
        condition = pod.condition(gate.condition_type)
        if condition is not None and condition.is_true:
            continue
        evidence = [pod.cite(f"spec.readinessGates[{index}].conditionType")]
        evidence.append(
            pod.cite(condition_path(pod, condition.type))
            if condition
            else pod.cite("status.conditions", "absent")
        )
        yield finding(
            "ReadinessGateUnmet",
            pod,
            # A load balancer, say, takes its time to register a pod that has just become ready.
            severity="info" if is_new else None,
            evidence=evidence,
            since=unready_since(pod),
            group=(gate.condition_type,),
            gate=gate.condition_type,
            state=condition.status if condition is not None else "",
            why=condition.message if condition is not None else "",
        )
