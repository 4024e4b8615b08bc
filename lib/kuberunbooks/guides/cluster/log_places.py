"""Where the logs of the control plane and of kubelets are, by what kind of nodes and installation it is.

Called by the step about kubelet logs. The commands stand in the catalogue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kuberunbooks.cluster import Listing
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Evidence, Node, Pod

from .answer import THE_CLUSTER
from .components import COMPONENTS, component_of

_SERVICES = {
    "EKS": ("eks.amazonaws.com/", "alpha.eksctl.io/"),
    "GKE": ("cloud.google.com/gke-",),
    "AKS": ("kubernetes.azure.com/",),
}
"""Managed services, by the labels they give their nodes."""
_KUBELET_PLACES = {
    "systemd": "the journal, unit kubelet",
    "kind": "the journal, unit kubelet, in the container of the node's name",
    "k3s": "the journal, unit k3s or k3s-agent (the kubelet is part of it)",
    "Talos": "the log of the service kubelet, by Talos' own API",
    "Windows": "files under C:\\var\\log and the event log Application",
}
_CONSOLE = "the provider's console: {service} keeps the control plane's logs, where that is switched on"


def kind_of(node: Node) -> str:
    """How a node keeps its kubelet's log: by system, provider and kubelet version."""
    info = node.status.node_info
    if info.operating_system == "windows" or node.metadata.labels.get("kubernetes.io/os") == "windows":
        return "Windows"
    if node.spec.provider_id.startswith("kind://"):
        return "kind"
    if node.spec.provider_id.startswith("k3s://") or "+k3s" in info.kubelet_version:
        return "k3s"
    return "Talos" if info.os_image.startswith("Talos") else "systemd"


def service_of(nodes: Sequence[Node]) -> str:
    """The managed service the nodes belong to; empty when none is recognised."""
    labels = {label for node in nodes for label in node.metadata.labels}
    for service, prefixes in _SERVICES.items():
        if any(label.startswith(prefixes) for label in labels):
            return service
    return ""


def places_table(nodes: Sequence[Node], pods: Listing[Pod]) -> Table:
    """What logs where."""
    service = service_of(nodes)
    if pods:
        control = "containers of static pods in kube-system"
    elif service:
        control = _CONSOLE.format(service=service)
    elif any(kind_of(node) == "k3s" for node in nodes):
        control = "the journal of the server nodes, unit k3s: all of it is one process"
    else:
        control = "not known from here: the journal of the control-plane nodes, or the provider's console"
    rows = [["control plane", control]]
    for kind, count in Counter(kind_of(node) for node in nodes).most_common():
        where = "1 node" if count == 1 else f"{count} nodes"
        rows.append([f"kubelet on {where} ({kind})", _KUBELET_PLACES[kind]])
    rows.append(["kube-proxy", "containers of its DaemonSet, or the node's journal where it is a service"])
    return Table(
        caption="Where the logs are",
        columns=[Column(name="LOG OF"), Column(name="WHERE")],
        rows=rows,
    )


def places_finding(nodes: Sequence[Node], pods: Listing[Pod], wanted: str) -> Finding:
    """How to read them; `wanted` is the node that was asked for, else any serves as the example."""
    by_kind: dict[str, str] = {}
    for node in sorted(nodes, key=lambda one: (one.name != wanted, one.is_ready)):
        by_kind.setdefault(kind_of(node), node.name)
    by_component = {component_of(pod): pod.name for pod in pods}
    shown = nodes[0]
    return finding(
        "LogsWhere",
        THE_CLUSTER,
        evidence=Evidence(
            shown.source, "status.nodeInfo.osImage", shown.status.node_info.os_image or "absent"
        ),
        pods=[by_component[name] for name in COMPONENTS if name in by_component],
        known=pods.complete,
        service=service_of(nodes),
        kinds=list(by_kind),
        systemd=by_kind.get("systemd", ""),
        kind_node=by_kind.get("kind", ""),
        k3s=by_kind.get("k3s", ""),
        talos=by_kind.get("Talos", ""),
        windows=by_kind.get("Windows", ""),
    )
