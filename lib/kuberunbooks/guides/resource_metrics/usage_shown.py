"""Usage side by side, drawn and in numbers: nodes, and the pods that use most.

Called by the steps about cpu and memory, which differ only in the resource and in what
they conclude.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Bar, Bars, Column, Note, Table
from kuberunbooks.objects import Node, NodeMetrics, Pod, PodMetrics, parse_quantity, quantity_text

from ..rules.requests import requested_by
from ..rules.usage import Use, is_near_limit, uses
from .measurements import key_of, node_use, pod_use
from .nodes_read import nodes_in_question
from .target import Measured

_BARS = 15
_ROWS = 30
_MEANING = {
    "cpu": (
        "Cpu is an average{window}: a shorter burst does not show, and a container can be held back by its "
        "limit within that time although the average is below it. Percent is of allocatable, which is what "
        "the node has less what is reserved for the system; of a container, of its limit."
    ),
    "memory": (
        "Memory is the working set at the moment of measuring: what cannot be given back at once, with some "
        "of the file cache in it; the kubelet evicts by it. Percent is of allocatable, which is what the "
        "node has less what is reserved for the system; of a container, of its limit, at which it is killed."
    ),
}


class NodeLoad(NamedTuple):
    """One resource of a node, in cores or bytes. `requested` and `by_pods` are None where not all its pods
    were read; `capacity` falls back to what is allocatable."""

    node: Node
    metrics: NodeMetrics
    used: Decimal
    allocatable: Decimal
    capacity: Decimal
    requested: Decimal | None
    by_pods: Decimal | None

    @property
    def part(self) -> float:
        """The part of allocatable that is used; above 1 where what is reserved is used too."""
        return float(self.used / self.allocatable) if self.allocatable else 0.0

    @property
    def part_of_capacity(self) -> float:
        """The part of all the node has that is used."""
        return float(self.used / self.capacity) if self.capacity else 0.0


def node_loads(target: Measured, cluster: Cluster, resource: str) -> list[NodeLoad]:
    """The nodes in question that were measured, the fullest first."""
    use, pods = node_use(target, cluster), pod_use(target, cluster)
    on_node = _pods_by_node(target)
    loads = []
    for node in nodes_in_question(target, cluster):
        metrics = use.found.get(node.name)
        if metrics is None or resource not in metrics.usage:
            continue
        allocatable = parse_quantity(node.status.allocatable.get(resource, 0))
        capacity = parse_quantity(node.status.capacity.get(resource, 0)) or allocatable
        members = on_node.get(node.name, []) if on_node is not None else None
        loads.append(
            NodeLoad(
                node,
                metrics,
                parse_quantity(metrics.usage[resource]),
                allocatable or capacity,
                capacity,
                _requested(members, resource),
                _by_pods(members, pods.found, resource),
            )
        )
    return sorted(loads, key=lambda one: (-one.part, one.node.name))


def _pods_by_node(target: Measured) -> dict[str, list[Pod]] | None:
    """All pods of each node; None when only some of them are in question."""
    whole = target.is_node or not (target.wanted or target.about or target.namespace)
    if not whole or target.pods_unread:
        return None
    found: dict[str, list[Pod]] = {}
    for pod in target.pods:
        if not pod.is_terminal:
            found.setdefault(pod.spec.node_name, []).append(pod)
    return found


def _requested(pods: list[Pod] | None, resource: str) -> Decimal | None:
    return requested_by(pods).get(resource, Decimal(0)) if pods is not None else None


def _by_pods(
    pods: list[Pod] | None, measured: dict[tuple[str, str], PodMetrics], resource: str
) -> Decimal | None:
    if pods is None or not measured:
        return None
    return sum(
        (used_by(measured[key_of(pod)], resource) for pod in pods if key_of(pod) in measured), Decimal(0)
    )


def used_by(metrics: PodMetrics, resource: str) -> Decimal:
    """What all containers of a pod use together."""
    return sum((parse_quantity(one.usage.get(resource, 0)) for one in metrics.containers), Decimal(0))


def container_uses(target: Measured, cluster: Cluster, resource: str) -> list[tuple[Pod, Use]]:
    """Every measured container of the pods in question, the largest user first."""
    measured = pod_use(target, cluster).found
    found = [
        (pod, use)
        for pod in target.pods
        if key_of(pod) in measured and not pod.is_terminal
        for use in uses(pod, measured[key_of(pod)])
        if use.resource == resource
    ]
    return sorted(found, key=lambda one: (-one[1].used, one[0].name))


def shown_nodes(loads: list[NodeLoad], resource: str, origin: str, high: set[str]) -> Iterator[Bars]:
    """The nodes as bars, the fullest first; each bar is as long as what the node has."""
    if not loads:
        return
    bars = [_node_bar(one, resource, high) for one in loads[:_BARS]]
    yield Bars(
        caption=f"{_title(resource)} of the nodes{_from(origin)}",
        bars=bars,
        # Of all nodes the requests are known, or of none.
        marks=["allocatable"] if loads[0].requested is None else ["requested", "allocatable"],
        omitted=max(0, len(loads) - _BARS),
    )


def _node_bar(one: NodeLoad, resource: str, high: set[str]) -> Bar:
    parts = [
        f"{quantity_text(resource, one.used)} of {quantity_text(resource, one.allocatable)} allocatable",
        f"{one.part:.0%}",
    ]
    if one.requested is not None:
        parts.append(f"requested {quantity_text(resource, one.requested)}")
    return Bar(
        label=one.node.name,
        value=float(one.used),
        full=float(max(one.capacity, one.used)),
        text=", ".join(parts),
        marks=[*([float(one.requested)] if one.requested is not None else []), float(one.allocatable)],
        level="warning" if one.node.name in high else "info",
    )


def shown_pods(
    target: Measured, found: list[tuple[Pod, Use]], resource: str, origin: str
) -> Iterator[Bars | Table]:
    """The pods that use most, as bars, and their containers in numbers."""
    if not found:
        return
    by_pod: dict[tuple[str, str], list[tuple[Pod, Use]]] = {}
    for pod, use in found:
        by_pod.setdefault(key_of(pod), []).append((pod, use))
    order = sorted(by_pod.values(), key=lambda members: -sum(use.used for _, use in members))
    yield Bars(
        caption=f"Pods that use most {'cpu' if resource == 'cpu' else 'memory'}{_from(origin)}",
        bars=[_bar(target, members, resource) for members in order[:_BARS]],
        marks=["request", "limit"],
        omitted=max(0, len(order) - _BARS),
    )
    yield _table(target, found, resource)


def _bar(target: Measured, members: list[tuple[Pod, Use]], resource: str) -> Bar:
    pod = members[0][0]
    used = sum((use.used for _, use in members), Decimal(0))
    requested = _total([use.requested for _, use in members])
    limit = _total([use.limit for _, use in members])
    parts = [quantity_text(resource, used)]
    parts.append(f"requested {quantity_text(resource, requested)}" if requested is not None else "no request")
    parts.append(
        f"limit {quantity_text(resource, limit)} ({float(used / limit):.0%})" if limit else "no limit"
    )
    return Bar(
        label=_label(target, pod),
        value=float(used),
        text=", ".join(parts),
        marks=[float(requested) if requested is not None else None, float(limit) if limit else None],
        level="warning" if any(is_near_limit(use) for _, use in members) else "info",
    )


def _total(amounts: list[Decimal | None]) -> Decimal | None:
    """The sum; None when one of them is not stated: then the whole has none."""
    known = [one for one in amounts if one is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None


def _table(target: Measured, found: list[tuple[Pod, Use]], resource: str) -> Table:
    rows = [[_label(target, pod), *_cells(use)] for pod, use in found[:_ROWS]]
    names = ("POD", "CONTAINER", "USED", "REQUEST", "LIMIT", "OF REQUEST", "OF LIMIT")
    return Table(
        caption=f"{_title(resource)} of the containers, the largest users first",
        columns=[Column(name=name, numeric=index > 1) for index, name in enumerate(names)],
        rows=rows,
        omitted=max(0, len(found) - _ROWS),
    )


def _cells(use: Use) -> list[str]:
    def text(amount: Decimal | None) -> str:
        return "none" if amount is None else quantity_text(use.resource, amount)

    def part(value: float | None) -> str:
        return "" if value is None else f"{value:.0%}"

    return [
        use.container.name,
        text(use.used),
        text(use.requested),
        text(use.limit),
        part(use.of_request),
        part(use.of_limit),
    ]


def meaning(target: Measured, cluster: Cluster, resource: str) -> Note:
    """What the numbers mean: over which time, and what counts."""
    windows = sorted(
        {one.window for one in pod_use(target, cluster).found.values() if one.window}
        | {one.window for one in node_use(target, cluster).found.values() if one.window}
    )
    over = f" over {' to '.join(dict.fromkeys((windows[0], windows[-1])))}" if windows else ""
    return Note(text=_MEANING[resource].format(window=over))


def _label(target: Measured, pod: Pod) -> str:
    return pod.name if target.namespace else f"{pod.namespace}/{pod.name}"


def _title(resource: str) -> str:
    return "Cpu" if resource == "cpu" else "Memory"


def _from(origin: str) -> str:
    """Said only where it is not the metrics API."""
    return ", as the kubelets in the case said (there is no metrics API)" if origin == "kubelet" else ""
