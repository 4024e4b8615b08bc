"""What narrows the traffic of a Service that has endpoints: affinity, Local policies, families, zones.

These explain the odd patterns: only clients on some nodes fail, one client always meets
the same pod, only IPv6 fails. Source: the Service API's spec fields and kube-proxy's use
of EndpointSlice hints (KEP-2433).
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Endpoint, Pod

from .service_match import Backing


def judge_traffic(backing: Backing, client: Pod | None) -> Iterator[Finding]:
    """Of a Service with ready endpoints; `client` is the pod that asks, when known."""
    ready = [one for each in backing.slices for one in each.endpoints or () if one.is_ready]
    if not ready:
        return
    service = backing.service
    if service.spec.session_affinity == "ClientIP" and len(ready) > 1:
        yield finding("ServiceSessionAffinity", service, evidence=service.cite("spec.sessionAffinity"))
    if service.spec.internal_traffic_policy == "Local":
        yield from _internal_local(backing, ready, client)
    if service.spec.external_traffic_policy == "Local":
        yield finding(
            "ServiceExternalLocal",
            service,
            evidence=service.cite("spec.externalTrafficPolicy"),
            nodes=_nodes(ready),
        )
    yield from _families(backing)
    yield from _zones(backing, ready)


def _nodes(ready: list[Endpoint]) -> list[str]:
    return sorted({one.node_name for one in ready if one.node_name})


def _internal_local(backing: Backing, ready: list[Endpoint], client: Pod | None) -> Iterator[Finding]:
    """Pods reach it only where one of its endpoints runs on their own node."""
    nodes = _nodes(ready)
    here = client.spec.node_name if client is not None else ""
    cited = backing.service.cite("spec.internalTrafficPolicy")
    if client is not None and here and here not in nodes:
        yield finding(
            "ServiceInternalLocalNoEndpoint",
            backing.service,
            evidence=(cited, client.cite("spec.nodeName")),
            client=client.name,
            node=here,
            nodes=nodes,
        )
    else:
        yield finding("ServiceInternalLocal", backing.service, evidence=cited, nodes=nodes)


def _families(backing: Backing) -> Iterator[Finding]:
    """An address of a family none of whose slices holds a ready endpoint."""
    service = backing.service
    served = {
        one.address_type for one in backing.slices if any(each.is_ready for each in one.endpoints or ())
    }
    for family in service.spec.ip_families:
        if len(service.spec.ip_families) > 1 and family not in served and service.addresses:
            yield finding(
                "ServiceFamilyWithoutEndpoints",
                service,
                evidence=service.cite("spec.ipFamilies"),
                group=(family,),
                family=family,
                served=sorted(served),
            )


def _zones(backing: Backing, ready: list[Endpoint]) -> Iterator[Finding]:
    """Hints count only when every endpoint has one; then each zone reaches its own endpoints only."""
    zones: dict[str, int] = {}
    for one in ready:
        hints = one.hints.for_zones if one.hints is not None else []
        if not hints:
            return
        for hint in hints:
            zones[hint.name] = zones.get(hint.name, 0) + 1
    if len(zones) > 1:
        told = [f"{name} ({number})" for name, number in sorted(zones.items())]
        yield finding(
            "ServiceTopologyHints",
            backing.service,
            evidence=backing.service.cite("spec.trafficDistribution"),
            zones=told,
        )
