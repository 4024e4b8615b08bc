"""What containers use against what they asked for and may use.

The metrics API gives a container's cpu as an average over the window (cores) and its
memory as the working set (bytes), which is what the kernel's limit and the kubelet's
eviction look at. Called by the usage step of the running-pods guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from kuberunbooks.objects import Container, Pod, PodMetrics, parse_quantity

MEASURED = ("cpu", "memory")


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
