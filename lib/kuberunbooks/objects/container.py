"""Containers: what was asked (spec) and what the kubelet says of them (status)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from .base import Time, View


class ContainerPort(View):
    """spec.containers[].ports[]."""

    name: str = ""
    container_port: int = 0
    host_port: int = 0
    host_ip: str = msgspec.field(name="hostIP", default="")
    protocol: str = "TCP"


class ObjectKeyRef(View):
    """A reference to one key of a ConfigMap or Secret, or (without key) to the whole object."""

    name: str = ""
    key: str = ""
    optional: bool | None = False


class FieldRef(View):
    """A field of the pod itself, by its path (`status.podIP`)."""

    field_path: str = ""


class EnvVarSource(View):
    """spec.containers[].env[].valueFrom."""

    config_map_key_ref: ObjectKeyRef | None = None
    secret_key_ref: ObjectKeyRef | None = None
    field_ref: FieldRef | None = None


class EnvVar(View):
    """spec.containers[].env[]."""

    name: str = ""
    value: str = ""
    value_from: EnvVarSource | None = None


class EnvFromSource(View):
    """spec.containers[].envFrom[]."""

    prefix: str = ""
    config_map_ref: ObjectKeyRef | None = None
    secret_ref: ObjectKeyRef | None = None


class ExecAction(View):
    """A command run in the container: probe or lifecycle hook."""

    command: list[str] = []


class HttpGetAction(View):
    """A GET by the kubelet; `port` is a number or the name of a container port."""

    path: str = "/"
    port: int | str = 0
    host: str = ""
    scheme: str = "HTTP"


class TcpSocketAction(View):
    """A connection by the kubelet."""

    port: int | str = 0
    host: str = ""


class GrpcAction(View):
    """A gRPC health check by the kubelet."""

    port: int = 0
    service: str | None = None


class Handler(View):
    """What a lifecycle hook does."""

    exec: ExecAction | None = None
    http_get: HttpGetAction | None = None
    tcp_socket: TcpSocketAction | None = None
    sleep: dict[str, int] | None = None


class Probe(View):
    """A probe with the defaults of the API (period 10 s, timeout 1 s, 3 failures)."""

    exec: ExecAction | None = None
    http_get: HttpGetAction | None = None
    tcp_socket: TcpSocketAction | None = None
    grpc: GrpcAction | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None

    @property
    def type(self) -> str:
        """`httpGet`, `tcpSocket`, `exec`, `grpc`, or empty when none is set."""
        for field, name in (
            ("http_get", "httpGet"),
            ("tcp_socket", "tcpSocket"),
            ("exec", "exec"),
            ("grpc", "grpc"),
        ):
            if getattr(self, field) is not None:
                return name
        return ""

    @property
    def port(self) -> int | str | None:
        """The port it asks, a number or a port name; None for a command."""
        action = self.http_get or self.tcp_socket or self.grpc
        return action.port if action else None

    @property
    def budget_seconds(self) -> int:
        """How long it may fail before the kubelet acts: failureThreshold x periodSeconds."""
        return self.failure_threshold * self.period_seconds


class Lifecycle(View):
    """spec.containers[].lifecycle."""

    post_start: Handler | None = None
    pre_stop: Handler | None = None


class Resources(View):
    """requests and limits as the API writes them (quantities as text)."""

    requests: dict[str, Any] = {}
    limits: dict[str, Any] = {}


class WindowsOptions(View):
    """securityContext.windowsOptions; `host_process` containers run on the node itself."""

    host_process: bool | None = None


class SecurityContext(View):
    """The part of a container's or pod's securityContext a start can fail on."""

    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    privileged: bool | None = None
    read_only_root_filesystem: bool | None = None
    windows_options: WindowsOptions | None = None


class VolumeMount(View):
    """spec.containers[].volumeMounts[]."""

    name: str = ""
    mount_path: str = ""
    sub_path: str = ""
    read_only: bool = False


class Container(View):
    """spec.containers[], spec.initContainers[], spec.ephemeralContainers[]."""

    name: str = ""
    image: str = ""
    image_pull_policy: str = ""
    command: list[str] = []
    args: list[str] = []
    env: list[EnvVar] = []
    env_from: list[EnvFromSource] = []
    ports: list[ContainerPort] = []
    resources: Resources = msgspec.field(default_factory=Resources)
    volume_mounts: list[VolumeMount] = []
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    restart_policy: str = ""
    security_context: SecurityContext | None = None
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: str = "File"
    target_container_name: str = ""

    @property
    def is_sidecar(self) -> bool:
        """An init container that keeps running (restartPolicy: Always)."""
        return self.restart_policy == "Always"


class Waiting(View):
    """state.waiting."""

    reason: str = ""
    message: str = ""


class Running(View):
    """state.running."""

    started_at: Time = None


class Terminated(View):
    """state.terminated; `started_at` is 1970 when the process never started (StartError)."""

    exit_code: int = 0
    reason: str = ""
    signal: int = 0
    message: str = ""
    started_at: Time = None
    finished_at: Time = None
    container_id: str = msgspec.field(name="containerID", default="")

    @property
    def ran_seconds(self) -> float | None:
        """How long it ran; None when it never started or the times are unknown."""
        if self.started_at is None or self.finished_at is None or self.started_at.year < 1980:
            return None
        return max(0.0, (self.finished_at - self.started_at).total_seconds())


class ContainerState(View):
    """Exactly one of the three is set; none set reads as waiting."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ContainerStatus(View):
    """status.containerStatuses[] and its init and ephemeral twins."""

    name: str = ""
    state: ContainerState = msgspec.field(default_factory=ContainerState)
    last_state: ContainerState = msgspec.field(default_factory=ContainerState)
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    image: str = ""
    image_id: str = msgspec.field(name="imageID", default="")
    container_id: str = msgspec.field(name="containerID", default="")

    @property
    def newest_end(self) -> Terminated | None:
        """How its last finished run ended: state.terminated, else lastState.terminated."""
        return self.state.terminated or self.last_state.terminated

    @property
    def newest_end_path(self) -> str:
        """The field `newest_end` was read from, relative to this status."""
        return "state.terminated" if self.state.terminated else "lastState.terminated"

    def ended_at(self) -> datetime | None:
        """finishedAt of the newest finished run."""
        end = self.newest_end
        return end.finished_at if end else None
