"""Which nodes are in question: the one asked for, those the pods run on, or all of them."""

from __future__ import annotations

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import Node

from .target import Measured


def nodes_in_question(target: Measured, cluster: Cluster) -> Listing[Node]:
    """Of a pod or a workload the nodes it runs on; one request for one node, else one list."""
    if target.is_node:
        return Listing([target.node] if target.node is not None else [])
    if target.single:
        found = cluster.node(target.pods[0].spec.node_name) if target.pods[0].spec.node_name else None
        nodes = [found.object] if found is not None and found.object is not None else []
        return Listing(nodes, complete=found is None or found.known, why=found.why if found else "")
    listed = cluster.nodes()
    if not (target.wanted or target.about):
        return listed
    used = {pod.spec.node_name for pod in target.pods}
    return Listing((one for one in listed if one.name in used), complete=listed.complete, why=listed.why)
