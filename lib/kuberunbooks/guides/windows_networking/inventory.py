"""WN-00: which Windows nodes there are, what they run, and which of them are lost."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Evidence, Node

from ..pods.missing import missing_findings
from ..rules.node_health import node_finding
from ..rules.windows_builds import Build, build_of
from ..rules.windows_pods import BUILD_LABEL
from ..step import Yielded, step
from .lost_nodes import is_passing, lost_nodes
from .target import WindowsNetworking

_ROWS = 40
_CITED = 3
_MOST_LOST = 5
_COLUMNS = ("NODE", "STATUS", "WINDOWS", "BUILD", "RUNTIME", "KUBELET", "PODS HERE", "TAINTS")


@step(
    "WN-00",
    title="Which Windows nodes are there?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/",
)
def nodes(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Which Windows nodes are there, what do they run, and do they report?"""
    if not target.fleet.complete:
        # Raises what kept the list from being read, so that the step says it.
        cluster.read(Node)
    if target.asked.missing:
        yield from missing_findings(target.asked)
        return
    if not target.windows_nodes:
        if target.fleet.complete:
            yield _none(target)
        return
    if target.asked.wanted and not target.nodes and not target.windows.pods:
        yield _not_windows(target)
        return
    shown = target.nodes or target.windows_nodes
    yield _table(shown, target)
    yield _inventory(shown, target)
    yield from _lost(target, cluster)


def build_of_node(node: Node) -> Build | None:
    """The build a Windows node runs, by its kernel or by its label."""
    return build_of(node.status.node_info.kernel_version) or build_of(
        node.metadata.labels.get(BUILD_LABEL, "")
    )


def system_of(node: Node) -> str:
    """`Windows Server 2022 (build 20348)`; what the node calls itself where its build is none we know."""
    build = build_of_node(node)
    info = node.status.node_info
    if build is None or not build.release:
        known = [info.os_image or "Windows", *([f"build {build.number}"] if build else [])]
        return ", ".join(known)
    return build.text


def _none(target: WindowsNetworking) -> Finding:
    cited = [node.cite("status.nodeInfo.operatingSystem") for node in target.fleet[:_CITED]]
    return finding("NoWindowsNodes", target.subject, evidence=cited, nodes=len(target.fleet))


def _not_windows(target: WindowsNetworking) -> Finding:
    named = next((node for node in target.fleet if node.name == target.node), None)
    cited: list[Evidence] = []
    if named is not None:
        cited = [named.cite("status.nodeInfo.operatingSystem")]
    elif target.asked.pods:
        pod = target.asked.pods[0]
        cited = [pod.cite("spec.nodeName"), pod.cite("spec.nodeSelector")]
    return finding(
        "NotForWindows",
        target.subject,
        evidence=cited,
        wanted=target.asked.wanted,
        node=target.node,
        pods=len(target.asked.pods),
        places=sorted({pod.spec.node_name for pod in target.asked.pods if pod.spec.node_name}),
        nodes=[node.name for node in target.windows_nodes],
    )


def _inventory(shown: list[Node], target: WindowsNetworking) -> Finding:
    systems: dict[str, int] = {}
    for node in shown:
        systems[system_of(node)] = systems.get(system_of(node), 0) + 1
    runtimes = sorted({node.status.node_info.container_runtime_version for node in shown} - {""})
    return finding(
        "WindowsInventory",
        target.subject,
        evidence=[node.cite("status.nodeInfo.kernelVersion") for node in shown[:_CITED]],
        nodes=len(shown),
        of=len(target.fleet),
        systems=[f"{number} x {name}" if number > 1 else name for name, number in systems.items()],
        builds=len({build.number for node in target.windows_nodes if (build := build_of_node(node))}),
        runtimes=runtimes,
        docker=any(one.startswith("docker://") for one in runtimes),
        names=[node.name for node in shown],
        pods=len(target.windows.pods),
        both=target.has_both,
    )


def _lost(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Those without pods of the target; the others are told with their pods."""
    with_pods = {pod.spec.node_name for pod in target.windows.pods if not pod.is_terminal}
    told = 0
    for node in target.nodes:
        trouble = lost_nodes(target).get(node.name)
        if trouble is None or node.name in with_pods:
            continue
        if is_passing(node, trouble, cluster.now):
            yield Note(
                text=f"Node {node.name} is not ready for the moment: it is new, or somebody took it out of "
                "service, or it has only just fallen silent."
            )
        else:
            told += 1
            if told > _MOST_LOST:
                continue
            one = node_finding(trouble, [], of=len(target.windows.pods), owners=(), now=cluster.now)
            one.facts["windows"] = True
            yield one
    if told > _MOST_LOST:
        yield Note(text=f"{told - _MOST_LOST} more Windows nodes are not ready; the table has all of them.")


def _table(shown: list[Node], target: WindowsNetworking) -> Table:
    counts: dict[str, int] = {}
    for pod in target.windows.pods:
        counts[pod.spec.node_name] = counts.get(pod.spec.node_name, 0) + 1
    rows = [
        [
            node.name,
            node.status_text,
            node.status.node_info.os_image or "not reported",
            node.status.node_info.kernel_version or node.metadata.labels.get(BUILD_LABEL, ""),
            node.status.node_info.container_runtime_version,
            node.status.node_info.kubelet_version,
            str(counts.get(node.name, 0)),
            ", ".join(taint.text for taint in node.spec.taints),
        ]
        for node in shown[:_ROWS]
    ]
    return Table(
        caption="The Windows nodes" if shown == target.windows_nodes else "The Windows nodes in question",
        columns=[Column(name=name, numeric=name == "PODS HERE") for name in _COLUMNS],
        rows=rows,
        omitted=max(0, len(shown) - _ROWS),
    )
