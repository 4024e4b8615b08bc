"""Failing probes: what was asked, what came back, how often, and whether the kubelet killed for it.

Called by the crash step. A kill is proven only by the event Killing or by an
end after the failures; below its threshold a probe restarts nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import Event, Evidence, Pod, Probe, Terminated

from ..rules.error_lines import bounded
from ..rules.exit_codes import STOPPED_CODES
from ..rules.patterns import RX_KILL, RX_PROBE, RX_PROBE_WHY
from ..rules.settling import is_starting
from ..rules.superseded import probe_recovered
from ..rules.thresholds import DEFAULT_TERMINATION_GRACE, EVENT_BURST
from ..step import Yielded
from .container_logs import LogReader
from .containers import ContainerCase, Examples, container_facts, last_seen_node_lost, unready_since
from .target import Pods


class ProbeRecord(NamedTuple):
    """What events say of one probe (`Liveness`, `Readiness`, `Startup`) of one container."""

    kind: str
    failures: list[Event]
    kills: list[Event]
    killed: bool
    proven: bool

    @property
    def newest(self) -> Event:
        """The last failure that was written down."""
        return self.failures[-1]


def probe_record(case: ContainerCase, kind: str) -> ProbeRecord | None:
    """The failures of a probe and the kills for it; None when neither was recorded or it has recovered."""
    if not case.events:
        return None
    failures = [e for e in case.events if e.reason == "Unhealthy" and _kind_of(e) == kind]
    kills = [e for e in case.events if e.reason == "Killing" and _killer_of(e) == kind]
    newest = failures[-1] if failures else (kills[-1] if kills else None)
    if newest is None or probe_recovered(case.pod, case.view, newest, case.now):
        return None
    end = case.view.status.newest_end
    ended_after = (
        bool(failures) and kind != "Readiness" and end is not None and end.exit_code in STOPPED_CODES
        and end.reason != "OOMKilled" and end.finished_at is not None
        and failures[0].first_seen is not None and end.finished_at >= failures[0].first_seen
    )  # fmt: skip
    return ProbeRecord(kind, failures or kills, kills, bool(kills) or ended_after, bool(kills))


def explains(record: ProbeRecord | None, end: Terminated, pod: Pod) -> bool:
    """Whether a kill for this probe is why the container ended as it did."""
    if record is None or not record.killed or end.reason == "OOMKilled":
        return False
    if end.exit_code in STOPPED_CODES:
        return True
    # Some programs answer SIGTERM with a code of their own: that is it, within the last kill's grace period.
    killed_at = record.kills[-1].last_seen if record.kills else None
    grace = pod.spec.termination_grace_period_seconds
    slack = timedelta(seconds=(DEFAULT_TERMINATION_GRACE if grace is None else grace) + 2)
    return (
        killed_at is not None
        and end.finished_at is not None
        and killed_at - timedelta(seconds=2) <= end.finished_at <= killed_at + slack
    )


def restarting_probes(case: ContainerCase, examples: Examples) -> Iterator[Finding]:
    """LivenessProbeFailing and StartupProbeFailing."""
    for kind in ("Liveness", "Startup"):
        record = probe_record(case, kind)
        if record is None or (kind == "Startup" and case.view.status.started):
            continue
        if not record.killed and (kind == "Startup" or not _keeps_failing(case, record)):
            # A startup probe fails until the container has started; one failed answer is no failing probe.
            continue
        yield _restarting(case, record, examples)


def _keeps_failing(case: ContainerCase, record: ProbeRecord) -> bool:
    """The last failure is as recent as the period allows, or there were enough to reach the threshold."""
    probe = _spec_of(case, record.kind)
    if sum(event.occurrences for event in record.failures) >= (probe.failure_threshold if probe else 3):
        return True
    seen = record.newest.last_seen
    window = 2 * (probe.period_seconds if probe else 10) + 10
    return not case.view.status.ready or (seen is not None and (case.now - seen).total_seconds() <= window)


def _restarting(case: ContainerCase, record: ProbeRecord, examples: Examples) -> Finding:
    code = f"{record.kind}ProbeFailing"
    severity: Severity | None = None if record.killed else "warning"
    probe, since = _spec_of(case, record.kind), _first(record)
    group = (probe_text(probe), answer_text(record.newest, probe))
    follower = examples.follower(case, code, group, severity=severity, since=since)
    if follower is not None:
        return follower
    evidence = _evidence(case, record)
    if record.kills:
        evidence.append(record.kills[-1].cite("message"))
    elif record.killed:
        evidence.append(case.cite(f"{case.view.status.newest_end_path}.finishedAt"))
    return finding(
        code,
        case.pod,
        container=case.name,
        severity=severity,
        evidence=evidence,
        since=since,
        likely=record.killed and not record.proven,
        group=group,
        killed=record.killed,
        kills=sum(event.occurrences for event in record.kills),
        restarts=case.view.status.restart_count,
        **_facts(case, record.kind, record),
    )


def readiness(case: ContainerCase, target: Pods, cluster: Cluster, reader: LogReader) -> Iterator[Yielded]:
    """ReadinessProbeFailing: runs, not ready, and its probe had time enough to succeed."""
    status, pod = case.view.status, case.pod
    running, probe = status.state.running, _spec_of(case, "Readiness")
    if running is None or status.ready or status.started is False or last_seen_node_lost(pod):
        return
    record = probe_record(case, "Readiness")
    seconds = (case.now - running.started_at).total_seconds() if running.started_at else 0.0
    patience = probe.initial_delay_seconds + probe.budget_seconds if probe else 30
    if (probe is None and record is None) or seconds <= patience or not _node_is_ready(pod, target, cluster):
        return
    reading = reader.current(pod, case.view, (*case.like, "unready"))
    if reading is not None:
        yield reading.excerpt
    facts = _facts(case, "Readiness", record)
    ready = ready_replicas(pod, target)
    evidence = [case.cite("ready"), *_evidence(case, record)]
    yield finding(
        "ReadinessProbeFailing",
        pod,
        container=case.name,
        severity="info" if is_starting(pod, case.now) else "critical" if ready == 0 else None,
        evidence=evidence,
        since=unready_since(pod) or (_first(record) if record else None),
        group=(facts["probe"], facts["answer"]),
        none_ready=ready == 0,
        restarts=status.restart_count,
        **facts,
    )


def ready_replicas(pod: Pod, target: Pods) -> int | None:
    """How many pods of its workload are ready, a bare pod being its own; None when that could not be read."""
    if pod.controller is None:
        return int(pod.is_ready)
    ready = getattr(target.top_of(pod), "ready", None)
    return ready if isinstance(ready, int) else None


def probe_text(probe: Probe | None) -> str:
    """What is asked: `http GET :8080/healthz`, `tcp :5432`, `grpc :9000`, `exec cat /tmp/ready`."""
    if probe is None:
        return ""
    if probe.http_get is not None:
        get = probe.http_get
        return f"{get.scheme.lower()} GET {get.host}:{get.port}{get.path}"
    if probe.tcp_socket is not None:
        return f"tcp {probe.tcp_socket.host}:{probe.tcp_socket.port}"
    if probe.grpc is not None:
        return f"grpc :{probe.grpc.port}"
    return f"exec {bounded(shlex.join(probe.exec.command), 160)}" if probe.exec is not None else ""


def answer_text(event: Event, probe: Probe | None) -> str:
    """What came back: `connection refused`, `HTTP 404`, `no answer within 1 s`, or the probe's own words."""
    match = RX_PROBE.match(event.text)
    detail = match["detail"].strip() if match else ""
    why = RX_PROBE_WHY.search(detail)
    if why is None:
        return bounded(detail, 160)
    if why["status"]:
        return f"HTTP {why['status']}"
    if why["refused"]:
        return "connection refused"
    return f"no answer within {probe.timeout_seconds if probe else 1} s"


