"""CL-01: the nodes as `kubectl get nodes -o wide` prints them, against those there should be."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Subject, Table, finding
from kuberunbooks.objects import Evidence, Node, human_duration

from ..rules.many_nodes import about_nodes
from ..rules.thresholds import PENDING_GRACE
from ..step import NotChecked, Yielded, step
from .resolve import Nodes
from .states import states

MOST_ROWS = 50
_ROLE = re.compile(r"^node-role\.kubernetes\.io/(?P<role>.+)$")
_COLUMNS = (
    "NAME",
    "STATUS",
    "ROLES",
    "AGE",
    "VERSION",
    "INTERNAL-IP",
    "EXTERNAL-IP",
    "OS-IMAGE",
    "KERNEL-VERSION",
    "CONTAINER-RUNTIME",
)


@step("CL-01", title="Which nodes are there?")
def nodes(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Is every node there that should be, and what does kubectl print of each?"""
    found = target.nodes(cluster)
    if not found.complete:
        yield NotChecked(f"The nodes could not be read: {found.why}.")
        return
    if target.node and not found:
        yield _absent(target, cluster)
        return
    if not found:
        yield _none(target, cluster)
    target.total = 0 if target.node else len(found)
    sorted_ = [one.node for one in states(target, cluster)]
    if len(sorted_) > MOST_ROWS:
        yield _counts(sorted_)
    if sorted_:
        yield _table(sorted_, cluster.now)
        yield _listed(sorted_)
    if not target.node:
        yield from _expected(sorted_, target)


def _none(target: Nodes, cluster: Cluster) -> Finding:
    """A cluster that was just made, or scaled to nothing, has none; with pods that wait it is an outage."""
    waiting = [
        pod
        for pod in target.pods_on(cluster)
        if not pod.is_scheduled and not pod.is_terminal and pod.age(cluster.now) > PENDING_GRACE
    ]
    return finding(
        "NodesNone",
        Subject(kind="Cluster", namespace="", name="cluster"),
        severity="critical" if waiting else None,
        evidence=Evidence(Node.api.path(), "items", "none"),
        since=min(
            (pod.metadata.creation_timestamp for pod in waiting if pod.metadata.creation_timestamp),
            default=None,
        ),
        waiting=len(waiting),
    )


def _listed(nodes_: Sequence[Node]) -> Finding:
    counted = Counter(node.status_text for node in nodes_)
    return finding(
        "NodesListed",
        Subject(kind="Cluster", namespace="", name="cluster"),
        evidence=[nodes_[0].cite("metadata.name")],
        nodes=len(nodes_),
        example=nodes_[0].name,
        ready=sum(node.is_ready for node in nodes_),
        statuses=[f"{number} {status}" for status, number in counted.most_common()],
    )


def _table(nodes_: Sequence[Node], now: datetime) -> Table:
    return Table(
        caption="Nodes as kubectl prints them",
        columns=[Column(name=name, numeric=name == "AGE") for name in _COLUMNS],
        rows=[_row(node, now) for node in nodes_[:MOST_ROWS]],
        omitted=max(0, len(nodes_) - MOST_ROWS),
    )


def _row(node: Node, now: datetime) -> list[str]:
    info = node.status.node_info
    age = human_duration(node.age(now)) if node.metadata.creation_timestamp is not None else "<unknown>"
    return [
        node.name,
        node.status_text,
        ",".join(roles(node)) or "<none>",
        age,
        info.kubelet_version,
        _address(node, "InternalIP"),
        _address(node, "ExternalIP"),
        info.os_image or "<unknown>",
        info.kernel_version or "<unknown>",
        info.container_runtime_version or "<unknown>",
    ]


def _address(node: Node, type_: str) -> str:
    return next((one.address for one in node.status.addresses if one.type == type_), "<none>")


def roles(node: Node) -> list[str]:
    """ROLES as kubectl prints them: labels node-role.kubernetes.io/ROLE, and kubernetes.io/role."""
    found = {match["role"] for key in node.metadata.labels if (match := _ROLE.match(key))}
    old = node.metadata.labels.get("kubernetes.io/role", "")
    return sorted(found | ({old} if old else set()))


def zone_of(node: Node) -> str:
    """The failure zone, empty when the node does not say."""
    return node.metadata.labels.get("topology.kubernetes.io/zone", "")


def _counts(nodes_: Sequence[Node]) -> Table:
    """How many of each status in each zone: thousands of nodes at a glance."""
    statuses = sorted({node.status_text for node in nodes_})
    zones: dict[str, Counter[str]] = {}
    for node in nodes_:
        zones.setdefault(zone_of(node) or "<none>", Counter())[node.status_text] += 1
    by_trouble = sorted(zones.items(), key=lambda pair: (pair[1]["Ready"] - pair[1].total(), pair[0]))
    return Table(
        caption="How many nodes have each status, by zone",
        columns=[Column(name="ZONE"), *(Column(name=status, numeric=True) for status in statuses)],
        rows=[
            [zone, *(str(counted[status]) for status in statuses)] for zone, counted in by_trouble[:MOST_ROWS]
        ],
        omitted=max(0, len(by_trouble) - MOST_ROWS),
    )


def _absent(target: Nodes, cluster: Cluster) -> Finding:
    """The one that was asked for is not there: what may have been meant, and what was last heard of it."""
    others = cluster.nodes()
    near = difflib.get_close_matches(target.node, [node.name for node in others], n=3, cutoff=0.7)
    events = cluster.events_about("Node", "", target.node)
    last = events[-1] if events else None
    return finding(
        "NodeMissing",
        Subject(kind="Node", namespace="", name=target.node),
        evidence=[Evidence(f"{Node.api.path()}#{target.node}", "metadata.name", "absent")],
        asked=True,
        near=near,
        nodes=len(others),
        listed=others.complete,
        bound=len(target.pods_on(cluster)),
        last=f"{last.reason}: {last.text}" if last is not None else "",
        last_at=last.last_seen if last is not None else None,
    )


def _expected(nodes_: Sequence[Node], target: Nodes) -> Iterator[Finding]:
    """Against the parameter `expected_nodes`: names, or how many there should be."""
    wanted = expected_nodes(target)
    if isinstance(wanted, int):
        if len(nodes_) < wanted:
            yield finding(
                "NodeMissing",
                Subject(kind="Cluster", namespace="", name="cluster"),
                evidence=[Evidence(Node.api.path(), "items", f"{len(nodes_)} nodes")],
                expected=wanted,
                nodes=len(nodes_),
                names=[],
            )
        return
    there = {node.name for node in nodes_}
    absent = [name for name in wanted if name not in there]
    for name in absent[:1]:
        found = finding(
            "NodeMissing",
            Subject(kind="Node", namespace="", name=name),
            evidence=[Evidence(f"{Node.api.path()}#{one}", "metadata.name", "absent") for one in absent[:3]],
            expected=len(wanted),
            nodes=len(nodes_),
            names=absent,
        )
        found.count, found.affected = len(absent), absent
        yield found
    if wanted and (extra := [node for node in nodes_ if node.name not in set(wanted)]):
        yield about_nodes("NodeUnexpected", extra, evidence=[extra[0].cite("metadata.creationTimestamp")])


def expected_nodes(target: Nodes) -> int | list[str]:
    """What the parameter says: a number of nodes, or their names; no names when it is empty."""
    text = str(target.options.get("expected_nodes", "")).strip()
    return int(text) if text.isdecimal() else list(dict.fromkeys(re.findall(r"[^\s,;]+", text)))
