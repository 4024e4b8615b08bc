"""WN-12, WN-13, WN-14: flannel's three ways of not working on a Windows node.

It keeps addresses of an earlier life of the node, waits for a network nobody makes, or
never wrote the file with the node's subnet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_interface

from kuberunbooks.cluster import Cluster, Log
from kuberunbooks.findings import Finding, LogExcerpt, LogLine, Severity, Subject, finding
from kuberunbooks.objects import Evidence, Node, Pod

from ..rules.addresses import is_ip
from ..rules.thresholds import FLANNEL_WAITING
from ..rules.windows_cni import holding, parse_network
from ..rules.windows_flannel import Waiting, old_files, source_vips, subnet_env, waiting
from ..rules.windows_session import Piece
from ..step import NotChecked, Yielded, step
from .cluster_ranges import cluster_ranges
from .heard import on_hosts
from .host_checks import OLD_FILES, unanswered
from .sandbox_troubles import SandboxTrouble, sandbox_troubles
from .target import WindowsNetworking

_UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network"
_ANNOTATION = "flannel.alpha.coreos.com/"
_PLACES = ("kube-flannel", "kube-system")
_MOST_LOGS = 3
_SHOWN = 10
_NO_FLANNEL = "No Windows node that was looked at has an annotation of flannel."


def uses_flannel(node: Node) -> bool:
    """Whether flannel has noted its subnet on the node."""
    return any(key.startswith(_ANNOTATION) for key in node.metadata.annotations)


@step("WN-12", title="Does flannel keep what an earlier node left?", upstream=_UPSTREAM)
def flannel_rejoined(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Do files on the node hold addresses of a subnet it had before it joined again?"""
    heard_any = False
    for piece in on_hosts(target, cluster):
        node = target.windows_node(piece.node)
        if node is None:
            continue
        found = list(_stale(node, piece))
        heard_any = heard_any or bool(found) or bool(subnet_env(piece.text)) or _tells_of_files(piece)
        yield from found
    if heard_any:
        return
    if any(uses_flannel(node) for node in target.nodes):
        yield unanswered(target, OLD_FILES)
    else:
        yield NotChecked(_NO_FLANNEL)


def _tells_of_files(piece: Piece) -> bool:
    return piece.asked("SourceVip") or any(True for _ in source_vips(piece.text))


def _stale(node: Node, piece: Piece) -> Iterator[Finding]:
    own = [network for text in node.spec.pod_cidrs if (network := parse_network(text)) is not None]
    for address in source_vips(piece.text) if own else ():
        network = parse_network(address.partition("/")[0])
        if network is not None and not holding(own, network):
            yield _stale_finding(node, piece, "address", address)
    subnet = subnet_env(piece.text).get("FLANNEL_SUBNET", "")
    if own and (held := parse_network(subnet)) is not None and not holding(own, held):
        yield _stale_finding(node, piece, "subnet", subnet)
    created = node.metadata.creation_timestamp
    for file in old_files(piece.records):
        if created is not None and file.written is not None and file.written < created:
            yield _stale_finding(node, piece, "file", file.path, written=file.written)


def _stale_finding(
    node: Node, piece: Piece, why: str, what: str, *, written: datetime | None = None
) -> Finding:
    created = node.metadata.creation_timestamp
    return finding(
        "FlannelStaleSubnet",
        node,
        evidence=[piece.cite(what), node.cite("spec.podCIDRs"), node.cite("metadata.creationTimestamp")],
        since=created,
        likely=why == "file",
        why=why,
        what=what,
        subnet=", ".join(node.spec.pod_cidrs),
        written=f"{written:%Y-%m-%d %H:%M} UTC" if written else "",
        created=f"{created:%Y-%m-%d %H:%M} UTC" if created else "",
    )


