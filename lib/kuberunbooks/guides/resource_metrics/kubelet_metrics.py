"""RM-07: what the kubelets themselves say, where metrics-server has nothing of a node.

Asking a kubelet through the API server takes `get nodes/proxy`, which permits far more than
a look; so it is asked only about nodes that lack metrics, few of them, or when the case
holds its answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, Forbidden, NotCollected, Refused
from kuberunbooks.findings import Column, Finding, Severity, Table, finding
from kuberunbooks.objects import Evidence, Node

from ..rules.prometheus_text import Sample, samples
from ..step import NotChecked, Yielded, step
from .node_coverage import node_coverage
from .nodes_read import nodes_in_question
from .target import Measured

_CPU = "node_cpu_usage_seconds_total"
_MEMORY = "node_memory_working_set_bytes"
_CONTAINERS = "container_memory_working_set_bytes"
_ERRORS = ("resource_scrape_error", "scrape_error")
_MOST_ASKED = 3
_MOST_READ = 20
_UPSTREAM = "https://kubernetes.io/docs/reference/instrumentation/node-metrics/"


@step("RM-07", title="What do the kubelets say?", upstream=_UPSTREAM)
def kubelet_metrics(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Does the kubelet of a node without metrics measure anything, and can it be reached?"""
    suspicious = node_coverage(target, cluster).suspicious
    rows: list[list[str]] = []
    refused = ""
    for node in _in_question(target, cluster, suspicious):
        lacking = any(one.name == node.name for one in suspicious)
        try:
            body = _answer(node, cluster, ask=lacking and len(rows) < _MOST_ASKED)
        except (Forbidden, NotCollected) as error:
            refused = str(error)
            continue
        except ClusterError as error:
            rows.append([node.name, "no answer", "", "", str(error)])
            yield _unreachable(node, error)
            continue
        if body is not None:
            said = _Said(body)
            rows.append([node.name, *said.row])
            yield said.finding(node, lacking=lacking)
    if rows:
        yield _table(rows)
    elif refused:
        yield NotChecked(
            f"The kubelets of nodes without metrics were not asked ({refused.rstrip('.')}). By hand: "
            f"kubectl get --raw /api/v1/nodes/{suspicious[0].name}/proxy/metrics/resource"
        )
    else:
        yield NotChecked(
            "The kubelets were not asked: no node is known to lack metrics, and it takes a powerful right."
        )


def _in_question(target: Measured, cluster: Cluster, suspicious: list[Node]) -> list[Node]:
    """Those that lack metrics first."""
    names = {node.name for node in suspicious}
    others = [node for node in nodes_in_question(target, cluster) if node.name not in names]
    return [*suspicious, *others][:_MOST_READ]


def _answer(node: Node, cluster: Cluster, *, ask: bool) -> bytes | None:
    """The kubelet's metrics: those a case holds, else its own answer when it is worth asking."""
    held = cluster.recorded(f"nodes/{node.name}/metrics/resource")
    if held is not None or not ask:
        return held
    return cluster.raw(_path(node.name), patient=False)


def _path(name: str) -> str:
    return f"api/v1/nodes/{name}/proxy/metrics/resource"


class _Said:
    """A kubelet's answer: what of the node, of how many containers, and whether it failed to measure."""

    def __init__(self, body: bytes) -> None:
        found = list(samples(body, (_CPU, _MEMORY, _CONTAINERS, *_ERRORS)))
        self.cpu = _newest(found, _CPU)
        self.memory = _newest(found, _MEMORY)
        self.containers = sum(one.name == _CONTAINERS for one in found)
        self.failed = any(one.name in _ERRORS and one.value > 0 for one in found)

    @property
    def is_sound(self) -> bool:
        """Both of the node's values are there and not zero."""
        return not self.failed and all(one is not None and one.value > 0 for one in (self.cpu, self.memory))

    @property
    def row(self) -> list[str]:
        """For the table: state, cpu seconds, bytes, containers and errors."""
        return [
            "measures" if self.is_sound else "measures nothing",
            f"{self.cpu.value:.0f} s" if self.cpu is not None else "absent",
            f"{self.memory.value / (1 << 20):.0f}Mi" if self.memory is not None else "absent",
            f"{self.containers} containers" + (", it reports an error" if self.failed else ""),
        ]

    def finding(self, node: Node, *, lacking: bool) -> Finding:
        """Sound, or the cause of what is missing."""
        source = f"nodes/{node.name}/metrics/resource"
        cited = [
            Evidence(source, name, f"{one.value:g}" if one is not None else "absent")
            for name, one in ((_CPU, self.cpu), (_MEMORY, self.memory))
        ]
        if self.is_sound:
            return finding(
                "KubeletMetricsOk", node, evidence=cited, containers=self.containers, lacking=lacking
            )
        severity: Severity = "critical" if lacking else "warning"
        values = ((_CPU, self.cpu), (_MEMORY, self.memory))
        return finding(
            "KubeletMetricsZero",
            node,
            severity=severity,
            evidence=cited,
            absent=[name for name, one in values if one is None or one.value <= 0],
            failed=self.failed,
            containers=self.containers,
        )


def _newest(found: list[Sample], name: str) -> Sample | None:
    return next((one for one in found if one.name == name), None)


def _unreachable(node: Node, error: ClusterError) -> Finding:
    said = error.text.strip() if isinstance(error, Refused) and error.text else str(error)
    return finding(
        "KubeletMetricsUnreachable",
        node,
        evidence=Evidence(_path(node.name), "answer", said[:300]),
        why=said[:300].rstrip("."),
        named="lookup " in said or "address not allowed" in said,
    )


def _table(rows: list[list[str]]) -> Table:
    names = ("NODE", "STATE", "CPU SINCE ITS START", "MEMORY", "AND")
    return Table(
        caption="What the kubelets say (/metrics/resource)",
        columns=[Column(name=name, numeric=index in (2, 3)) for index, name in enumerate(names)],
        rows=rows,
    )
