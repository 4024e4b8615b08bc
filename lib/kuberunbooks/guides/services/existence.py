"""SV-02: is there such a Service, and what does its type promise?

Some types have no address, some no endpoints, some wait for somebody else: what is
expected of the following hops depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Evidence, Namespace, Service, labels_text

from ..pods.missing import missing_findings
from ..rules.addresses import is_ip
from ..rules.service_match import read_endpoints
from ..rules.thresholds import LOAD_BALANCER_PENDING
from ..step import Yielded, step
from .target import Services

_ROWS = 50


@step("SV-02", title="Does the Service exist?")
def existence(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Is there such a Service, and what does its type promise?"""
    if target.missing or target.namespace_missing:
        yield from _missing(target)
        return
    if not target.backings:
        yield finding("ServicesNone", target.subject, wanted=target.wanted, place=target.namespace)
        return
    services = target.services
    yield finding(
        "ServiceExists",
        services[0] if len(services) == 1 else target.subject,
        evidence=services[0].cite("spec.type"),
        number=len(services),
    )
    yield _table(target)
    for service in services:
        yield from _type_notes(service)
        if service.spec.type == "LoadBalancer" and not service.status.load_balancer.ingress:
            yield from _pending(service, cluster)


def _missing(target: Services) -> Iterator[Finding]:
    """The namespace, the pods that were named, or the Service itself."""
    if target.wanted.partition("/")[0] != "service" and target.behind.missing:
        yield from missing_findings(target.behind)
        return
    facts: dict[str, Any] = {
        "wanted": target.wanted.removeprefix("service/"),
        "place": target.namespace,
        "near": target.near_names,
        "elsewhere": target.other_namespaces,
    }
    if target.namespace_missing:
        cited = Evidence(f"{Namespace.api.path()}#{target.namespace}", "metadata.name", "absent")
        yield finding("NamespaceMissing", target.subject, evidence=cited, **facts)
        return
    path = Service.api.path(target.namespace)
    cited = Evidence(path, str(facts["wanted"]), "absent")
    code = "ServiceInOtherNamespace" if target.other_namespaces else "ServiceMissing"
    yield finding(code, target.subject, evidence=cited, **facts)


def _table(target: Services) -> Table:
    rows = []
    for one in target.backings[:_ROWS]:
        service, endpoints = one.service, read_endpoints(one)
        rows.append(
            [
                service.name,
                "headless" if service.is_headless else service.spec.type,
                service.spec.external_name or ", ".join(service.addresses) or "-",
                ", ".join(port.text for port in service.spec.ports) or "-",
                labels_text(service.spec.selector) or "-",
                "not read" if target.slices_unread else f"{len(endpoints.ready)} of {len(endpoints.all)}",
            ]
        )
    return Table(
        caption="The Services",
        columns=[Column(name=name) for name in ("Service", "type", "address", "ports", "selector", "ready")],
        rows=rows,
        omitted=max(len(target.backings) - _ROWS, 0),
    )


def _type_notes(service: Service) -> Iterator[Finding]:
    """What this type does not have, so that nobody looks for it."""
    if service.is_external_name:
        cited = service.cite("spec.externalName")
        if is_ip(service.spec.external_name):
            yield finding(
                "ServiceExternalNameIsAddress", service, evidence=cited, address=service.spec.external_name
            )
        else:
            yield finding(
                "ServiceTypeNote",
                service,
                evidence=cited,
                form="ExternalName",
                external=service.spec.external_name,
            )
    elif service.is_headless:
        yield finding("ServiceTypeNote", service, evidence=service.cite("spec.clusterIP"), form="headless")


def _pending(service: Service, cluster: Cluster) -> Iterator[Finding]:
    """A load balancer that was asked for and has no address yet, with what its controller says."""
    age = service.age(cluster.now)
    if age < LOAD_BALANCER_PENDING:
        return
    events = cluster.events(service)
    failed = next((one for one in reversed(events) if one.type == "Warning"), None)
    evidence = [service.cite("status.loadBalancer")]
    if failed is not None:
        evidence.append(failed.cite("message"))
    yield finding(
        "LoadBalancerPending",
        service,
        evidence=evidence,
        since=service.metadata.creation_timestamp,
        waited=age,
        message=failed.message if failed is not None else "",
        events=len(events),
        window_covers=_heard_since_creation(cluster, age),
        ports=[port.node_port for port in service.spec.ports if port.node_port],
        load_balancer_class=service.spec.load_balancer_class or "",
    )


def _heard_since_creation(cluster: Cluster, age: float) -> bool:
    """Whether events reach back to when it was made: then that there is none says something."""
    seconds = cluster.coverage.event_window.seconds
    return seconds is not None and seconds >= age
