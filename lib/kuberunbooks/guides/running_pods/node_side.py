"""RP-23: the pod and its node side by side: what one asks for and the other offers.

A node that is lost is the first step's business. Here stand the lesser troubles
(pressure, cordon, a taint put there later) and the numbers behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Node, Pod, labels_text, quantity_text

from ..pods.fleet import amount_on
from ..pods.occupancy import Occupancy
from ..pods.target import Pods
from ..rules.conditions import cite_condition
from ..rules.node_conditions import troubles
from ..rules.node_fit import untolerated_taints
from ..rules.requests import effective_request
from ..step import Yielded, step
from .described import described
from .description import toleration_text

_RESOURCES = ("cpu", "memory", "ephemeral-storage", "pods")


@step("RP-23", title="How is its node?")
def node_side(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What does its node offer, what is taken of it, and does the node report trouble of its own?"""
    occupancy: Occupancy | None = None
    told: set[str] = set()
    for pod in described(target):
        if not pod.spec.node_name or pod.is_terminal:
            continue
        found = cluster.node(pod.spec.node_name)
        if found.object is None:
            why = found.why or "it does not exist"
            yield Note(text=f"Node {pod.spec.node_name} of pod {pod.name} was not looked at: {why}.")
            continue
        occupancy = occupancy or Occupancy(target, cluster)
        yield _table(pod, found.object, occupancy)
        if found.object.name not in told:
            told.add(found.object.name)
            yield from _troubles(found.object, pod)


def _troubles(node: Node, pod: Pod) -> Iterator[Finding]:
    """Of a lost node its conditions are only the last report."""
    if not node.is_ready:
        return
    for condition in troubles(node):
        yield finding(
            "NodeReportsProblem",
            node,
            evidence=cite_condition(node, condition.type, "status", "reason", "message"),
            since=condition.last_transition_time,
            condition=condition.type,
            message=condition.message or condition.reason,
            example=pod.name,
        )


def _table(pod: Pod, node: Node, occupancy: Occupancy) -> Table:
    rows = [*_state(node), *_rules(pod, node), *_amounts(pod, node, occupancy)]
    return Table(
        caption=f"Pod {pod.name} and its node {node.name}",
        columns=[Column(name=name) for name in ("WHAT", "THE POD", "THE NODE")],
        rows=[list(row) for row in rows],
    )


def _state(node: Node) -> Iterator[tuple[str, str, str]]:
    info = node.status.node_info
    bad = [one.type for one in troubles(node)]
    yield "state", "", node.status_text
    yield "troubles it reports", "", ", ".join(bad) or "none"
    yield "system", "", f"{info.os_image}, kernel {info.kernel_version}, {info.architecture}"
    yield "kubelet, runtime", "", f"{info.kubelet_version}, {info.container_runtime_version}"


def _rules(pod: Pod, node: Node) -> Iterator[tuple[str, str, str]]:
    spec = pod.spec
    if spec.node_selector:
        have = {key: node.metadata.labels.get(key, "(absent)") for key in spec.node_selector}
        yield "node selector, labels", labels_text(spec.node_selector), labels_text(have)
    untolerated = {one.text for one in untolerated_taints(spec, node)}
    taints = [
        f"{one.text}{' (not tolerated)' if one.text in untolerated else ''}" for one in node.spec.taints
    ]
    tolerated = "; ".join(toleration_text(one) for one in spec.tolerations)
    yield "tolerations, taints", tolerated or "none", ", ".join(taints) or "none"


def _amounts(pod: Pod, node: Node, occupancy: Occupancy) -> Iterator[tuple[str, str, str]]:
    asked = effective_request(pod.spec) | {"pods": Decimal(1)}
    taken, complete = occupancy.requested_on(node), occupancy.on(node).complete
    for resource in dict.fromkeys((*_RESOURCES, *asked)):
        if resource not in node.status.allocatable:
            continue
        requested = taken.get(resource, Decimal(0))
        offered = quantity_text(resource, amount_on(node, resource))
        given = (
            f"{'' if complete else 'at least '}{quantity_text(resource, requested)} of {offered} requested"
        )
        yield resource, quantity_text(resource, asked.get(resource, Decimal(0))), given
