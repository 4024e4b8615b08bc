"""Endpoints that lead to a pod which is gone, was made anew, or has another address.

A pod that ends normally is marked as terminating in its slice first; an endpoint that
is still called ready after its pod is gone means that nobody writes the slices any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Endpoint, Pod

from .service_match import Backing
from .thresholds import SETTLING

_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_CONTROLLER = "endpointslice-controller.k8s.io"


def stale_endpoints(backing: Backing, now: datetime) -> Iterator[Finding]:
    """At most one finding of a Service; nothing of slices that somebody else than the controller keeps."""
    pods = {pod.name: pod for pod in backing.pods}
    wrong: list[tuple[str, str]] = []
    evidence = []
    for one in backing.slices:
        if one.metadata.labels.get(_MANAGED_BY) != _CONTROLLER or one.age(now) < SETTLING:
            continue
        for index, endpoint in enumerate(one.endpoints or ()):
            why = _wrong(endpoint, pods, now)
            if why:
                name = endpoint.target_ref.name if endpoint.target_ref else ""
                wrong.append((name, why))
                evidence.append(one.cite(f"endpoints[{index}].targetRef.name"))
    if wrong:
        yield finding(
            "EndpointSliceStale",
            backing.service,
            evidence=evidence[:3],
            likely=True,
            stale=sorted(name for name, _ in wrong),
            why=wrong[0][1],
        )


def _wrong(endpoint: Endpoint, pods: dict[str, Pod], now: datetime) -> str:
    """`gone`, `replaced` or `address`; empty when it is right or may still be catching up."""
    reference = endpoint.target_ref
    if (
        reference is None
        or reference.kind != "Pod"
        or not endpoint.is_ready
        or endpoint.conditions.terminating
    ):
        return ""
    pod = pods.get(reference.name)
    if pod is None:
        return "gone"
    if pod.is_terminal or not pod.is_ready or pod.age(now) < SETTLING:
        return ""
    if reference.uid and pod.uid and reference.uid != pod.uid:
        return "replaced"
    if pod.addresses and endpoint.addresses and endpoint.addresses[0] not in pod.addresses:
        return "address"
    return ""
