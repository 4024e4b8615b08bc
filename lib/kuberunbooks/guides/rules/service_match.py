"""What stands behind a Service: the pods its selector finds and the endpoints its slices hold.

The rules here are about one Service at a time and know nothing of a runbook's target:
the pods guide asks them about the Services of its pods, the services guide about one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import Endpoint, EndpointSlice, Evidence, Pod, Service, labels_text

from .service_slices import slices_source
from .settling import is_settling
from .thresholds import SETTLING


class Backing(NamedTuple):
    """A Service with the pods it selects (as far as they were read) and its EndpointSlices.

    `made_by` are the workloads, `deployment/web`, whose template it selects:
    they should stand behind it even while they have no pods.
    """

    service: Service
    pods: list[Pod]
    slices: list[EndpointSlice]
    made_by: list[str]


def pods_behind(backings: Iterable[Backing]) -> list[Pod]:
    """The pods of these Services, each once; Services with one selector share their list."""
    lists = {id(one.pods): one.pods for one in backings}
    return list({(pod.namespace, pod.name): pod for pods in lists.values() for pod in pods}.values())


class Endpoints(NamedTuple):
    """The endpoints of a Service, one per pod whatever its address families; terminating ones left out.

    `ready` are those of `all` that are, `served_ports` the names of the Service's ports
    that a slice with a ready endpoint carries.
    """

    all: dict[str, tuple[EndpointSlice, int]]
    ready: set[str]
    served_ports: set[str]


def read_endpoints(backing: Backing) -> Endpoints:
    """Merges the slices: a Service with more than 100 endpoints has several, dual stack one per family."""
    wanted = {port.name for port in backing.service.spec.ports}
    found = Endpoints({}, set(), set())
    for one in backing.slices:
        ready = False
        for index, endpoint in enumerate(one.endpoints or ()):
            conditions = endpoint.conditions
            if conditions.terminating:
                continue
            key = _key(endpoint)
            found.all.setdefault(key, (one, index))
            if conditions.ready is not False:
                ready = True
                found.ready.add(key)
        if ready:
            carried = {port.name or "" for port in one.ports or ()}
            found.served_ports.update(carried & wanted)
    return found


def judge_endpoints(
    backing: Backing, now: datetime, who_made: Callable[[Pod], str], severity: Severity | None = None
) -> Iterator[Finding]:
    """What is wrong with a Service's endpoints; nothing when it is right, ExternalName or without selector.

    `who_made` names what a pod belongs to, `deployment/web` or `pod/web`. With
    `severity` every finding gets that one.
    """
    service = backing.service
    if service.spec.type == "ExternalName" or not service.spec.selector:
        return
    if service.age(now) < SETTLING:
        return
    endpoints = read_endpoints(backing)
    if _is_plainly_right(backing, endpoints):
        return
    facts: dict[str, Any] = {
        "selector": labels_text(service.spec.selector),
        "behind": backing.made_by or sorted({who_made(pod) for pod in backing.pods}),
        "because": _because(backing, who_made),
    }
    if backing.pods and all(is_settling(pod, now) for pod in backing.pods):
        # Its only pods are being made or replaced this minute.
        severity = "info"
    if not endpoints.all:
        yield _none(service, "", ("endpoints", "none"), facts, severity)
    elif not endpoints.ready:
        yield _not_ready(service, endpoints, list(endpoints.all), facts, severity)
    else:
        for port in service.spec.ports:
            if port.name not in endpoints.served_ports:
                label = port.name or str(port.port)
                yield _none(service, label, ("ports", f"no port {label} in any slice"), facts, severity)
        yield from _partly(backing, endpoints, now, facts, severity)


def _none(
    service: Service, port: str, seen: tuple[str, str], facts: dict[str, Any], severity: Severity | None
) -> Finding:
    where = slices_source(service.namespace, service.name)
    evidence = (service.cite("spec.selector"), Evidence(where, *seen))
    return finding(
        "ServiceNoEndpoints", service, severity=severity, evidence=evidence, group=(port,), port=port, **facts
    )


def _not_ready(
    service: Service,
    endpoints: Endpoints,
    waiting: list[str],
    facts: dict[str, Any],
    severity: Severity | None,
) -> Finding:
    one, index = endpoints.all[waiting[0]]
    return finding(
        "ServiceEndpointsNotReady",
        service,
        severity=severity,
        evidence=one.cite(f"endpoints[{index}].conditions.ready"),
        ready=len(endpoints.ready),
        total_endpoints=len(endpoints.all),
        not_ready=sorted(waiting),
        **facts,
    )


def _partly(
    backing: Backing,
    endpoints: Endpoints,
    now: datetime,
    facts: dict[str, Any],
    severity: Severity | None,
) -> Iterator[Finding]:
    """Some endpoints are ready: are the others missing for a reason that lasts?"""
    pods = {pod.name: pod for pod in backing.pods}
    waiting = [key for key in endpoints.all if key not in endpoints.ready and _lasts(pods.get(key), now)]
    if waiting:
        yield _not_ready(backing.service, endpoints, waiting, facts, severity or "warning")
    absent = [
        pod for pod in backing.pods if pod.name not in endpoints.ready and is_expected(backing, pod, now)
    ]
    if absent:
        yield finding(
            "ServiceEndpointCountMismatch",
            backing.service,
            severity=severity,
            evidence=absent[0].cite("status.podIP"),
            ready=len(endpoints.ready),
            absent=[pod.name for pod in absent],
            **facts,
        )


def _is_plainly_right(backing: Backing, endpoints: Endpoints) -> bool:
    """Cheap: asked for every Service, and nearly always true."""
    ready = endpoints.ready
    return (
        bool(ready)
        and len(ready) == len(endpoints.all)
        and len(endpoints.served_ports) == len(backing.service.spec.ports)
        and all(pod.metadata.name in ready for pod in backing.pods)
    )


def is_right(backing: Backing) -> bool:
    """Every port of the Service has a ready endpoint."""
    endpoints = read_endpoints(backing)
    return bool(endpoints.ready) and all(
        port.name in endpoints.served_ports for port in backing.service.spec.ports
    )


def is_expected(backing: Backing, pod: Pod, now: datetime) -> bool:
    """Whether a pod should be a ready endpoint by now: it has an address, is not ending and is ready."""
    if not pod.status.pod_ip or pod.is_terminal or pod.metadata.deletion_timestamp is not None:
        return False
    ready = pod.condition("Ready")
    if ready is None or ready.last_transition_time is None:
        return False
    if (now - ready.last_transition_time).total_seconds() < SETTLING:
        return False
    return ready.is_true or backing.service.spec.publish_not_ready_addresses


def _key(endpoint: Endpoint) -> str:
    if endpoint.target_ref is not None and endpoint.target_ref.name:
        return endpoint.target_ref.name
    return endpoint.addresses[0] if endpoint.addresses else ""


def _lasts(pod: Pod | None, now: datetime) -> bool:
    """A pod that was just made is not ready yet, and one that just became ready not in the slices yet."""
    return pod is None or not (pod.is_ready or is_settling(pod, now))


def _because(backing: Backing, who_made: Callable[[Pod], str]) -> list[str]:
    """Whose trouble would explain missing endpoints, as the headline compares them."""
    if backing.service.spec.publish_not_ready_addresses:
        return []
    sick = [pod for pod in backing.pods if not pod.is_ready]
    return sorted({*backing.made_by, *(who_made(pod) for pod in sick), *(f"pod/{pod.name}" for pod in sick)})
