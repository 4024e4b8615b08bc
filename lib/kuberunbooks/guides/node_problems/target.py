"""What the node-problems guide is about: all nodes, or the one that was named.

All nodes cost one list per kind; one node a constant number of requests. What several
steps ask (detectors, events, the kernel log) is worked out once, in `memo`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kuberunbooks.cluster import Cluster, Listing, read_transcripts
from kuberunbooks.errors import BadParameter, ClusterError, NotFound
from kuberunbooks.findings import Subject, Words
from kuberunbooks.objects import Event, Node

from ..registry import Request
from ..whole_cluster import WholeCluster

GIVEN = "given"
"""In `memo`: the names of the files with a kernel log that the person gave."""
EVENTS = "default"
"""Events about nodes, which have no namespace, are kept in this one."""

_NAME = re.compile(r"(?:(?:node|nodes|no)/)?(?P<name>[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)", re.IGNORECASE)


@dataclass
class NodeProblems(WholeCluster):
    """All nodes, or the one called `node`, which is empty for all."""

    node: str = ""

    @property
    def text(self) -> str:
        """The target as the report names it."""
        return f"node/{self.node}" if self.node else "all nodes"

    @property
    def subject(self) -> Subject:
        """The node, or the cluster."""
        if self.node:
            return Subject(kind="Node", namespace="", name=self.node)
        return Subject(kind="Cluster", namespace="", name="cluster")

    def nodes(self, cluster: Cluster) -> Listing[Node]:
        """The nodes in question; incomplete when they could not be read."""
        if not self.node:
            return cluster.nodes()
        found = cluster.node(self.node)
        return Listing([found.object] if found.object else [], complete=found.known, why=found.why)

    def events(self, cluster: Cluster, namespaces: frozenset[str]) -> Listing[Event]:
        """The events about these nodes, oldest first, of the usual namespace and of these."""
        lists = [self._events_in(place, cluster) for place in sorted({EVENTS, *namespaces})]
        timed = [event for one in lists for event in one if event.last_seen is not None]
        timed.sort(key=lambda event: (str(event.last_seen), event.name))
        why = next((one.why for one in lists if not one.complete), "")
        return Listing(timed, complete=all(one.complete for one in lists), why=why)

    def _events_in(self, place: str, cluster: Cluster) -> Listing[Event]:
        """One list of the namespace, or of one node only what is about it."""
        if self.node:
            fields = f"involvedObject.kind=Node,involvedObject.name={self.node}"
            listed = cluster.look(Event, place, fields=fields)
            # Asks the same once more, which costs nothing, and notes how far back events reach.
            cluster.events_about("Node", place if place != EVENTS else "", self.node)
            return listed
        try:
            everything = cluster.read_events(place, whole=True)
        except ClusterError as error:
            cluster.note_failure(error, "list events", place)
            return Listing(complete=False, why=str(error).rstrip("."))
        about = (event for event in everything if event.involved_object.kind == "Node")
        return Listing(about, complete=everything.complete, why=everything.why)


def resolve(cluster: Cluster, request: Request) -> NodeProblems:
    """Reads at most the named node and the given log.

    Raises BadParameter for what is no node's name or no file that can be read, NotFound for a
    node that does not exist.
    """
    wanted = request.target.strip()
    match = _NAME.fullmatch(wanted)
    if wanted and match is None:
        raise BadParameter(
            f"target={wanted!r} is no node.",
            advice="A target of this runbook is empty (all nodes) or one node: worker-2, or node/worker-2.",
        )
    node = match["name"] if match else ""
    if node:
        found = cluster.node(node)
        if found.object is None and found.known:
            raise NotFound(f"There is no node {node}.", path=Node.api.path(name=node))
    target = NodeProblems(
        wanted,
        request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
        node=node,
    )
    path = str(request.options.get("kernel_log", "") or "").strip()
    if path:
        whose = str(request.options.get("kernel_log_node", "") or "").strip() or node
        # Given transcripts are written into the case: it gives the same verdict again.
        given = list(read_transcripts(path, whose))
        cluster.given_transcripts += given
        target.memo[GIVEN] = {one.source for one in given}
    return target
