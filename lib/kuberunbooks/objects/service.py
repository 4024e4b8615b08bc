"""Services and the endpoints behind them."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from .base import Api, ConditionedStatus, KubernetesObject, View
from .event import ObjectReference


class ServicePort(View):
    """spec.ports[]; `target_port` is a number, the name of a container port, or 0 when absent."""

    name: str = ""
    port: int = 0
    target_port: int | str = 0
    protocol: str = "TCP"
    node_port: int = 0
    app_protocol: str | None = None

    @property
    def text(self) -> str:
        """`http 80/TCP`, `53/UDP`: name, number and protocol."""
        return f"{self.name + ' ' if self.name else ''}{self.port}/{self.protocol}"


class ServiceSpec(View):
    """ServiceSpec."""

    type: str = "ClusterIP"
    selector: dict[str, str] = {}
    ports: list[ServicePort] = []
    cluster_ip: str = msgspec.field(name="clusterIP", default="")
    cluster_ips: list[str] = msgspec.field(name="clusterIPs", default_factory=list)
    external_name: str = ""
    external_ips: list[str] = msgspec.field(name="externalIPs", default_factory=list)
    ip_families: list[str] = []
    ip_family_policy: str = ""
    session_affinity: str = "None"
    internal_traffic_policy: str = "Cluster"
    external_traffic_policy: str = ""
    traffic_distribution: str | None = None
    load_balancer_class: str | None = None
    publish_not_ready_addresses: bool = False


class LoadBalancerStatus(View):
    """status.loadBalancer; `ingress` are the addresses it was given."""

    ingress: list[dict[str, Any]] | None = None


class ServiceStatus(ConditionedStatus):
    """ServiceStatus."""

    load_balancer: LoadBalancerStatus = msgspec.field(default_factory=LoadBalancerStatus)


class Service(KubernetesObject):
    """A Service."""

    api: ClassVar[Api] = Api("v1", "services", "Service")
    spec: ServiceSpec = msgspec.field(default_factory=ServiceSpec)
    status: ServiceStatus = msgspec.field(default_factory=ServiceStatus)

    @property
    def is_external_name(self) -> bool:
        """It is only an alias in the DNS: no addresses, no endpoints, nothing is proxied."""
        return self.spec.type == "ExternalName"

    @property
    def is_headless(self) -> bool:
        """clusterIP None: its name leads to the pods themselves."""
        return self.spec.cluster_ip == "None"

    @property
    def addresses(self) -> list[str]:
        """Its cluster addresses, one per family; none for a headless Service."""
        found = self.spec.cluster_ips or [self.spec.cluster_ip]
        return [one for one in found if one and one != "None"]


class EndpointConditions(View):
    """endpoints[].conditions; absent means true for ready."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ZoneHint(View):
    """hints.forZones[] of an endpoint."""

    name: str = ""


class EndpointHints(View):
    """hints of an endpoint: which zones (or nodes) should use it."""

    for_zones: list[ZoneHint] = []
    for_nodes: list[ZoneHint] = []


class Endpoint(View):
    """endpoints[]."""

    addresses: list[str] = []
    conditions: EndpointConditions = msgspec.field(default_factory=EndpointConditions)
    target_ref: ObjectReference | None = None
    node_name: str | None = None
    zone: str | None = None
    hints: EndpointHints | None = None

    @property
    def is_ready(self) -> bool:
        """conditions.ready, where absent means ready."""
        return self.conditions.ready is not False


class EndpointPort(View):
    """ports[] of a slice."""

    name: str | None = ""
    protocol: str | None = "TCP"
    port: int | None = None


SERVICE_NAME_LABEL = "kubernetes.io/service-name"
"""The label of a slice that names its Service."""


class EndpointSlice(KubernetesObject):
    """An EndpointSlice; `endpoints` and `ports` may be null on the wire."""

    api: ClassVar[Api] = Api("discovery.k8s.io/v1", "endpointslices", "EndpointSlice")
    address_type: str = ""
    endpoints: list[Endpoint] | None = None
    ports: list[EndpointPort] | None = None

    @property
    def service_name(self) -> str:
        """The Service it belongs to (label kubernetes.io/service-name)."""
        return self.metadata.labels.get(SERVICE_NAME_LABEL, "")