@step("WN-13", title="Does flannel wait for its network?", upstream=_UPSTREAM)
def flannel_waiting(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Is flannel stuck at "Waiting for the Network to be created"?"""
    looked = False
    for piece in on_hosts(target, cluster):
        found = waiting((None, line) for line in piece.text.splitlines())
        if found is not None:
            looked = True
            node = target.windows_node(piece.node)
            yield _waits(
                node, piece.node, found, piece.cite("Waiting for the Network to be created"), cluster
            )
    for node, log in _logs(target, cluster):
        if not log.available:
            continue
        looked = True
        found = waiting((line.at, line.text) for line in log.lines)
        if found is not None:
            cited = Evidence(log.source, "last lines", log.lines[-1].text)
            yield _waits(node, node.name, found, cited, cluster)
            yield _excerpt(log)
    if not looked:
        flannel = any(uses_flannel(node) for node in target.nodes)
        yield NotChecked(
            "flannel's log on the Windows nodes could not be read; give it with the parameter transcripts."
            if flannel
            else _NO_FLANNEL
        )


def _logs(target: WindowsNetworking, cluster: Cluster) -> Iterator[tuple[Node, Log]]:
    """The logs of flannel's pods on the nodes in question."""
    nodes = {node.name: node for node in target.nodes if uses_flannel(node)}
    if not nodes:
        return
    found: list[Pod] = []
    for place in _PLACES:
        found += cluster.look(Pod, place, labels="app=flannel", whole=True)
    on_nodes = [pod for pod in found if pod.spec.node_name in nodes]
    for pod in on_nodes[:_MOST_LOGS]:
        for container in pod.spec.containers[:1]:
            yield nodes[pod.spec.node_name], cluster.log(pod, container.name)


def _waits(node: Node | None, name: str, found: Waiting, cited: Evidence, cluster: Cluster) -> Finding:
    seconds = found.seconds(cluster.now)
    severity: Severity | None = None
    if seconds <= FLANNEL_WAITING:
        # A paste may show only its last lines; with times, this is how long it has lasted.
        severity = "info" if found.first is not None else "warning"
    addresses = node.status.addresses if node is not None else []
    return finding(
        "FlannelWaiting",
        node if node is not None else Subject(kind="Node", namespace="", name=name or "unknown"),
        severity=severity,
        evidence=cited,
        since=found.first,
        node=name,
        # It goes into PowerShell, whose quotes are not those of a shell.
        address=next(
            (one.address for one in addresses if one.type == "InternalIP" and is_ip(one.address)), ""
        ),
        seconds=seconds if found.first is not None or seconds > FLANNEL_WAITING else None,
        times=found.times,
    )


def _excerpt(log: Log) -> LogExcerpt:
    last = log.lines[-_SHOWN:]
    first = len(log.lines) - len(last) + 1
    return LogExcerpt(
        source=log.source,
        caption="The end of flannel's log",
        lines=[LogLine(number=first + n, text=line.text[:500], at=line.at) for n, line in enumerate(last)],
        total_lines=len(log.lines),
    )


@step("WN-14", title="Has flannel written the node's subnet?", upstream=_UPSTREAM)
def flannel_subnet(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Do pods fail to start because /run/flannel/subnet.env is missing on their node?"""
    by_node: dict[str, list[SandboxTrouble]] = {}
    for one in sandbox_troubles(target, cluster):
        if one.kind == "flannel":
            by_node.setdefault(one.pod.spec.node_name, []).append(one)
    for name, troubles in by_node.items():
        node = target.windows_node(name)
        if node is not None:
            yield _no_subnet(node, troubles, target, cluster)
    if not by_node and not any(uses_flannel(node) for node in target.nodes):
        yield NotChecked(_NO_FLANNEL)


def _no_subnet(
    node: Node, troubles: list[SandboxTrouble], target: WindowsNetworking, cluster: Cluster
) -> Finding:
    pods = list(dict.fromkeys(f"{one.pod.namespace}/pod/{one.pod.name}" for one in troubles))
    seen = [one.event.first_seen for one in troubles if one.event.first_seen is not None]
    ranges = cluster_ranges(target, cluster)
    subnets = {text for each in target.fleet for text in each.spec.pod_cidrs}
    networks = [str(one.network) for one in ranges.pods if str(one.network) not in subnets]
    return finding(
        "FlannelSubnetEnvMissing",
        node,
        severity="warning" if all(one.starting for one in troubles) else None,
        evidence=[troubles[0].event.cite("message"), node.cite("spec.podCIDRs")],
        since=min(seen, default=None),
        pods=len(pods),
        example=pods[0],
        network=networks[0] if networks else "",
        subnet=_first_address(node),
        explains=pods,
    )


def _first_address(node: Node) -> str:
    """The node's subnet as flannel writes it: its first address with the length of the range."""
    for text in node.spec.pod_cidrs:
        network = parse_network(text)
        if network is not None and network.version == 4 and network.num_addresses > 1:
            return str(ip_interface(f"{network.network_address + 1}/{network.prefixlen}"))
    return ""
