"""Services and the endpoints behind them."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from .base import Api, KubernetesObject, View
from .event import ObjectReference


class ServicePort(View):
    """spec.ports[]; `target_port` is a number, the name of a container port, or 0 when absent."""

    name: str = ""
    port: int = 0
    target_port: int | str = 0
    protocol: str = "TCP"


class ServiceSpec(View):
    """ServiceSpec."""

    type: str = "ClusterIP"
    selector: dict[str, str] = {}
    ports: list[ServicePort] = []
    cluster_ip: str = msgspec.field(name="clusterIP", default="")
    publish_not_ready_addresses: bool = False


class Service(KubernetesObject):
    """A Service."""

    api: ClassVar[Api] = Api("v1", "services", "Service")
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)


class EndpointConditions(View):
    """endpoints[].conditions; absent means true for ready."""

    ready: bool | None = None
    terminating: bool | None = None


class Endpoint(View):
    """endpoints[]."""

    addresses: list[str] = []
    conditions: EndpointConditions = msgspec.field(default_factory=EndpointConditions)
    target_ref: ObjectReference | None = None
    node_name: str | None = None

    @property
    def is_ready(self) -> bool:
        """conditions.ready, where absent means ready."""
        return self.conditions.ready is not False


class EndpointPort(View):
    """ports[] of a slice."""

    name: str | None = ""
    protocol: str | None = "TCP"
    port: int | None = None


class EndpointSlice(KubernetesObject):
    """An EndpointSlice; `endpoints` and `ports` may be null on the wire."""

    api: ClassVar[Api] = Api("discovery.k8s.io/v1", "endpointslices", "EndpointSlice")
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None

    @property
    def service_name(self) -> str:
        """The Service it belongs to (label kubernetes.io/service-name)."""
        return self.metadata.labels.get("kubernetes.io/service-name", "")
