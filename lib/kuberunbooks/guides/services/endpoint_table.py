"""The endpoints of one Service side by side with their pods: who gets traffic, who does not, and why.

Shown by the endpoints step; what lacks traffic comes first.
"""

from __future__ import annotations

from kuberunbooks.findings import Column, Table
from kuberunbooks.objects import Endpoint, EndpointSlice, Pod

from ..rules.service_match import Backing

_ROWS = 50
_COLUMNS = ("Endpoint", "address", "state", "node", "zone", "its pod")


def endpoint_table(backing: Backing) -> Table | None:
    """One row for each address, slices of both families merged; None where there is nothing to show."""
    pods = {pod.name: pod for pod in backing.pods}
    rows = [
        _row(one, slice_, pods)
        for slice_ in backing.slices
        for one in slice_.endpoints or ()
        if one.addresses
    ]
    listed = {row[0] for row in rows}
    rows += [_absent(pod) for pod in backing.pods if pod.name not in listed and not pod.is_terminal]
    if not rows:
        return None
    rows.sort(key=lambda row: (row[2] == "ready", row[0], row[1]))
    return Table(
        caption=f"The endpoints of Service {backing.service.name}",
        columns=[Column(name=name) for name in _COLUMNS],
        rows=rows[:_ROWS],
        omitted=max(len(rows) - _ROWS, 0),
    )


def _row(one: Endpoint, slice_: EndpointSlice, pods: dict[str, Pod]) -> list[str]:
    reference = one.target_ref
    name = reference.name if reference is not None else ""
    ports = ", ".join(str(port.port) for port in slice_.ports or () if port.port) or "no port"
    pod = pods.get(name)
    return [
        name or one.addresses[0],
        f"{one.addresses[0]} ({ports})",
        _state(one),
        one.node_name or "",
        one.zone or "",
        f"{pod.status_text} {pod.ready_text}" if pod is not None else "not selected" if name else "",
    ]


def _absent(pod: Pod) -> list[str]:
    return [
        pod.name,
        pod.status.pod_ip,
        "in no slice",
        pod.spec.node_name,
        "",
        f"{pod.status_text} {pod.ready_text}",
    ]


def _state(one: Endpoint) -> str:
    """In the words of the slice's conditions; an ending endpoint that still serves says so."""
    if one.conditions.terminating:
        return "ending, still serves" if one.conditions.serving else "ending"
    return "ready" if one.is_ready else "not ready"
