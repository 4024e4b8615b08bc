"""What the taints mean that Kubernetes and its usual companions put on nodes, in plain words.

A taint says why pods stay away from a node, or are moved off it: because the node is
lost, under pressure, new, on its way out, or meant for others. Called by the cluster
guide's steps about nodes.

Sources: https://kubernetes.io/docs/reference/labels-annotations-taints/, and the
documentation of the cluster autoscaler, Karpenter, the AWS node termination handler and
GKE for theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from kuberunbooks.objects import Node, Taint

TaintKind = Literal["lost", "pressure", "cordon", "starting", "leaving", "role", "own"]


class Meaning(NamedTuple):
    """What a taint says of its node; `own` is one that whoever runs the cluster has put there."""

    kind: TaintKind
    text: str


OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
"""By which an operator says that a node is off for good (GA in Kubernetes 1.28)."""
SHUTDOWN = "node.cloudprovider.kubernetes.io/shutdown"

_KNOWN = {
    "node.kubernetes.io/not-ready": Meaning("lost", "its kubelet says that it is not ready"),
    "node.kubernetes.io/unreachable": Meaning("lost", "its kubelet has stopped reporting"),
    "node.kubernetes.io/memory-pressure": Meaning("pressure", "it runs out of memory"),
    "node.kubernetes.io/disk-pressure": Meaning("pressure", "its disk runs full"),
    "node.kubernetes.io/pid-pressure": Meaning("pressure", "it runs out of process ids"),
    "node.kubernetes.io/network-unavailable": Meaning("pressure", "its network is not set up"),
    "node.kubernetes.io/unschedulable": Meaning("cordon", "it is cordoned: it takes no new pods"),
    "node.cloudprovider.kubernetes.io/uninitialized": Meaning(
        "starting", "the cloud controller manager has not set it up yet"
    ),
    "node.cluster.x-k8s.io/uninitialized": Meaning("starting", "Cluster API has not set it up yet"),
    "karpenter.sh/unregistered": Meaning("starting", "Karpenter has not registered it yet"),
    SHUTDOWN: Meaning("leaving", "the cloud says that its machine is shut down"),
    OUT_OF_SERVICE: Meaning("leaving", "somebody declared it to be off for good"),
    "ToBeDeletedByClusterAutoscaler": Meaning("leaving", "the cluster autoscaler is removing it"),
    "karpenter.sh/disrupted": Meaning("leaving", "Karpenter is removing it"),
    "karpenter.sh/disruption": Meaning("leaving", "Karpenter is removing it"),
    "cloud.google.com/impending-node-termination": Meaning("leaving", "the cloud is about to take it back"),
    "aws-node-termination-handler/spot-itn": Meaning("leaving", "the cloud is about to take it back (spot)"),
    "aws-node-termination-handler/scheduled-maintenance": Meaning(
        "leaving", "the cloud is about to service it"
    ),
    "aws-node-termination-handler/asg-lifecycle-termination": Meaning(
        "leaving", "its scaling group is removing it"
    ),
    "node-role.kubernetes.io/control-plane": Meaning("role", "it is kept for the control plane"),
    "node-role.kubernetes.io/master": Meaning("role", "it is kept for the control plane"),
    "CriticalAddonsOnly": Meaning("role", "it is kept for the cluster's own add-ons"),
    "DeletionCandidateOfClusterAutoscaler": Meaning(
        "own", "the cluster autoscaler may remove it, because little runs there"
    ),
    "aws-node-termination-handler/rebalance-recommendation": Meaning(
        "own", "the cloud may soon take it back"
    ),
}
_VALUE_IS_TIME = ("ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler")
# Of network plugins and storage drivers (cilium, ebs.csi.aws.com, …): their agent removes it when it runs.
_AGENT = re.compile(r"^(?P<agent>.+)/agent-not-ready$")
_OWN = Meaning("own", "pods need a toleration for it; whoever runs the cluster has put it there")


def meaning_of(taint: Taint) -> Meaning:
    """What a taint means, by its key."""
    if taint.key in _KNOWN:
        return _KNOWN[taint.key]
    agent = _AGENT.match(taint.key)
    if agent is not None:
        return Meaning("starting", f"the agent of {agent['agent']} does not run there yet")
    return _OWN


def taints_of(node: Node, *kinds: TaintKind) -> list[Taint]:
    """The taints of a node that are of these kinds."""
    return [taint for taint in node.spec.taints if meaning_of(taint).kind in kinds]


def is_known(taint: Taint) -> bool:
    """Whether the meaning is that of the key, and not only that somebody put it there."""
    return meaning_of(taint) is not _OWN


def leaving(node: Node) -> str:
    """Why the node is on its way out, in plain words; empty when nothing says that it is."""
    if node.metadata.deletion_timestamp is not None:
        return "it is being deleted"
    return next((meaning_of(taint).text for taint in taints_of(node, "leaving")), "")


def tainted_since(taint: Taint) -> datetime | None:
    """Since when: timeAdded, or the seconds since 1970 which the cluster autoscaler writes as the value."""
    if taint.time_added is not None or taint.key not in _VALUE_IS_TIME:
        return taint.time_added
    try:
        return datetime.fromtimestamp(int(taint.value), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def distinct(nodes: Iterable[Node]) -> dict[tuple[str, str, str], list[Node]]:
    """The nodes of each taint (key, value, effect), in the order they are met."""
    found: dict[tuple[str, str, str], list[Node]] = {}
    for node in nodes:
        for taint in node.spec.taints:
            value = "" if taint.key in _VALUE_IS_TIME else taint.value
            found.setdefault((taint.key, value, taint.effect), []).append(node)
    return found
