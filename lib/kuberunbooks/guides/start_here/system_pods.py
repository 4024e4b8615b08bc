"""The pods the cluster itself works by: DNS, kube-proxy and the control plane's own.

Only those in kube-system with the labels that kubeadm and most installers give; a managed
control plane shows none of its pods. Called by the first step and by the bug report.
"""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import Pod, parse_labels

from ..pods.target import Pods
from ..rules.settling import is_settling
from .held import is_held
from .lost_nodes import pods_on
from .resolve import is_whole_cluster

SYSTEM = "kube-system"
_APPS = "k8s-app in (kube-dns,kube-proxy)"
_CONTROL_PLANE = "tier=control-plane"
_PROXY = "kube-proxy"


class SystemPods(NamedTuple):
    """Those that were read, and those not ready that matter; `known` False: not all could be read."""

    read: list[Pod]
    unready: list[Pod]
    known: bool


def look_at_system_pods(target: Pods, cluster: Cluster, lost: frozenset[str]) -> SystemPods:
    """`lost` are nodes that are not Ready: what runs there is their trouble, not its own."""
    pods: dict[str, Pod] = {}
    known = True
    for labels in (_APPS, _CONTROL_PLANE):
        listed = _read(target, cluster, labels)
        known = known and listed.complete
        pods.update((pod.name, pod) for pod in listed)
    nodes = frozenset(pods_on(target))
    unready = [
        pod
        for pod in pods.values()
        if not (pod.is_ready or pod.is_terminal or is_settling(pod, cluster.now))
        and pod.spec.node_name not in lost
        and (is_whole_cluster(target) or _serves(pod, nodes))
    ]
    return SystemPods(list(pods.values()), unready, known)


def _serves(pod: Pod, nodes: frozenset[str]) -> bool:
    """A kube-proxy serves its own node; DNS and the control plane serve everybody."""
    return pod.metadata.labels.get("k8s-app") != _PROXY or pod.spec.node_name in nodes


def _read(target: Pods, cluster: Cluster, labels: str) -> Listing[Pod]:
    """Of the whole cluster from what was read already. That a case has no kube-system is no gap."""
    if not is_whole_cluster(target):
        held = is_held(Pod, SYSTEM, cluster)
        return cluster.look(Pod, SYSTEM, labels=labels) if held else Listing(complete=False)
    selector = parse_labels(labels)
    pods = [pod for pod in target.pods if pod.namespace == SYSTEM]
    # A case may hold only some namespaces; one without kube-system shows nothing of it.
    return Listing((pod for pod in pods if selector.matches(pod.metadata.labels)), complete=bool(pods))
