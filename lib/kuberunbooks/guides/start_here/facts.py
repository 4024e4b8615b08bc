"""OV-03: what a bug report or a question to the community needs of this cluster.

Versions, kinds and counts only: no name of a node, a namespace or a workload is among
them, so that the text can be published as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Subject, Table, finding
from kuberunbooks.objects import DaemonSet, Evidence, Node

from ..documents import Manifest
from ..pods.target import Pods
from ..step import Yielded, step
from .held import is_held
from .lost_nodes import look_at_nodes
from .providers import NETWORK_PLACES, cloud_name, plugins_of, provider_of
from .resolve import is_whole_cluster, look_of

_MOST_VALUES = 5
_MOST_CODES = 15
_FOR_HAND = "(to be filled in by hand)"


@step(
    "OV-03",
    title="What does a bug report need?",
    upstream="https://kubernetes.io/docs/tasks/debug/#bug-reports-and-feature-requests",
)
def facts(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which versions, cloud, system, runtime and network is this, ready to paste?"""
    nodes = look_at_nodes(target, cluster).listed
    known = _known(target, cluster, nodes)
    missing = [what for what, value in known.items() if not value]
    yield Table(
        caption="The facts of a bug report",
        columns=[Column(name="FACT"), Column(name="VALUE")],
        rows=[[what, value or "not known"] for what, value in known.items()],
    )
    yield Manifest("Ready to paste: versions and counts, without a single name", _text(known, target))
    subject = Subject(kind="Cluster", namespace="", name="cluster")
    cited = [Evidence("version", "gitVersion", cluster.origin.server_version)]
    cited += [node.cite("status.nodeInfo.kubeletVersion") for node in nodes[:1]]
    if missing:
        yield finding("SupportBundleIncomplete", subject, evidence=cited, missing=missing)
    else:
        yield finding("SupportBundleReady", subject, evidence=cited)


def _known(target: Pods, cluster: Cluster, nodes: Sequence[Node]) -> dict[str, str]:
    """Each fact by its name, empty when it is not known."""
    provider = provider_of(nodes)
    return {
        "Kubernetes version": cluster.origin.server_version,
        "Kubelet version": _counted(nodes, lambda info: info.kubelet_version),
        "Cloud provider": cloud_name(provider) if provider else "none told by the nodes" if nodes else "",
        "Operating system": _counted(nodes, lambda info: info.os_image),
        "Kernel": _counted(nodes, lambda info: info.kernel_version),
        "Architecture": _counted(nodes, lambda info: info.architecture),
        "Container runtime": _counted(nodes, lambda info: info.container_runtime_version),
        "Network plugin": ", ".join(_plugins(target, cluster)),
        "Nodes": f"{sum(node.is_ready for node in nodes)} of {len(nodes)} ready" if nodes else "",
        "Pods looked at": f"{len(target.pods):,} in {_namespaces(target)}",
    }


def _counted(nodes: Sequence[Node], what: Callable[[Any], str]) -> str:
    """`v1.36.2 (3 nodes), v1.35.1 (1 node)`; one value stands alone."""
    counts = Counter(value for node in nodes if (value := what(node.status.node_info)))
    if len(counts) == 1:
        return next(iter(counts))
    shown = [f"{value} ({number} node{'s' if number > 1 else ''})" for value, number in counts.most_common()]
    more = len(shown) - _MOST_VALUES
    return ", ".join(shown[:_MOST_VALUES]) + (f" and {more} more" if more > 0 else "")


def _namespaces(target: Pods) -> str:
    number = len({pod.namespace for pod in target.pods}) or int(bool(target.namespace))
    return f"{number} namespace{'' if number == 1 else 's'}"


def _plugins(target: Pods, cluster: Cluster) -> list[str]:
    """By the names of DaemonSets: those of the target, then where installers put them, until one is known."""
    found = plugins_of(root for root in target.roots if isinstance(root, DaemonSet))
    if found or is_whole_cluster(target):
        return found
    for place in NETWORK_PLACES:
        if not is_held(DaemonSet, place, cluster):
            continue
        listed = cluster.look(DaemonSet, place)
        if (found := plugins_of(listed)) or not listed.complete:
            return found
    return []


def _text(known: dict[str, str], target: Pods) -> dict[str, Any]:
    causes = Counter(one.code for one in look_of(target).causes)
    return {
        "What happened": _FOR_HAND,
        "What was expected": _FOR_HAND,
        "How to reproduce it": _FOR_HAND,
        "Environment": {what: value or _FOR_HAND for what, value in known.items()},
        "Found by kuberunbooks": dict(causes.most_common(_MOST_CODES)) or "nothing wrong",
    }
