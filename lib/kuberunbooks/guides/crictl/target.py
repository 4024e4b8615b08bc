"""What the crictl guide is about: one node, or all nodes whose crictl output is at hand.

What crictl printed comes from a case, a file somebody gives, or a node shell this run was
allowed to open. Of the API it takes the node and the node's pods: two requests a node.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from kuberunbooks.cluster import Cluster, Listing, read_transcripts
from kuberunbooks.errors import BadParameter, NotFound
from kuberunbooks.findings import Subject, Words
from kuberunbooks.objects import Evidence, Node, Pod

from ..registry import Request
from ..rules.crictl_compare import PodIndex
from ..rules.crictl_read import NodeRuntime, Seen, node_of, read_runtimes
from ..whole_cluster import WholeCluster

_NAME = re.compile(r"(?:(?:node|nodes|no)/)?(?P<name>[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)", re.IGNORECASE)
_MOST_NODES = 20
"""Nodes looked at in one run: so many requests for their pods, twice."""


@dataclass
class RuntimeNodes(WholeCluster):
    """The node called `node`, or (empty) all nodes something was heard of."""

    node: str = ""
    _runtimes: dict[str, NodeRuntime] | None = None
    _indexes: dict[str, tuple[PodIndex, Listing[Pod]]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The target as the report names it."""
        return f"node/{self.node}" if self.node else "the nodes whose crictl output is at hand"

    @property
    def subject(self) -> Subject:
        """The node, or the cluster."""
        return node_subject(self.node) if self.node else Subject(kind="Cluster", namespace="", name="cluster")

    def runtimes(self, cluster: Cluster) -> list[NodeRuntime]:
        """What was heard of each node in question, by name."""
        if self._runtimes is None:
            heard = cluster.transcripts()
            fallback = self.node or self._only_node(cluster, any(not node_of(one) for one in heard))
            self._runtimes = read_runtimes(heard, fallback)
        found = [one for node, one in sorted(self._runtimes.items()) if not self.node or node == self.node]
        return found[:_MOST_NODES]

    def heard_anew(self) -> None:
        """Transcripts have come: what was read of them is read again."""
        self._runtimes = None

    def pods_on(self, node: str, cluster: Cluster) -> tuple[PodIndex, Listing[Pod]]:
        """The pods the API has on a node, and whether these are all."""
        if node not in self._indexes:
            if node:
                listed = cluster.look(Pod, fields=f"spec.nodeName={node}", whole=True)
            else:
                listed = Listing(complete=False, why="which node this is from was not said")
            self._indexes[node] = (PodIndex(listed), listed)
        return self._indexes[node]

    def _only_node(self, cluster: Cluster, needed: bool) -> str:
        """The node's name where the cluster has but one."""
        nodes = cluster.nodes() if needed else Listing[Node](complete=False)
        return nodes[0].name if nodes.complete and len(nodes) == 1 else ""


def resolve(cluster: Cluster, request: Request) -> RuntimeNodes:
    """Reads at most the named node and the files given.

    Raises BadParameter for what is no node's name or no file that can be read, NotFound for a
    node that does not exist.
    """
    wanted = request.target.strip()
    match = _NAME.fullmatch(wanted)
    if wanted and match is None:
        raise BadParameter(
            f"target={wanted!r} is no node.",
            advice="A target of this runbook is one node: worker-2, or node/worker-2; or empty.",
        )
    node = match["name"] if match else ""
    if node:
        found = cluster.node(node)
        if found.object is None and found.known:
            raise NotFound(f"There is no node {node}.", path=Node.api.path(name=node))
    if given := str(request.options.get("transcripts") or "").strip():
        whose = str(request.options.get("transcripts_node") or "").strip() or node
        cluster.given_transcripts += read_transcripts(given, whose)
    return RuntimeNodes(
        wanted,
        request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
        node=node,
    )


def node_subject(node: str) -> Subject:
    """A node as what a finding is about; one nobody named is `unknown`."""
    return Subject(kind="Node", namespace="", name=node or "unknown")


def cite(seen: Seen[Any], shown: str) -> Evidence:
    """The evidence of what a command printed: where it ran, the command, and what decides."""
    one = seen.source
    status = "" if one.exit_code in (None, 0) else f" → exit {one.exit_code}"
    return Evidence(
        source=f"{one.target.text} {one.source}".strip(), path=" ".join(one.argv) + status, value=shown
    )
