"""CR-03: is the runtime ready, and its network?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding

from ..rules.crictl_read import NodeRuntime, Seen
from ..rules.crictl_values import RuntimeCondition, RuntimeInfo
from ..rules.thresholds import NODE_STARTING
from ..step import NotChecked, Yielded, step
from .target import RuntimeNodes, cite, node_subject
from .version import NOTHING

_SERIOUS = {"RuntimeReady": "RuntimeNotReady", "NetworkReady": "RuntimeNetworkNotReady"}
_DEPRECATED = "ContainerdHasNoDeprecationWarnings"


@step("CR-03", title="Is the runtime ready?")
def runtime(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Does the runtime call itself ready, and its network?"""
    told = [(one, one.info) for one in target.runtimes(cluster) if one.info is not None]
    for one, info in told:
        yield _table(one, info)
        yield from _judge(one, info, target, cluster)
    if not told:
        heard = bool(target.runtimes(cluster))
        yield NotChecked(
            "The runtime's own state was not asked: give what crictl info prints." if heard else NOTHING
        )


def _judge(
    one: NodeRuntime, info: Seen[RuntimeInfo], target: RuntimeNodes, cluster: Cluster
) -> Iterator[Finding]:
    bad = [each for each in info.value.conditions if each.type in _SERIOUS and not each.status]
    node = cluster.node(one.node).object if one.node and bad else None
    starting = node is not None and node.age(cluster.now) < NODE_STARTING
    for each in bad:
        yield finding(
            "RuntimeNotReady" if each.type == "RuntimeReady" else "RuntimeNetworkNotReady",
            node_subject(one.node),
            severity="info" if starting else None,
            evidence=cite(info, f"{each.type}=false {each.reason} {each.message}".strip()),
            message=each.message or each.reason,
            loaded=info.value.network_load if info.value.network_load != "OK" else "",
            starting=starting,
        )
    if not bad:
        yield finding("RuntimeReady", node_subject(one.node), evidence=cite(info, "RuntimeReady=true"))
    for each in info.value.conditions:
        if each.type == _DEPRECATED and not each.status:
            yield finding(
                "RuntimeDeprecations",
                node_subject(one.node),
                evidence=cite(info, each.message or each.reason),
                message=each.message or each.reason,
            )


def _table(one: NodeRuntime, info: Seen[RuntimeInfo]) -> Table:
    return Table(
        caption=f"What the runtime of {one.node or 'the node'} says of itself",
        columns=[Column(name=name) for name in ("condition", "status", "reason", "message")],
        rows=[_row(each) for each in info.value.conditions],
    )


def _row(one: RuntimeCondition) -> list[str]:
    return [one.type, "true" if one.status else "false", one.reason, one.message]
