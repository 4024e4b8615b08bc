"""What a pod asks of a node: the sum the scheduler compares with what the node has left, and its limits.

Source: component-helpers/resource `PodRequests`, and the documentation of sidecar
containers ("effective init request"). Used by the resources step of the pods guide and
by the cluster guide's step about what is allocated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from kuberunbooks.objects import Pod, PodSpec
from kuberunbooks.objects.container import Resources
from kuberunbooks.objects.quantity import add, parse_quantity

Amounts = dict[str, Decimal]

# Resources for which spec.resources of the pod replaces the sum over its containers (KEP 2837).
_POD_LEVEL = ("cpu", "memory", "hugepages-")


def effective_request(spec: PodSpec) -> Amounts:
    """What the pod asks for, by resource, in base units (cores, bytes).

    The larger of what runs together (containers and sidecars) and each init
    container with the sidecars started before it; plus the overhead of the
    runtime class. Requests of the pod as a whole replace the sum.
    """
    total = _together(spec, _requests)
    add(total, spec.overhead)
    return total


def effective_limit(spec: PodSpec) -> Amounts:
    """What the pod may use at most, worked out in the same way; a container without a limit adds nothing.

    Source: component-helpers/resource `PodLimits`: overhead counts where there is a limit.
    """
    total = _together(spec, _limits)
    add(total, {resource: value for resource, value in spec.overhead.items() if resource in total})
    return total


def _requests(resources: Resources) -> Mapping[str, Any]:
    return resources.requests


def _limits(resources: Resources) -> Mapping[str, Any]:
    return resources.limits


def _together(spec: PodSpec, stated: Callable[[Resources], Mapping[str, Any]]) -> Amounts:
    total: Amounts = {}
    for container in spec.containers:
        add(total, stated(container.resources))
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.init_containers:
        asked = stated(container.resources)
        if container.is_sidecar:
            add(total, asked)
            add(sidecars, asked)
            continue
        moment = dict(sidecars)
        add(moment, asked)
        _raise_to(peak, moment)
    _raise_to(total, peak)
    if spec.resources is not None:
        for resource, value in stated(spec.resources).items():
            if resource.startswith(_POD_LEVEL):
                total[resource] = parse_quantity(value)
    return total


def requested_by(pods: Iterable[Pod]) -> Amounts:
    """What these pods ask for together, and their number as `pods`."""
    total: Amounts = {"pods": Decimal(0)}
    for pod in pods:
        total["pods"] += 1
        for resource, amount in effective_request(pod.spec).items():
            total[resource] = total.get(resource, Decimal(0)) + amount
    return total


def _raise_to(total: Amounts, floor: Mapping[str, Decimal]) -> None:
    for resource, amount in floor.items():
        if amount > total.get(resource, Decimal(0)):
            total[resource] = amount
