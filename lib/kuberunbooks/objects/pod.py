"""Pods: identity, specification, status, and the words kubectl prints for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import msgspec

from .base import Api, ConditionedObject, ConditionedStatus, Time, View
from .container import Container, ContainerStatus, ObjectKeyRef, Resources, SecurityContext
from .selectors import LabelSelector, SelectorRequirement


class Toleration(View):
    """spec.tolerations[]."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


class Named(View):
    """Anything that is only a name: gates, pull secrets, readiness gates use their own field."""

    name: str = ""


class ReadinessGate(View):
    """spec.readinessGates[]."""

    condition_type: str = ""


class KeyToPath(View):
    """items[] of a volume made from a ConfigMap or Secret."""

    key: str = ""
    path: str = ""
    mode: int | None = None


class ConfigMapVolume(View):
    """volumes[].configMap."""

    name: str = ""
    items: list[KeyToPath] = []
    optional: bool | None = False
    default_mode: int | None = None


class SecretVolume(View):
    """volumes[].secret."""

    secret_name: str = ""
    items: list[KeyToPath] = []
    optional: bool | None = False


class ClaimVolume(View):
    """volumes[].persistentVolumeClaim."""

    claim_name: str = ""
    read_only: bool = False


class Volume(View):
    """spec.volumes[], the kinds a start can fail on; others have only a name."""

    name: str = ""
    config_map: ConfigMapVolume | None = None
    secret: SecretVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None
    host_path: dict[str, Any] | None = None
    empty_dir: dict[str, Any] | None = None
    ephemeral: dict[str, Any] | None = None


class NodeSelectorTerm(View):
    """One alternative of a required node affinity."""

    match_expressions: list[SelectorRequirement] = []
    match_fields: list[SelectorRequirement] = []


class NodeSelector(View):
    """Alternatives, any of which suffices."""

    node_selector_terms: list[NodeSelectorTerm] = []


class NodeAffinity(View):
    """spec.affinity.nodeAffinity; only what is required counts for a refusal."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None


class PodAffinityTerm(View):
    """A required pod (anti-)affinity."""

    label_selector: LabelSelector | None = None
    namespaces: list[str] = []
    topology_key: str = ""


class PodAffinity(View):
    """spec.affinity.podAffinity and podAntiAffinity; only what is required."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = []


class Affinity(View):
    """spec.affinity."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(View):
    """spec.topologySpreadConstraints[]."""

    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: LabelSelector | None = None


class HostAlias(View):
    """spec.hostAliases[]: names in the pod's own hosts file."""

    hostnames: list[str] = []


class DnsConfig(View):
    """spec.dnsConfig: what is added to what the DNS policy gives; with policy None all there is."""

    nameservers: list[str] = []
    searches: list[str] = []


class PodSpec(View):
    """PodSpec, as far as a diagnosis needs it; also of workload templates."""

    containers: list[Container] = []
    init_containers: list[Container] = []
    ephemeral_containers: list[Container] = []
    volumes: list[Volume] = []
    node_name: str = ""
    node_selector: dict[str, str] = {}
    affinity: Affinity | None = None
    tolerations: list[Toleration] = []
    topology_spread_constraints: list[TopologySpreadConstraint] = []
    restart_policy: str = "Always"
    scheduler_name: str = "default-scheduler"
    scheduling_gates: list[Named] = []
    readiness_gates: list[ReadinessGate] = []
    priority: int | None = None
    service_account_name: str = ""
    image_pull_secrets: list[ObjectKeyRef] = []
    overhead: dict[str, Any] = {}
    resources: Resources | None = None
    priority_class_name: str = ""
    runtime_class_name: str = ""
    host_network: bool = False
    host_pid: bool = msgspec.field(name="hostPID", default=False)
    share_process_namespace: bool | None = None
    os: Named | None = None
    dns_policy: str = "ClusterFirst"
    dns_config: DnsConfig | None = None
    host_aliases: list[HostAlias] = []
    active_deadline_seconds: int | None = None
    termination_grace_period_seconds: int | None = None
    security_context: SecurityContext | None = None


