"""Who may talk to whom (NetworkPolicies), and which addresses Services get: the networking.k8s.io API."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from .base import Api, KubernetesObject, View
from .selectors import LabelSelector


class IpBlock(View):
    """ipBlock of a peer; `except_` are parts of `cidr` that are left out."""

    cidr: str = ""
    except_: list[str] = msgspec.field(name="except", default_factory=list)


class PolicyPeer(View):
    """One of `from` or `to`: pods, namespaces, both together, or addresses."""

    pod_selector: LabelSelector | None = None
    namespace_selector: LabelSelector | None = None
    ip_block: IpBlock | None = None


class PolicyPort(View):
    """One of `ports`: a number, a name of a container port, a range up to `end_port`; none of them is all."""

    protocol: str = "TCP"
    port: int | str | None = None
    end_port: int | None = None


class IngressRule(View):
    """spec.ingress[]; no peers is everybody, no ports is every port."""

    from_: list[PolicyPeer] | None = msgspec.field(name="from", default=None)
    ports: list[PolicyPort] | None = None


class EgressRule(View):
    """spec.egress[]."""

    to: list[PolicyPeer] | None = None
    ports: list[PolicyPort] | None = None


class NetworkPolicySpec(View):
    """spec of a NetworkPolicy. `policy_types` absent means Ingress, and Egress where it has egress rules."""

    pod_selector: LabelSelector = msgspec.field(default_factory=LabelSelector)
    policy_types: list[str] | None = None
    ingress: list[IngressRule] | None = None
    egress: list[EgressRule] | None = None


class NetworkPolicy(KubernetesObject):
    """A NetworkPolicy."""

    api: ClassVar[Api] = Api("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy")
    spec: NetworkPolicySpec = msgspec.field(default_factory=NetworkPolicySpec)


class ServiceCIDRSpec(View):
    """spec of a ServiceCIDR: one range per address family."""

    cidrs: list[str] = []


class ServiceCIDR(KubernetesObject):
    """A range Services get their addresses from; served since Kubernetes 1.33."""

    api: ClassVar[Api] = Api("networking.k8s.io/v1", "servicecidrs", "ServiceCIDR", namespaced=False)
    spec: ServiceCIDRSpec = msgspec.field(default_factory=ServiceCIDRSpec)
