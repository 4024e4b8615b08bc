"""What the cluster guide is about: all nodes, or the one that was named, and what steps share of them.

Nothing is read before the first step has found the API server answering. The whole
cluster costs one list per kind; one node a constant number of requests.
"""

from __future__ import annotations

from dataclasses import dataclass

from kuberunbooks.cluster import Cluster, Listing, Query
from kuberunbooks.errors import BadParameter
from kuberunbooks.findings import Owner, Subject, Words
from kuberunbooks.objects import Event, Lease, Node, Pod

from ..registry import Request
from ..whole_cluster import WholeCluster

LEASES = "kube-node-lease"
"""The namespace in which every kubelet renews the lease of its node's name."""
EVENTS = "default"
"""Events about nodes, which have no namespace, are kept in this one."""

_ADVICE = "A target of this runbook is empty (the whole cluster) or one node: worker-2, or node/worker-2."


@dataclass
class Nodes(WholeCluster):
    """The cluster, or the one node `node`; its name is empty for all.

    `unreachable` says why the API server does not answer, once the first step found that
    out: then no other step asks it again. `total` is how many nodes there are, 0 for one.
    """

    node: str = ""
    unreachable: str = ""
    total: int = 0

    def nodes(self, cluster: Cluster) -> Listing[Node]:
        """The nodes in question; incomplete when they could not be read, empty when the one is missing."""
        if not self.node:
            return cluster.nodes()
        found = cluster.node(self.node)
        return Listing([found.object] if found.object else [], complete=found.known, why=found.why)

    def leases(self, cluster: Cluster) -> Listing[Lease]:
        """Their kubelets' leases."""
        if not self.node:
            return cluster.look(Lease, LEASES)
        found = cluster.find(Lease, LEASES, self.node)
        return Listing([found.object] if found.object else [], complete=found.known, why=found.why)

    def pods_on(self, cluster: Cluster) -> Listing[Pod]:
        """The pods of all namespaces: on the one node, or of the whole cluster with those that have none."""
        return cluster.look(Pod, fields=f"spec.nodeName={self.node}" if self.node else "")

    def prefetch(self, cluster: Cluster) -> None:
        """Starts what the next steps read, side by side."""
        if not self.node:
            cluster.prefetch(Query(Node), Query(Lease, LEASES), Query(Pod), Query(Event, EVENTS))

    def owner_of(self, subject: Subject) -> Owner:
        """Nobody owns a node: those with the same trouble are one finding all the same, with a count."""
        if subject.kind != "Node":
            return super().owner_of(subject)
        return Owner("the cluster" if self.total else "", self.total)


def resolve(cluster: Cluster, request: Request) -> Nodes:
    """Finds out what was asked for, without a request. Raises BadParameter for what is no node."""
    kind, slash, name = request.target.strip().rpartition("/")
    if slash and kind.lower() not in ("node", "nodes", "no"):
        raise BadParameter(
            f"This runbook looks at nodes and the cluster, not at {request.target}.", advice=_ADVICE
        )
    words = Words(request.language)
    return Nodes(
        f"node/{name}" if name else "",
        request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=words,
        node=name,
    )