def _facts(case: ContainerCase, kind: str, record: ProbeRecord | None) -> dict[str, Any]:
    probe = _spec_of(case, kind)
    failures = sum(event.occurrences for event in record.failures) if record else 0
    declared = [port.container_port for port in case.view.spec.ports] if case.view.spec else []
    names = [port.name for port in case.view.spec.ports if port.name] if case.view.spec else []
    port = probe.port if probe else None
    return {
        "probe": probe_text(probe),
        "port": port,
        "path": probe.http_get.path if probe and probe.http_get else "",
        "answer": answer_text(record.newest, probe) if record else "",
        "failures": failures,
        "saturated": failures >= EVENT_BURST,
        "threshold": probe.failure_threshold if probe else 3,
        "period": probe.period_seconds if probe else 10,
        "budget": probe.initial_delay_seconds + probe.budget_seconds if probe else 30,
        "declared_ports": declared,
        "port_undeclared": bool(declared) and port is not None and port not in declared and port not in names,
        **container_facts(case),
    }


def _evidence(case: ContainerCase, record: ProbeRecord | None) -> list[Evidence]:
    kind = record.kind if record else "Readiness"
    cited = [record.newest.cite("message")] if record else []
    if _spec_of(case, kind) is not None:
        cited.append(case.cite_spec(f"{kind.lower()}Probe"))
    return cited


def _spec_of(case: ContainerCase, kind: str) -> Probe | None:
    spec = case.view.spec
    if spec is None:
        return None
    return {"Liveness": spec.liveness_probe, "Readiness": spec.readiness_probe}.get(kind, spec.startup_probe)


def _node_is_ready(pod: Pod, target: Pods, cluster: Cluster) -> bool:
    """True also when it cannot be known: Ready=False with a reason was set by a kubelet that lives."""
    if not target.single:
        cluster.nodes()
    node = cluster.node(pod.spec.node_name)
    return not node.known or (node.object is not None and node.object.is_ready)


def _first(record: ProbeRecord) -> datetime | None:
    times = [event.first_seen for event in (*record.failures, *record.kills)]
    return min((time for time in times if time is not None), default=None)


def _kind_of(event: Event) -> str:
    match = RX_PROBE.match(event.text)
    return match["probe"] if match else ""


def _killer_of(event: Event) -> str:
    match = RX_KILL.match(event.text)
    return match["probe"].capitalize() if match else ""