class PodIP(View):
    """status.podIPs[]: one address per family."""

    ip: str = ""


class PodStatus(ConditionedStatus):
    """PodStatus."""

    phase: str = ""
    reason: str = ""
    message: str = ""
    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []
    ephemeral_container_statuses: list[ContainerStatus] = []
    nominated_node_name: str = ""
    start_time: Time = None
    pod_ip: str = msgspec.field(name="podIP", default="")
    pod_ips: list[PodIP] = msgspec.field(name="podIPs", default_factory=list)
    host_ip: str = msgspec.field(name="hostIP", default="")
    qos_class: str = ""


class ContainerView(NamedTuple):
    """A container's specification and status side by side.

    `role` is `app`, `init`, `sidecar` or `ephemeral`; `path` is the API path of
    the status (`status.containerStatuses[0]`), the base for citing its fields.
    `spec` is None when the status names a container the spec no longer has.
    """

    spec: Container | None
    status: ContainerStatus
    role: str
    path: str

    @property
    def name(self) -> str:
        """The container's name."""
        return self.status.name


_STATUS_FIELDS = {
    "init": "initContainerStatuses",
    "app": "containerStatuses",
    "ephemeral": "ephemeralContainerStatuses",
}


def _views(statuses: list[ContainerStatus], specs: list[Container], plain: str) -> list[ContainerView]:
    by_name = {container.name: container for container in specs}
    views = []
    for index, one in enumerate(statuses):
        asked = by_name.get(one.name)
        role = "sidecar" if plain == "init" and asked is not None and asked.is_sidecar else plain
        views.append(ContainerView(asked, one, role, f"status.{_STATUS_FIELDS[plain]}[{index}]"))
    return views


class Pod(ConditionedObject):
    """A pod."""

    api: ClassVar[Api] = Api("v1", "pods", "Pod")
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
    status: PodStatus = msgspec.field(default_factory=PodStatus)

    @property
    def phase(self) -> str:
        """status.phase."""
        return self.status.phase

    @property
    def is_terminal(self) -> bool:
        """Phase Succeeded or Failed: no container will run again."""
        return self.status.phase in ("Succeeded", "Failed")

    @property
    def is_scheduled(self) -> bool:
        """It has a node."""
        return bool(self.spec.node_name)

    @property
    def is_ready(self) -> bool:
        """Condition Ready is True."""
        return self.is_condition_true("Ready")

    @property
    def addresses(self) -> list[str]:
        """Its addresses, one per family, the first family first; none before the network is set up."""
        return [one.ip for one in self.status.pod_ips if one.ip] or list(filter(None, (self.status.pod_ip,)))

    def containers(self, *roles: str) -> list[ContainerView]:
        """Containers that have a status, init first; only those of `roles` when given."""
        status, spec = self.status, self.spec
        found: list[ContainerView] = []
        if status.init_container_statuses:
            found += _views(status.init_container_statuses, spec.init_containers, "init")
        found += _views(status.container_statuses, spec.containers, "app")
        if status.ephemeral_container_statuses:
            found += _views(status.ephemeral_container_statuses, spec.ephemeral_containers, "ephemeral")
        return [view for view in found if view.role in roles] if roles else found

    @property
    def status_text(self) -> str:
        """STATUS exactly as `kubectl get pods` prints it."""
        return summarize(self).status

    @property
    def ready_text(self) -> str:
        """READY exactly as `kubectl get pods` prints it: `1/2`."""
        summary = summarize(self)
        return f"{summary.ready}/{summary.total}"

    def restarts_text(self, now: datetime) -> str:
        """RESTARTS exactly as `kubectl get pods` prints it: `4 (2m ago)`."""
        summary = summarize(self)
        if not summary.restarts or summary.last_restart is None:
            return str(summary.restarts)
        return f"{summary.restarts} ({human_duration((now - summary.last_restart).total_seconds())} ago)"


