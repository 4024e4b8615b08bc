"""WN-04: do Windows pods get out of the cluster? ICMP does not count, and the ExceptionList must fit."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Subject, Table, finding
from kuberunbooks.objects import Evidence

from ..rules.windows_cni import CniConfig, Network, covers, holding, parse_network, read_cni, widest
from ..rules.windows_probes import Reach
from ..rules.windows_session import Piece
from ..step import Yielded, step
from .cluster_ranges import ClusterRanges, Range, cluster_ranges
from .connectivity import pod_reaches
from .heard import on_hosts
from .host_checks import EXCEPTION_LIST, unanswered
from .target import WindowsNetworking

_MOST_MISSING = 5
_RENEWABLE = ("deployment/", "daemonset/", "statefulset/")


@step(
    "WN-04",
    title="Do Windows pods get out of the cluster?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network",
)
def outside(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Was more than ping tried, and does the ExceptionList hold the cluster's addresses and nothing else?"""
    failed = list(_failed_outside(target, cluster))
    yield from _icmp(target, cluster, failed)
    external = _external(target, failed)
    heard_any = False
    for piece in on_hosts(target, cluster):
        for config in read_cni(piece.text):
            heard_any = True
            yield from _judged(piece, config, external, target, cluster)
    if not heard_any:
        yield unanswered(target, EXCEPTION_LIST)
    asked = str(target.options.get("external") or "").strip()
    if asked and parse_network(asked) is None:
        yield Note(text=f"external={asked} is no IP address; what a name resolves to is not looked up.")


def _failed_outside(target: WindowsNetworking, cluster: Cluster) -> Iterator[tuple[str, Reach]]:
    """(pod, test) of the tests from pods that were not answered, to addresses outside the cluster."""
    for pod, tests in pod_reaches(target, cluster):
        for one in tests:
            if one.outcome == "dropped" and _is_outside(one.host, target, cluster):
                yield pod.name, one


def _is_outside(host: str, target: WindowsNetworking, cluster: Cluster) -> bool:
    address = parse_network(host)
    if address is None:
        return False
    known = cluster_ranges(target, cluster)
    networks = [one.network for each in known for one in each]
    return not holding(networks, address) and not ip_address(host).is_loopback


def _icmp(target: WindowsNetworking, cluster: Cluster, failed: list[tuple[str, Reach]]) -> Iterator[Finding]:
    tests = {pod.name: of for pod, of in pod_reaches(target, cluster)}
    pods = {pod.name: pod for pod, _ in pod_reaches(target, cluster)}
    told: set[tuple[str, str]] = set()
    for name, one in failed:
        if one.tool != "ping" or (name, one.host) in told:
            continue
        told.add((name, one.host))
        tcp = [test for test in tests[name] if test.tool == "tcp" and test.host == one.host]
        if tcp and all(test.outcome == "dropped" for test in tcp):
            continue  # TCP fails too: ICMP is not what is wrong here
        cited = [one.piece.cite(one.line), *(test.piece.cite(test.line) for test in tcp[:1])]
        yield finding("WindowsIcmpUnsupported", pods[name], evidence=cited, host=one.host, answered=bool(tcp))


def _external(target: WindowsNetworking, failed: list[tuple[str, Reach]]) -> list[str]:
    """The addresses outside that pods should reach and do not: the parameter, else what tests show."""
    given = str(target.options.get("external") or "").strip()
    if given:
        return [given] if parse_network(given) is not None else []
    return list(dict.fromkeys(one.host for _, one in failed))


