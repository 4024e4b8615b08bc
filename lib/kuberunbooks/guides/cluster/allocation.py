"""CL-07: what the nodes can give, what pods ask of them, and what they may use at most.

A well-packed cluster is no alarm: it is what a scheduler and an autoscaler aim at. It is
one when pods wait for room on just these nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Bar, Bars, Column, Finding, Note, Table
from kuberunbooks.objects import Evidence, Pod, human_duration, parse_quantity
from kuberunbooks.objects.quantity import quantity_text

from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.requests import Amounts, effective_limit, effective_request
from ..rules.thresholds import NODE_NEARLY_FULL
from ..step import NotChecked, Yielded, step
from .allocated import Allocated, Waiting, allocated, nearly_full, together, waiting_pods
from .nodes import MOST_ROWS
from .resolve import Nodes
from .states import states

_MOST_BARS = 30
_MOST_PODS = 250
"""The kubelet runs 110 pods by default; more than this are rare."""


@step("CL-07", title="How full are the nodes, and what runs there?")
def allocation(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """What can each node give, how much of it is requested, and does a pod wait for room?"""
    if not states(target, cluster):
        yield NotChecked("No node could be looked at.")
        return
    pods = target.pods_on(cluster)
    if not pods.complete and not pods:
        yield NotChecked(f"The pods of all namespaces could not be read: {pods.why}.")
        return
    everything = allocated(target, cluster)
    if not pods.complete:
        yield Note(text=f"Not all pods were read ({pods.why}): the sums are lower bounds.")
    if target.node:
        yield _resources(everything[0])
        yield _pods(everything[0], cluster)
    else:
        yield _table(everything)
    for resource in ("cpu", "memory"):
        if any(resource in one.requests for one in everything):
            yield _bars(everything, resource)
    full = list(nearly_full(everything))
    crowded = [one for one in everything if 0 < one.allocatable("pods") <= len(one.pods)]
    if full or crowded:
        waiting = waiting_pods(target, cluster)
        yield from _nearly_full(full, waiting, of=len(everything))
        yield from _pod_count(crowded, waiting, of=len(everything))
    yield from _overcommitted(everything)


def _table(everything: Sequence[Allocated]) -> Table:
    """As `kubectl describe node` prints them, one node a row, and all together first."""
    columns = [
        "NODE",
        "PODS",
        "CPU REQUESTS",
        "CPU LIMITS",
        "MEMORY REQUESTS",
        "MEMORY LIMITS",
        "ALLOCATABLE",
    ]
    rows = [_row(one, one.node.name) for one in everything[:MOST_ROWS]]
    if len(everything) > 1:
        rows.insert(0, _row(together(everything), f"all {len(everything):,}"))
    return Table(
        caption="Allocated resources, the fullest node first (limits may exceed 100 %)",
        columns=[Column(name=name, numeric=name not in ("NODE", "ALLOCATABLE")) for name in columns],
        rows=rows,
        omitted=max(0, len(everything) - MOST_ROWS),
    )


def _row(one: Allocated, name: str) -> list[str]:
    cpu, memory = (quantity_text(resource, one.allocatable(resource)) for resource in ("cpu", "memory"))
    most = one.allocatable("pods")
    return [
        name,
        f"{len(one.pods):,} of {int(most):,}" if most else f"{len(one.pods):,}",
        *(
            one.text(amounts, resource)
            for resource in ("cpu", "memory")
            for amounts in (one.requests, one.limits)
        ),
        f"{cpu} cpu, {memory}",
    ]


def _resources(one: Allocated) -> Table:
    """Every resource of one node, as the end of `kubectl describe node` has them."""
    status = one.node.status
    rows = []
    for resource in dict.fromkeys((*status.capacity, *status.allocatable)):
        whole = parse_quantity(status.capacity.get(resource, 0))
        rows.append(
            [
                resource,
                quantity_text(resource, whole) if resource in status.capacity else "",
                quantity_text(resource, one.allocatable(resource)),
                one.text(one.requests, resource),
                one.text(one.limits, resource) if resource != "pods" else "",
            ]
        )
    columns = ("RESOURCE", "CAPACITY", "ALLOCATABLE", "REQUESTS", "LIMITS")
    return Table(
        caption=f"Resources of node {one.node.name} (limits may exceed 100 %)",
        columns=[Column(name=name, numeric=name != "RESOURCE") for name in columns],
        rows=rows,
    )


def _bars(everything: Sequence[Allocated], resource: str) -> Bars:
    sorted_ = sorted(everything, key=lambda one: -(one.requested(resource) or 0.0))
    shown = sorted_[:_MOST_BARS]
    limited = any(resource in one.limits for one in shown)
    bars = []
    for one in shown:
        part, whole = one.requested(resource), one.allocatable(resource)
        asked = quantity_text(resource, one.requests.get(resource, Decimal(0)))
        given = quantity_text(resource, whole)
        bars.append(
            Bar(
                label=one.node.name,
                value=float(one.requests.get(resource, Decimal(0))),
                full=float(whole),
                text=f"{asked} of {given}, {part:.0%}"
                if part is not None
                else f"{asked}; it does not say of how much",
                marks=[_limit(one, resource)] if limited else [],
            )
        )
    return Bars(
        caption=f"Requested {resource}, of what each node can give",
        marks=["limits"] if limited else [],
        bars=bars,
        omitted=max(0, len(sorted_) - _MOST_BARS),
    )


def _limit(one: Allocated, resource: str) -> float | None:
    return float(one.limits[resource]) if resource in one.limits else None


def _pods(one: Allocated, cluster: Cluster) -> Table:
    """The pods that have not ended, as `kubectl describe node` lists them."""
    columns = [
        "NAMESPACE",
        "NAME",
        "STATUS",
        "CPU REQUESTS",
        "CPU LIMITS",
        "MEMORY REQUESTS",
        "MEMORY LIMITS",
        "AGE",
    ]
    sorted_ = sorted(one.pods, key=lambda pod: (pod.namespace, pod.name))
    return Table(
        caption=f"Pods on node {one.node.name} that have not ended",
        columns=[Column(name=name, numeric=index > 2) for index, name in enumerate(columns)],
        rows=[_pod_row(one, pod, cluster) for pod in sorted_[:_MOST_PODS]],
        omitted=max(0, len(sorted_) - _MOST_PODS),
    )


def _pod_row(one: Allocated, pod: Pod, cluster: Cluster) -> list[str]:
    asked, allowed = effective_request(pod.spec), effective_limit(pod.spec)
    amounts: list[tuple[Amounts, str]] = [
        (found, resource) for resource in ("cpu", "memory") for found in (asked, allowed)
    ]
    return [
        pod.namespace,
        pod.name,
        pod.status_text,
        *(one.text(found, resource) for found, resource in amounts),
        human_duration(pod.age(cluster.now)),
    ]


def _evidence(alike: Sequence[Allocated], *resources: str) -> list[Evidence]:
    return [
        cited
        for one in alike[:CITED_NODES]
        for resource in resources
        for cited in (
            one.node.cite(f"status.allocatable['{resource}']"),
            Evidence(
                f"{Pod.api.path()}?fieldSelector=spec.nodeName={one.node.name}",
                "spec.containers[*].resources" if resource != "pods" else "items",
                one.text(one.requests, resource) if resource != "pods" else f"{len(one.pods)} pods",
            ),
        )
    ]


def _nearly_full(
    nodes: Sequence[tuple[Allocated, list[str]]], waiting: Waiting, *, of: int
) -> Iterator[Finding]:
    """Only what somebody waits for is a warning."""
    wanted: list[tuple[Allocated, list[str], list[Pod]]] = []
    calm: list[tuple[Allocated, list[str], list[Pod]]] = []
    for one, full in nodes:
        pods = list(
            {
                (pod.namespace, pod.name): pod for name in full for pod in waiting.for_room_on(one, name)
            }.values()
        )
        (wanted if pods else calm).append((one, full, pods))
    for alike in (wanted, calm):
        if not alike:
            continue
        first, full, pods = alike[0]
        yield about_nodes(
            "NodeRequestsNearlyFull",
            [one.node for one, _, _ in alike],
            severity="warning" if pods else None,
            evidence=_evidence([one for one, _, _ in alike], *full),
            since=_waiting_since([pod for _, _, found in alike for pod in found]),
            group=(bool(pods),),
            resources=full,
            percent=[int((first.requested(name) or 0.0) * 100) for name in full],
            of=of,
            limit=int(NODE_NEARLY_FULL * 100),
            waiting=len({(pod.namespace, pod.name) for _, _, found in alike for pod in found}),
            pod=f"{pods[0].namespace}/{pods[0].name}" if pods else "",
        )


def _waiting_since(pods: Sequence[Pod]) -> datetime | None:
    """Since the oldest of them was made."""
    made = [pod.metadata.creation_timestamp for pod in pods if pod.metadata.creation_timestamp is not None]
    return min(made, default=None)


def _pod_count(full: Sequence[Allocated], waiting: Waiting, *, of: int) -> Iterator[Finding]:
    if not full:
        return
    pods = {(pod.namespace, pod.name): pod for one in full for pod in waiting.for_room_on(one, "pods")}
    example = next(iter(pods.values()), None)
    yield about_nodes(
        "NodePodCountFull",
        [one.node for one in full],
        severity="warning" if pods else None,
        evidence=_evidence(full, "pods"),
        since=_waiting_since(list(pods.values())),
        group=(bool(pods),),
        running=len(full[0].pods),
        most=int(full[0].allocatable("pods")),
        of=of,
        waiting=len(pods),
        pod=f"{example.namespace}/{example.name}" if example is not None else "",
    )


def _overcommitted(everything: Sequence[Allocated]) -> Iterator[Finding]:
    """Limits beyond what there is are allowed; for memory it means that not all can have theirs at once."""
    over = [one for one in everything if max(one.limited("cpu") or 0.0, one.limited("memory") or 0.0) > 1.0]
    if not over:
        return
    worst = max(over, key=lambda one: one.limited("memory") or 0.0)
    nodes = [worst.node, *(one.node for one in over if one is not worst)]
    resources = [name for name in ("memory", "cpu") if (worst.limited(name) or 0.0) > 1.0]
    yield about_nodes(
        "NodeOvercommitted",
        nodes,
        evidence=[worst.node.cite(f"status.allocatable['{name}']") for name in resources],
        resources=resources,
        percent=[int((worst.limited(name) or 0.0) * 100) for name in resources],
        of=len(everything),
    )
