"""On which nodes kube-proxy must run for these Services, and where its pods do not."""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import DaemonSet, Node, Pod

from ..rules.node_fit import is_selected, untolerated_taints
from ..rules.node_health import nodes_by_name
from ..rules.settling import is_settling
from ..rules.thresholds import STARTING
from .proxy_found import PLACE
from .target import Services

_ASKED_ONE_BY_ONE = 3
"""For this many nodes kube-proxy's pods are asked for by node; for more they are listed once."""


class NodeProxy(NamedTuple):
    """kube-proxy on one node: its pod, None when there is none; `is_well` when that is ready."""

    node: str
    pod: Pod | None
    is_well: bool


def nodes_that_matter(target: Services) -> list[str]:
    """The client's node first, then those of the endpoints."""
    names = [target.client.spec.node_name] if target.client is not None else []
    for backing in target.proxied:
        for one in backing.slices:
            names += [endpoint.node_name or "" for endpoint in one.endpoints or ()]
    return [name for name in dict.fromkeys(names) if name]


def proxies(daemon_set: DaemonSet, names: list[str], cluster: Cluster) -> list[NodeProxy]:
    """kube-proxy on these nodes; one that cannot be judged, or is just being changed, is left out."""
    found: dict[str, list[Pod]] = {}
    for listed, asked in _pods(daemon_set, names, cluster):
        if not listed.complete:
            return []
        for name in asked:
            found.setdefault(name, [])
        for one in listed:
            found.setdefault(one.spec.node_name, []).append(one)
    nodes = nodes_by_name(names, cluster, single=len(names) <= _ASKED_ONE_BY_ONE)
    result = []
    for name in names:
        pods = sorted(found[name], key=lambda one: not one.is_ready)
        pod = pods[0] if pods else None
        if pod is not None and pod.is_ready:
            result.append(NodeProxy(name, pod, True))
        elif _is_due(daemon_set, pod, nodes[name].object, cluster):
            result.append(NodeProxy(name, pod, False))
    return result


def _pods(daemon_set: DaemonSet, names: list[str], cluster: Cluster) -> list[tuple[Listing[Pod], list[str]]]:
    labels = daemon_set.selector.text()
    if len(names) > _ASKED_ONE_BY_ONE:
        return [(cluster.look(Pod, PLACE, labels=labels, whole=True), names)]
    return [
        (cluster.look(Pod, PLACE, labels=labels, fields=f"spec.nodeName={name}"), [name]) for name in names
    ]


def _is_due(daemon_set: DaemonSet, pod: Pod | None, node: Node | None, cluster: Cluster) -> bool:
    """Whether this node should have a ready kube-proxy of this DaemonSet by now."""
    if node is None or not node.is_ready or node.age(cluster.now) < STARTING:
        return False
    spec = daemon_set.template.spec
    if node.status.node_info.operating_system == "windows" or not is_selected(spec, node):
        return False
    if untolerated_taints(spec, node):
        return False
    if pod is not None:
        return not is_settling(pod, cluster.now)
    # While it is being updated, a node is without a pod for a moment.
    return daemon_set.status.updated_number_scheduled >= daemon_set.desired
