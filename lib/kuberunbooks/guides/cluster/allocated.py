"""What pods ask of each node and may use at most, against what the node can give.

As the scheduler counts: pods that have ended are left out, those that are being deleted
are not. Called by the step about allocation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import Node, Pod, parse_quantity
from kuberunbooks.objects.quantity import add, quantity_text

from ..rules.node_fit import is_cordoned, is_selected, required_affinity, untolerated_taints
from ..rules.requests import Amounts, effective_limit, effective_request
from ..rules.scheduler_message import parse
from ..rules.thresholds import NODE_NEARLY_FULL, PENDING_GRACE
from .resolve import Nodes
from .states import pods_by_node, states

_SHORT = {"InsufficientCpu": "cpu", "InsufficientMemory": "memory", "TooManyPods": "pods"}
_MOST_SHAPES = 50


class Allocated(NamedTuple):
    """One node: its pods that have not ended, and the sums of their requests and limits in base units."""

    node: Node
    pods: list[Pod]
    requests: Amounts
    limits: Amounts

    def allocatable(self, resource: str) -> Decimal:
        """status.allocatable of a resource, 0 where the node does not say."""
        return parse_quantity(self.node.status.allocatable.get(resource, 0))

    def requested(self, resource: str) -> float | None:
        """The part of a resource that is requested, 1.0 being all; None where the node does not say."""
        return _share(self.requests, resource, self.allocatable(resource))

    def limited(self, resource: str) -> float | None:
        """The part of a resource that the limits add up to; above 1.0 it is overcommitted."""
        return _share(self.limits, resource, self.allocatable(resource))

    @property
    def fullest(self) -> float:
        """The largest part of cpu, memory and pods that is requested."""
        return max(self.requested(resource) or 0.0 for resource in ("cpu", "memory", "pods"))

    def text(self, amounts: Amounts, resource: str) -> str:
        """An amount with its part of the whole, as `kubectl describe node` prints it: `1900m (95%)`."""
        amount = amounts.get(resource, Decimal(0))
        part = _share(amounts, resource, self.allocatable(resource))
        return quantity_text(resource, amount) + (f" ({int(part * 100)}%)" if part is not None else "")


def _share(amounts: Amounts, resource: str, whole: Decimal) -> float | None:
    return float(amounts.get(resource, Decimal(0)) / whole) if whole > 0 else None


def allocated(target: Nodes, cluster: Cluster) -> list[Allocated]:
    """What is allocated on every node in question, the fullest first."""
    by_node, sums = pods_by_node(target, cluster), _Sums()
    found = []
    for one in states(target, cluster):
        pods = by_node.get(one.name, [])
        requests: Amounts = {"pods": Decimal(len(pods))}
        limits: Amounts = {}
        for pod in pods:
            asked, allowed = sums.of(pod)
            _add(requests, asked)
            _add(limits, allowed)
        found.append(Allocated(one.node, pods, requests, limits))
    return sorted(found, key=lambda one: (-one.fullest, one.node.name))


def together(everything: Sequence[Allocated]) -> Allocated:
    """All these nodes as if they were one."""
    whole: Amounts = {}
    requests: Amounts = {}
    limits: Amounts = {}
    for one in everything:
        add(whole, one.node.status.allocatable)
        _add(requests, one.requests)
        _add(limits, one.limits)
    node = Node()
    node.status.allocatable = dict(whole)
    return Allocated(node, [pod for one in everything for pod in one.pods], requests, limits)


class _Sums:
    """Pods of one ReplicaSet ask for the same: worked out once for all of them."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Amounts, Amounts]] = {}

    def of(self, pod: Pod) -> tuple[Amounts, Amounts]:
        """Requests and limits of a pod."""
        spec = pod.spec
        shape = msgspec.json.encode(
            (
                [one.resources for one in spec.containers],
                [(one.resources, one.is_sidecar) for one in spec.init_containers],
                spec.resources,
                spec.overhead,
            )
        )
        if shape not in self._known:
            self._known[shape] = (effective_request(spec), effective_limit(spec))
        return self._known[shape]


def _add(total: Amounts, more: Amounts) -> None:
    for resource, amount in more.items():
        total[resource] = total.get(resource, Decimal(0)) + amount


class Waiting:
    """The pods without a node that the scheduler found no room for, and which nodes they could use."""

    def __init__(self, pods: Iterable[Pod], cluster: Cluster) -> None:
        self._by_shape: dict[bytes, list[tuple[Pod, Amounts, set[str]]]] = {}
        for pod in pods:
            short = _short_of(pod, cluster)
            if short:
                shape = msgspec.json.encode(
                    (pod.spec.node_selector, required_affinity(pod.spec), pod.spec.tolerations, sorted(short))
                )
                asked = effective_request(pod.spec) | {"pods": Decimal(1)}
                self._by_shape.setdefault(shape, []).append((pod, asked, short))

    def for_room_on(self, one: Allocated, resource: str) -> list[Pod]:
        """Those that would run on the node if it had more of the resource left."""
        found: list[Pod] = []
        whole = one.allocatable(resource)
        for alike in list(self._by_shape.values())[:_MOST_SHAPES]:
            example, _, short = alike[0]
            if resource in short and _may_use(example, one.node):
                found += [pod for pod, asked, _ in alike if asked.get(resource, Decimal(0)) <= whole]
        return found


def _may_use(pod: Pod, node: Node) -> bool:
    spec = pod.spec
    return is_selected(spec, node) and not is_cordoned(spec, node) and not untolerated_taints(spec, node)


def _short_of(pod: Pod, cluster: Cluster) -> set[str]:
    """What the scheduler found too little of, for a pod that has waited long enough."""
    if pod.is_scheduled or pod.is_terminal or pod.age(cluster.now) < PENDING_GRACE:
        return set()
    condition = pod.condition("PodScheduled")
    if condition is None or condition.reason != "Unschedulable":
        return set()
    return {_SHORT[code] for code in parse(condition.message).codes if code in _SHORT}


def waiting_pods(target: Nodes, cluster: Cluster) -> Waiting:
    """The pods that wait for room: of the list that was read, or for one node by a request of their own."""
    pods = cluster.look(Pod, fields="status.phase=Pending") if target.node else target.pods_on(cluster)
    return Waiting(pods, cluster)


def nearly_full(everything: Sequence[Allocated]) -> Iterator[tuple[Allocated, list[str]]]:
    """The nodes of which nearly all cpu or memory is requested, with which."""
    for one in everything:
        full = [name for name in ("cpu", "memory") if (one.requested(name) or 0.0) >= NODE_NEARLY_FULL]
        if full:
            yield one, full
