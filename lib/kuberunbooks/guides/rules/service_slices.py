"""Which EndpointSlices are a Service's: the selector that finds them, and whether all of them were read.

Called by every guide that looks at Services.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kuberunbooks.cluster import Listing
from kuberunbooks.errors import NotCollected
from kuberunbooks.objects import SERVICE_NAME_LABEL, EndpointSlice, Service

_MOST_NAMES = 20
"""More Services than this are read with all slices of the namespace instead of by name."""


def slices_selector(name: str) -> str:
    """The label selector of one Service's slices."""
    return f"{SERVICE_NAME_LABEL}={name}"


def slices_selector_of(services: Sequence[Service]) -> str:
    """The label selector of several Services' slices; empty, all slices, when there are too many to name."""
    if len(services) > _MOST_NAMES:
        return ""
    return f"{SERVICE_NAME_LABEL} in ({','.join(sorted({one.name for one in services}))})"


def slices_source(namespace: str, name: str) -> str:
    """Where evidence about all of a Service's slices was read."""
    return f"{EndpointSlice.api.path(namespace)}?labelSelector={slices_selector(name)}"


def all_of_them(listed: Listing[EndpointSlice], namespace: str) -> Listing[EndpointSlice]:
    """The slices that were read. Raises NotCollected when these are only some of those there are.

    A slice that was not read would make a right Service look empty.
    """
    if not listed.complete:
        path = EndpointSlice.api.path(namespace)
        raise NotCollected("The case holds only some of the EndpointSlices.", path=path)
    return listed


def by_service(slices: Iterable[EndpointSlice]) -> dict[tuple[str, str], list[EndpointSlice]]:
    """The slices by the (namespace, name) of their Service."""
    found: dict[tuple[str, str], list[EndpointSlice]] = {}
    for one in slices:
        found.setdefault((one.namespace, one.service_name), []).append(one)
    return found
