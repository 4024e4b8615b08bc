"""CL-08: versions of kubelet, runtime, system and kernel, and nodes that were rebooted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table
from kuberunbooks.objects import Event, Node

from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.version_skew import minor_version, version_skew
from ..step import NotChecked, Yielded, step
from .node_events import node_events
from .nodes import MOST_ROWS
from .resolve import Nodes
from .states import states

_DOCKERSHIM_GONE = (1, 24)
_CONTAINERD_2_NEEDED = (1, 36)
_CONTAINERD_1 = re.compile(r"^containerd://v?1\.")
_CORDON_BEFORE = timedelta(hours=1)


@step("CL-08", title="Which versions run, and was a node rebooted?")
def system(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Do the kubelets go with the API server, is a runtime too old, and has a node been rebooted?"""
    nodes = [one.node for one in states(target, cluster)]
    if not nodes:
        yield NotChecked("No node could be looked at.")
        return
    yield _one(nodes[0]) if target.node else _versions(nodes)
    server = cluster.origin.server_version
    if minor_version(server) is None:
        yield Note(text="The API server's version is not known: the kubelets' were not compared with it.")
    yield from version_skew(nodes, server)
    yield from _runtimes(nodes)
    yield from _reboots(nodes, target, cluster)


def _one(node: Node) -> Table:
    """Where to reach one node, and what runs on it."""
    info, spec = node.status.node_info, node.spec
    rows = [
        *((f"address ({one.type})", one.address) for one in node.status.addresses),
        ("id at the cloud", spec.provider_id),
        ("addresses of its pods", ", ".join(spec.pod_cidrs)),
        ("kubelet", info.kubelet_version),
        ("container runtime", info.container_runtime_version),
        ("system", info.os_image),
        ("kernel", info.kernel_version),
        ("architecture", f"{info.operating_system}/{info.architecture}".strip("/")),
        ("boot id", info.boot_id),
    ]
    return Table(
        caption=f"System of node {node.name}",
        columns=[Column(name="WHAT"), Column(name="VALUE")],
        rows=[list(row) for row in rows if row[1]],
    )


def _versions(nodes: Sequence[Node]) -> Table:
    """Nodes set up alike are one row: what differs from the rest is seen at once."""
    counted: Counter[tuple[str, ...]] = Counter()
    example: dict[tuple[str, ...], str] = {}
    for node in nodes:
        info = node.status.node_info
        key = (
            info.kubelet_version,
            info.container_runtime_version,
            info.os_image,
            info.kernel_version,
            info.architecture,
        )
        counted[key] += 1
        example.setdefault(key, node.name)
    columns = ("NODES", "FOR EXAMPLE", "KUBELET", "RUNTIME", "OS-IMAGE", "KERNEL-VERSION", "ARCHITECTURE")
    return Table(
        caption="What the nodes run, by how many run the same",
        columns=[Column(name=name, numeric=name == "NODES") for name in columns],
        rows=[[f"{number:,}", example[key], *key] for key, number in counted.most_common(MOST_ROWS)],
        omitted=max(0, len(counted) - MOST_ROWS),
    )


def _runtimes(nodes: Sequence[Node]) -> Iterator[Finding]:
    """Docker by way of cri-dockerd, and containerd 1.x where the kubelet's release expects 2.x."""
    old: dict[str, list[Node]] = {}
    for node in nodes:
        runtime, kubelet = (
            node.status.node_info.container_runtime_version,
            minor_version(node.status.node_info.kubelet_version),
        )
        if kubelet is None:
            continue
        if runtime.startswith("docker://") and kubelet >= _DOCKERSHIM_GONE:
            old.setdefault("docker", []).append(node)
        elif _CONTAINERD_1.match(runtime) and kubelet >= _CONTAINERD_2_NEEDED:
            old.setdefault("containerd", []).append(node)
    for runtime, alike in old.items():
        info = alike[0].status.node_info
        yield about_nodes(
            "DeprecatedRuntime",
            alike,
            evidence=[node.cite("status.nodeInfo.containerRuntimeVersion") for node in alike[:CITED_NODES]],
            group=(runtime,),
            runtime=info.container_runtime_version,
            kubelet=info.kubelet_version,
            docker=runtime == "docker",
            of=len(nodes),
        )


def _reboots(nodes: Sequence[Node], target: Nodes, cluster: Cluster) -> Iterator[Finding]:
    """Event Rebooted, which the kubelet writes when it finds another boot id.

    After a cordon it was planned (a drain, kured, an upgrade); and a cluster of one node is
    a laboratory, whose node goes off with the machine it is on.
    """
    events = node_events(target, cluster)
    planned: list[tuple[Node, Event]] = []
    sudden: list[tuple[Node, Event]] = []
    for node in nodes:
        told = events.get(node.name, [])
        reboot = next((one for one in reversed(told) if one.reason == "Rebooted"), None)
        seen = reboot.last_seen if reboot is not None else None
        if reboot is None or seen is None or (cluster.now - seen).total_seconds() > target.since:
            continue
        cordoned = node.spec.unschedulable or any(
            one.reason == "NodeNotSchedulable"
            and one.last_seen is not None
            and timedelta(0) <= seen - one.last_seen <= _CORDON_BEFORE
            for one in told
        )
        alone = target.total == 1
        (planned if cordoned or alone else sudden).append((node, reboot))
    for alike in (sudden, planned):
        if alike:
            yield _rebooted(alike, cluster, planned=alike is planned, alone=target.total == 1)


def _rebooted(
    alike: Sequence[tuple[Node, Event]], cluster: Cluster, *, planned: bool, alone: bool
) -> Finding:
    seen = [one.last_seen for _, one in alike if one.last_seen is not None]
    latest = max(seen)
    return about_nodes(
        "NodeRebooted",
        [node for node, _ in alike],
        severity="info" if planned else None,
        evidence=[one.cite("message") for _, one in alike[:CITED_NODES]],
        since=min(seen),
        group=(planned,),
        ago=(cluster.now - latest).total_seconds(),
        planned=planned and not alone,
        alone=alone,
    )
