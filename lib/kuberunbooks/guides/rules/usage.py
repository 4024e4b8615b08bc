"""What containers use against what they asked for and may use.

The metrics API gives a container's cpu as an average over the window (cores) and its
memory as the working set (bytes), which is what the kernel's limit and the kubelet's
eviction look at. Called by the steps of running-pods and resource-metrics about usage.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Container, Pod, PodMetrics, parse_quantity, quantity_text

from .thresholds import CPU_HIGH, MEMORY_HIGH, METRICS_STALE

MEASURED = ("cpu", "memory")

_HIGH = {"cpu": CPU_HIGH, "memory": MEMORY_HIGH}
_CODES = {"cpu": "ContainerCpuAtLimit", "memory": "ContainerMemoryNearLimit"}


class Use(NamedTuple):
    """One resource of one container: used, requested, limited, in cores or bytes; None: not stated."""

    container: Container
    path: str
    resource: str
    used: Decimal
    requested: Decimal | None
    limit: Decimal | None

    @property
    def of_limit(self) -> float | None:
        """The part of its limit that is used, 1.0 being all of it."""
        return float(self.used / self.limit) if self.limit else None

    @property
    def of_request(self) -> float | None:
        """The part of its request that is used."""
        return float(self.used / self.requested) if self.requested else None


def uses(pod: Pod, metrics: PodMetrics) -> Iterator[Use]:
    """Every measured resource of every container that was measured; `path` is where its limits stand."""
    measured = {one.name: one.usage for one in metrics.containers}
    for field, containers in (
        ("initContainers", pod.spec.init_containers),
        ("containers", pod.spec.containers),
    ):
        for index, container in enumerate(containers):
            usage = measured.get(container.name, {})
            for resource in MEASURED:
                if resource in usage:
                    yield Use(
                        container,
                        f"spec.{field}[{index}].resources",
                        resource,
                        parse_quantity(usage[resource]),
                        _stated(container.resources.requests, resource),
                        _stated(container.resources.limits, resource),
                    )


def _stated(amounts: dict[str, object], resource: str) -> Decimal | None:
    return parse_quantity(amounts[resource]) if resource in amounts else None


def is_near_limit(use: Use) -> bool:
    """So much of its limit is used that the container is about to wait (cpu) or to be killed (memory)."""
    return use.of_limit is not None and use.of_limit >= _HIGH[use.resource]


def near_limit(pod: Pod, use: Use, metrics: PodMetrics, now: datetime) -> Finding:
    """The finding about a container that is near its limit; information only when measured some time ago."""
    resource, part = use.resource, use.of_limit or 0.0
    age = (now - metrics.timestamp).total_seconds() if metrics.timestamp else None
    used = quantity_text(resource, use.used)
    return finding(
        _CODES[resource],
        pod,
        container=use.container.name,
        severity="info" if age is not None and age > METRICS_STALE else None,
        evidence=[
            metrics.cite(f"containers[name={use.container.name}].usage.{resource}", used),
            pod.cite(f"{use.path}.limits.{resource}"),
        ],
        since=metrics.timestamp,
        used=used,
        limit=str(use.container.resources.limits.get(resource, "")),
        suggested=quantity_text(resource, use.limit * 2) if use.limit else "",
        percent=round(part * 100),
        window=metrics.window,
        age=age,
    )