class Summary(NamedTuple):
    """What the server prints for a pod in a table."""

    status: str
    ready: int
    total: int
    restarts: int
    last_restart: datetime | None


def summarize(pod: Pod) -> Summary:
    """STATUS, READY and RESTARTS as the server computes them (printPod of the API server's Table)."""
    spec, status = pod.spec, pod.status
    reason = status.reason or status.phase
    scheduled = pod.condition("PodScheduled")
    if scheduled is not None and scheduled.reason == "SchedulingGated":
        reason = "SchedulingGated"
    sidecars = {container.name for container in spec.init_containers if container.is_sidecar}
    total = len(spec.containers) + len(sidecars)
    ready = restarts = sidecar_restarts = 0
    last: datetime | None = None
    last_sidecar: datetime | None = None
    initializing = False
    for index, one in enumerate(status.init_container_statuses):
        restarts += one.restart_count
        last = _later(last, one)
        is_sidecar = one.name in sidecars
        if is_sidecar:
            sidecar_restarts += one.restart_count
            last_sidecar = _later(last_sidecar, one)
        ended, waiting = one.state.terminated, one.state.waiting
        if ended is not None and ended.exit_code == 0:
            continue
        if is_sidecar and one.started:
            ready += one.ready
            continue
        if ended is not None:
            reason = "Init:" + (ended.reason or _signal_or_code(ended.signal, ended.exit_code))
        elif waiting is not None and waiting.reason not in ("", "PodInitializing"):
            reason = "Init:" + waiting.reason
        else:
            reason = f"Init:{index}/{len(spec.init_containers)}"
        initializing = True
        break
    if not initializing or pod.is_condition_true("Initialized"):
        restarts, last = sidecar_restarts, last_sidecar
        running = False
        for one in reversed(status.container_statuses):
            restarts += one.restart_count
            last = _later(last, one)
            ended, waiting = one.state.terminated, one.state.waiting
            if waiting is not None and waiting.reason:
                reason = waiting.reason
            elif ended is not None:
                reason = ended.reason or _signal_or_code(ended.signal, ended.exit_code)
            elif one.ready and one.state.running is not None:
                running = True
                ready += 1
        if reason == "Completed" and running:
            reason = "Running" if pod.is_ready else "NotReady"
    if pod.metadata.deletion_timestamp is not None:
        if status.reason == "NodeLost":
            reason = "Unknown"
        elif not pod.is_terminal:
            reason = "Terminating"
    return Summary(reason, ready, total, restarts, last)


def _later(best: datetime | None, status: ContainerStatus) -> datetime | None:
    ended = status.last_state.terminated
    if ended is None or ended.finished_at is None:
        return best
    return ended.finished_at if best is None else max(best, ended.finished_at)


def _signal_or_code(signal: int, code: int) -> str:
    return f"Signal:{signal}" if signal else f"ExitCode:{code}"


def human_duration(seconds: float) -> str:
    """A duration as kubectl prints ages: `47s`, `3m20s`, `5h10m`, `3d4h` (apimachinery HumanDuration)."""
    total = int(seconds)
    if total < -1:
        return "<invalid>"
    if total < 0:
        return "0s"
    minutes, hours, days = total // 60, total // 3600, total // 86400
    if total < 120:
        return f"{total}s"
    if minutes < 10:
        return f"{minutes}m{total % 60}s" if total % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if days < 365 * 2:
        return f"{days}d"
    years = days // 365
    if days < 365 * 8:
        return f"{years}y{days % 365}d" if days % 365 else f"{years}y"
    return f"{years}y"


class TemplateMeta(View):
    """metadata of a pod template (its creationTimestamp is null)."""

    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class PodTemplate(View):
    """spec.template of a workload."""

    metadata: TemplateMeta = msgspec.field(default_factory=TemplateMeta)
    spec: PodSpec = msgspec.field(default_factory=PodSpec)
