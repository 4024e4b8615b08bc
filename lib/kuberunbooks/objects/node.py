"""Nodes."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from .base import Api, Condition, ConditionedObject, ConditionedStatus, Time, View


class Taint(View):
    """spec.taints[]."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: Time = None

    @property
    def text(self) -> str:
        """The taint as `kubectl taint` takes it: `key=value:NoSchedule`."""
        return f"{self.key}={self.value}:{self.effect}" if self.value else f"{self.key}:{self.effect}"


class NodeSpec(View):
    """NodeSpec."""

    unschedulable: bool = False
    taints: list[Taint] = []
    provider_id: str = msgspec.field(default="", name="providerID")
    pod_cidrs: list[str] = msgspec.field(default_factory=list, name="podCIDRs")


class NodeInfo(View):
    """status.nodeInfo."""

    operating_system: str = ""
    architecture: str = ""
    os_image: str = ""
    kernel_version: str = ""
    container_runtime_version: str = ""
    kubelet_version: str = ""
    boot_id: str = msgspec.field(default="", name="bootID")


class NodeCondition(Condition):
    """One entry of a node's status.conditions; the kubelet's and other reporters' last heartbeat."""

    last_heartbeat_time: Time = None


class NodeAddress(View):
    """status.addresses[]: `type` is InternalIP, ExternalIP, Hostname, …"""

    type: str = ""
    address: str = ""


class NodeStatus(ConditionedStatus):
    """NodeStatus; quantities as the API writes them."""

    conditions: list[NodeCondition] = []  # type: ignore[assignment]
    addresses: list[NodeAddress] = []
    capacity: dict[str, Any] = {}
    allocatable: dict[str, Any] = {}
    node_info: NodeInfo = msgspec.field(default_factory=NodeInfo)


class Node(ConditionedObject):
    """A node."""

    api: ClassVar[Api] = Api("v1", "nodes", "Node", namespaced=False)
    spec: NodeSpec = msgspec.field(default_factory=NodeSpec)
    status: NodeStatus = msgspec.field(default_factory=NodeStatus)

    @property
    def is_ready(self) -> bool:
        """Condition Ready is True; False, Unknown and absent are all not."""
        return self.is_condition_true("Ready")

    @property
    def status_text(self) -> str:
        """STATUS as `kubectl get nodes` prints it."""
        condition = self.condition("Ready")
        text = "Unknown" if condition is None else "Ready" if condition.is_true else "NotReady"
        return text + (",SchedulingDisabled" if self.spec.unschedulable else "")
