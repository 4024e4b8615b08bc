"""CL-11: where the logs are, and what the kubelet of a node in question logs.

A kubelet's log is asked for only when a node was named or the parameter kubelet_log says
so: the right to it (get nodes/proxy) is a powerful one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, NotCollected
from kuberunbooks.findings import Finding, LogExcerpt, LogLine, Note, finding
from kuberunbooks.objects import Evidence, Node

from ..rules.error_lines import bounded
from ..rules.klog import Complaint, complaints, recent
from ..rules.kubelet_complaints import telling
from ..rules.thresholds import COMPONENT_ERRORS, COMPONENT_LOG
from ..step import NotChecked, Yielded, step
from .components import component_pods
from .log_places import places_finding, places_table
from .resolve import Nodes
from .states import troubled

TAIL_LINES = 200
_MOST_NODES = 3
_SHOWN_LINES = 12
_SHOWN = 400
_KINDS = 3


@step(
    "CL-11",
    title="What do the kubelets log?",
    upstream="https://kubernetes.io/docs/concepts/cluster-administration/system-logs/#log-query",
)
def kubelet_log(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Where are the logs of control plane and kubelets, and what does the kubelet in question say?"""
    nodes = target.nodes(cluster)
    if not nodes:
        yield NotChecked(f"No node could be looked at{f': {nodes.why}' if nodes.why else ''}.")
        return
    pods = component_pods(cluster)
    yield places_table(nodes, pods)
    yield places_finding(nodes, pods, target.node)
    wanted = _wanted(target, cluster)
    if not wanted and not target.node:
        yield Note(
            text="No kubelet's log was asked for: name a node as the target, or set the parameter "
            "kubelet_log, which looks at nodes that are not ready."
        )
    for node in wanted:
        yield from _of_node(node, cluster)


def _wanted(target: Nodes, cluster: Cluster) -> list[Node]:
    if target.node:
        return list(target.nodes(cluster))
    if not target.options.get("kubelet_log"):
        return []
    return [one.node for one in troubled(target, cluster)][:_MOST_NODES]


def _of_node(node: Node, cluster: Cluster) -> Iterator[Finding | LogExcerpt | Note]:
    query = (("query", "kubelet"), ("tailLines", str(TAIL_LINES)))
    source = f"nodes/{node.name}/logs/?query=kubelet"
    try:
        text = cluster.raw(f"api/v1/nodes/{node.name}/proxy/logs/", query, patient=False)
    except NotCollected:
        yield Note(text=f"The case does not hold the log of the kubelet of {node.name}.")
        return
    except ClusterError as error:
        yield finding(
            "KubeletLogUnavailable",
            node,
            evidence=Evidence(source, "error", str(error)),
            why=str(error).rstrip("."),
            status=getattr(error, "status", 0),
            silent=not node.is_ready,
        )
        return
    lines = [(None, line) for line in text.decode("utf-8", "replace").splitlines()]
    found = recent(complaints(lines, cluster.now), cluster.now, COMPONENT_LOG)
    marked = [one for one in found if telling(one.message)]
    if marked or len(found) >= COMPONENT_ERRORS:
        yield _errors(node, source, found, marked)
    yield _excerpt(node, source, [line for _, line in lines], {one.number for one in found})


def _errors(node: Node, source: str, found: list[Complaint], marked: list[Complaint]) -> Finding:
    shown = marked or found
    places = Counter(one.place for one in shown)
    last = {one.place: one for one in shown}
    common = [(count, last[place]) for place, count in places.most_common(_KINDS)]
    return finding(
        "KubeletLogErrors",
        node,
        severity=None if marked and not node.is_ready else "info",
        evidence=[Evidence(source, f"line {one.number}", bounded(one.text, _SHOWN)) for _, one in common],
        since=shown[0].at,
        likely=True,
        about=sorted({telling(one.message) for one in marked}),
        lines=len(found),
        window=COMPONENT_LOG,
        messages=[f"{count}× {bounded(one.message, 160)}" for count, one in common],
        because=[f"node/{node.name}"],
    )


def _excerpt(node: Node, source: str, lines: list[str], marked: set[int]) -> LogExcerpt:
    """The errors, else the last lines."""
    numbers = sorted(marked) or list(range(max(1, len(lines) - _SHOWN_LINES + 1), len(lines) + 1))
    shown = numbers[-_SHOWN_LINES:]
    return LogExcerpt(
        source=source,
        caption=f"Log of the kubelet of {node.name}",
        lines=[
            LogLine(number=number, text=bounded(lines[number - 1], _SHOWN), marked=number in marked)
            for number in shown
        ],
        total_lines=len(lines),
        note=f"{len(shown)} of the last {len(lines)} lines{', those that are errors' if marked else ''}.",
    )
