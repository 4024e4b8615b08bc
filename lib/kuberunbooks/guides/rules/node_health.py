"""Is a pod's node alive? Shared by every step whose verdict depends on it.

A lost node makes everything the API says of its pods the last report, not the
present: it is asked first, and it is the headline. Used by the steps for the
overall state, for deletion and for scheduling.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Glance
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import Evidence, Node, Pod, Time

from .conditions import cite_condition
from .node_conditions import troubles

# A node finding names the pods and workloads it explains; more would only swell the report.
_MOST_EXPLAINED = 100


class NodeTrouble(NamedTuple):
    """Why pods of a node cannot be trusted to be as the API says.

    `code` is NodeStatusUnknown (the kubelet went silent), NodeNotReady (it says
    so itself) or NodeMissing (no such node any more). `since` is when.
    """

    code: str
    name: str
    node: Node | None
    since: Time
    reason: str
    message: str


def nodes_by_name(names: Iterable[str], cluster: Cluster, *, single: bool) -> dict[str, Glance[Node]]:
    """The nodes of these names: one GET each for a single pod, one list for many."""
    wanted = {name for name in names if name}
    if single:
        return {name: cluster.node(name) for name in wanted}
    if not wanted:
        return {}
    listed = cluster.nodes()
    found = {node.name: node for node in listed if node.name in wanted}
    return {name: Glance(found.get(name), name in found or listed.complete, listed.why) for name in wanted}


def trouble_of(name: str, glance: Glance[Node]) -> NodeTrouble | None:
    """What is wrong with a node; None when it is Ready or could not be read.

    Ready is Unknown once the kubelet has been silent for the node controller's
    grace period, False when the kubelet itself reports a problem.
    """
    node = glance.object
    if node is None:
        return NodeTrouble("NodeMissing", name, None, None, "", "") if glance.known else None
    ready = node.condition("Ready")
    if ready is None:
        return NodeTrouble("NodeStatusUnknown", name, node, node.metadata.creation_timestamp, "", "")
    if ready.is_true:
        return None
    code = "NodeNotReady" if ready.status == "False" else "NodeStatusUnknown"
    return NodeTrouble(code, name, node, ready.last_transition_time, ready.reason, ready.message)


def node_finding(
    trouble: NodeTrouble,
    pods: list[Pod],
    *,
    of: int,
    owners: Iterable[str],
    now: datetime,
    waiting: bool = False,
) -> Finding:
    """The finding about a lost node, with the target's pods on it, of `of` pods in all.

    `owners` are their workloads (`shop/deployment/web`); both are named as
    explained, so that none of their symptoms becomes the headline. `waiting`:
    the pods are not on it but wait for any node, and all are lost.
    """
    explains = [*dict.fromkeys(owners), *(f"{pod.namespace}/pod/{pod.name}" for pod in pods)]
    subject = Subject(kind="Node", namespace="", name=trouble.name)
    problems = troubles(trouble.node) if trouble.node is not None else []
    if trouble.node is None:
        cited = [Evidence(f"{Node.api.path()}#{trouble.name}", "metadata.name", "absent")]
    else:
        cited = cite_condition(trouble.node, "Ready", "status", "reason", "message")
        for condition in problems:
            cited += cite_condition(trouble.node, condition.type, "status", "message")
    return finding(
        trouble.code,
        subject,
        evidence=cited,
        since=trouble.since,
        reason=trouble.reason,
        message=trouble.message,
        silent=(now - trouble.since).total_seconds() if trouble.since else None,
        problems=[f"{one.type} ({(one.message or one.reason).rstrip('.')})" for one in problems],
        pods=len(pods),
        of=of,
        waiting=waiting,
        explains=explains[:_MOST_EXPLAINED],
    )
