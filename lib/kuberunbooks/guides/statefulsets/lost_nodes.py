"""Nodes that can no longer say what becomes of their pods, and whether they are known to be off.

The control plane cannot tell a machine that is off from one that it merely cannot
reach. Three things settle it: the Node object is gone, somebody set the taint
node.kubernetes.io/out-of-service, or the operator says so with the parameter `nodes_off`.
Used by the steps on stuck pods and forced deletion.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from kuberunbooks.cluster import Cluster, Glance
from kuberunbooks.objects import Evidence, Lease, Node, Pod

from ..pods.target import Pods
from ..rules.conditions import cite_condition
from ..rules.node_health import NodeTrouble, nodes_by_name, trouble_of
from ..rules.thresholds import NODE_LEASE, UNKNOWN_EXTENDED

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
"""Taint by which an operator says that a node is off for good (GA in Kubernetes 1.28)."""
_LEASES = "kube-node-lease"
_MOST_LEASES = 5

Proof = Literal["gone", "taint", "told", ""]


class LostNode(NamedTuple):
    """A node that no longer confirms anything, with the target's pods that are bound to it.

    `proof` says why it is known to be dead; empty: it may be alive and only out of reach.
    `lease_age` is how many seconds ago its kubelet last renewed its lease, None when not known.
    """

    trouble: NodeTrouble
    pods: list[Pod]
    proof: Proof
    lease: Lease | None
    lease_age: float | None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.trouble.name

    @property
    def is_renewing(self) -> bool:
        """Its kubelet renewed its lease just now: whatever else is wrong, it is not off."""
        return self.lease_age is not None and self.lease_age <= NODE_LEASE

    def evidence(self) -> list[Evidence]:
        """What is known of it, where it was read."""
        node = self.trouble.node
        if node is None:
            return [Evidence(f"{Node.api.path()}#{self.name}", "metadata.name", "absent")]
        cited = cite_condition(node, "Ready", "status", "reason", "lastTransitionTime")
        if self.lease is not None:
            cited.append(self.lease.cite("spec.renewTime"))
        if self.proof == "taint":
            cited += [
                node.cite(f"spec.taints[{index}].key")
                for index, taint in enumerate(node.spec.taints)
                if taint.key == OUT_OF_SERVICE
            ]
        return cited


def nodes_off(target: Pods) -> list[str]:
    """The nodes the operator says are powered off."""
    text = target.options.get("nodes_off", "")
    return [name for part in str(text).split(",") if (name := part.strip())]


def lost_nodes(target: Pods, cluster: Cluster) -> list[LostNode]:
    """The nodes of the target's pods that are gone, or have been silent for long; worked out once."""
    known: list[LostNode] | None = target.memo.get("lost nodes")
    if known is None:
        known = target.memo["lost nodes"] = list(_look(target, cluster))
    return known


def _look(target: Pods, cluster: Cluster) -> Iterable[LostNode]:
    bound: dict[str, list[Pod]] = {}
    for pod in target.pods:
        if pod.spec.node_name and not pod.is_terminal:
            bound.setdefault(pod.spec.node_name, []).append(pod)
    silent: list[NodeTrouble] = []
    for name, glance in nodes_by_name(bound, cluster, single=False).items():
        trouble = trouble_of(name, glance)
        if trouble is None or trouble.code == "NodeNotReady":
            continue
        if trouble.node is None:
            # A nodeName that never was is a slip in the template: nothing ever ran there.
            bound[name] = [pod for pod in bound[name] if pod.status.container_statuses]
        if bound[name]:
            silent.append(trouble)
    leases = _leases([one.name for one in silent if one.node is not None], cluster)
    for trouble in silent:
        lease = leases.get(trouble.name)
        renewed = lease.spec.renew_time if lease is not None else None
        age = (cluster.now - renewed).total_seconds() if renewed is not None else None
        one = LostNode(trouble, bound[trouble.name], "", lease, age)
        one = one._replace(proof=_proof(one, target))
        if one.proof or silent_for(one, cluster) >= UNKNOWN_EXTENDED:
            yield one


def _proof(one: LostNode, target: Pods) -> Proof:
    node = one.trouble.node
    if node is None:
        return "gone"
    if any(taint.key == OUT_OF_SERVICE for taint in node.spec.taints):
        return "taint"
    return "told" if one.name in nodes_off(target) and not one.is_renewing else ""


def _leases(names: list[str], cluster: Cluster) -> dict[str, Lease]:
    """One GET for each of a few nodes; of more one list, whatever their number."""
    if len(names) > _MOST_LEASES:
        return {one.name: one for one in cluster.look(Lease, _LEASES)}
    found: list[Glance[Lease]] = [cluster.find(Lease, _LEASES, name) for name in names]
    return {one.object.name: one.object for one in found if one.object is not None}


def silent_for(one: LostNode, cluster: Cluster) -> float:
    """For how many seconds the node controller has not heard of it; 0 for a node that is gone."""
    since = one.trouble.since
    return (cluster.now - since).total_seconds() if since is not None else 0.0


def node_facts(one: LostNode, cluster: Cluster) -> dict[str, Any]:
    """What every text about a lost node may use."""
    return {
        "node": one.name,
        "gone": one.trouble.node is None,
        "silent": silent_for(one, cluster) or None,
        "lease_age": one.lease_age,
        "renewing": one.is_renewing,
        "proof": one.proof,
    }