def _judged(
    piece: Piece,
    config: CniConfig,
    external: list[str],
    target: WindowsNetworking,
    cluster: Cluster,
) -> Iterator[Yielded]:
    ranges = cluster_ranges(target, cluster)
    yield _table(piece, config, ranges)
    if not config.has_nat:
        yield Note(
            text=f"{config.plugin} in {piece.source} has no policy OutBoundNAT: pods keep their own address "
            "on the way out, which works only where the network around the nodes knows the way back."
        )
        return
    subject = Subject(kind="Node", namespace="", name=piece.node or "unknown")
    shown = ", ".join(str(one) for one in config.exceptions)
    cited = piece.cite(f"ExceptionList: {shown}")
    covering = [
        (host, hit[0])
        for host in external
        if (network := parse_network(host)) is not None and (hit := holding(config.exceptions, network))
    ]
    facts: dict[str, Any] = {
        **_renewed(piece.node, target),
        "node": piece.node,
        "plugin": config.plugin,
        "exceptions": shown,
        "odd": list(config.odd),
    }
    for host, by in covering:
        yield finding(
            "ExceptionListCoversTarget",
            subject,
            evidence=cited,
            host=host,
            range=str(by),
            needed=[str(one) for one in _needed_within(by, ranges)],
            explains=_cut_off(host, target, cluster),
            **facts,
        )
    if not config.is_literal:
        yield Note(
            text=f"{config.plugin or 'This plugin'} adds ranges to the list by itself, so what is missing in "
            "the file is not judged."
        )
        return
    missing = _missing(config, ranges)
    if missing:
        yield _incomplete(subject, missing, cited, facts)
    elif not covering and ranges.pods and _is_known(ranges.services):
        yield finding("ExceptionListOk", subject, evidence=cited, external=external, **facts)
    elif not covering:
        unknown = "pods" if not ranges.pods else "Services"
        yield Note(text=f"Which addresses {unknown} have is not known, so the list was only judged in part.")


def _is_known(services: list[Range]) -> bool:
    """Whether a range was found, and not just the address of one Service."""
    return any(one.network.num_addresses > 1 for one in services)


def _cut_off(host: str, target: WindowsNetworking, cluster: Cluster) -> list[str]:
    """The pods of which no test failed but those to this address."""
    return [
        f"{pod.namespace}/pod/{pod.name}"
        for pod, tests in pod_reaches(target, cluster)
        if {one.host for one in tests if one.outcome == "dropped"} == {host}
    ]


def _renewed(node: str, target: WindowsNetworking) -> dict[str, str]:
    """A workload with pods there, which must be made anew to get the new list; empty without one."""
    for pod in target.windows.pods:
        owner = target.windows.owner_name(pod)
        if node in ("", pod.spec.node_name) and owner.startswith(_RENEWABLE):
            return {"workload": owner, "place": pod.namespace}
    return {"workload": "", "place": ""}


def _missing(config: CniConfig, ranges: ClusterRanges) -> list[tuple[str, Range]]:
    """What the list does not cover, by kind; of an overlay, addresses of nodes need not be in it."""
    kinds = [("pods", ranges.pods), ("services", ranges.services)]
    if not config.is_overlay:
        kinds.append(("nodes", ranges.nodes))
    found = [
        (kind, one) for kind, known in kinds for one in known if not covers(config.exceptions, one.network)
    ]
    # Of a node's part of a range that is missing as a whole nothing more is said.
    whole = {kind: set(widest(one.network for same, one in found if same == kind)) for kind, _ in found}
    return [(kind, one) for kind, one in found if one.network in whole[kind]]


def _incomplete(
    subject: Subject, missing: list[tuple[str, Range]], cited: Evidence, facts: dict[str, Any]
) -> Finding:
    kinds = list(dict.fromkeys(kind for kind, _ in missing))
    by_kind = {
        kind: list(dict.fromkeys(str(one.network) for same, one in missing if same == kind)) for kind in kinds
    }
    return finding(
        "ExceptionListIncomplete",
        subject,
        severity="warning" if kinds == ["nodes"] else None,
        evidence=[cited, *(one.evidence for _, one in missing[:_MOST_MISSING])],
        kinds=kinds,
        missing=by_kind,
        **facts,
    )


def _needed_within(by: Network, ranges: ClusterRanges) -> list[Network]:
    """The cluster's own ranges inside the one that is too wide: what should stand there instead."""
    known = widest(one.network for each in ranges for one in each)
    return [one for one in known if covers([by], one)][:_MOST_MISSING]


def _table(piece: Piece, config: CniConfig, ranges: ClusterRanges) -> Table:
    rows = []
    for kind, known in (("pods", ranges.pods), ("Services", ranges.services), ("nodes", ranges.nodes)):
        for network in dict.fromkeys(one.network for one in known):
            held = "yes" if covers(config.exceptions, network) else "no"
            rows.append([kind, str(network), held])
    return Table(
        caption=f"Addresses of the cluster against the ExceptionList of {piece.place} ({config.plugin})",
        columns=[Column(name=name) for name in ("WHOSE", "ADDRESSES", "IN THE LIST")],
        rows=rows[:30],
        omitted=max(0, len(rows) - 30),
    )
