"""The target of guides that are about a cluster, a node or a namespace and not about pods.

Findings stand for themselves there: nobody made a node or an API, so nothing is grouped
by owner. Called by the resolvers of those guides, which may add what they read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Mark, Owner, StepResult, Subject, Words

from .registry import Request


@dataclass
class WholeCluster:
    """What was asked for: everything, or the object `wanted` names (`node/worker-2`, `worker-2`).

    `namespace` is empty for all; `since` is in seconds; `options` are the runbook's own
    parameters. `memo` keeps what several steps work out.
    """

    wanted: str
    namespace: str
    since: float = 3600.0
    options: dict[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    words: Words = field(default_factory=Words)
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The target as the report names it."""
        return self.wanted or "the cluster"

    @property
    def subject(self) -> Subject:
        """The target as a whole, for findings about no object in particular."""
        kind, slash, name = self.wanted.partition("/")
        if slash:
            return Subject(kind=kind.capitalize(), namespace="", name=name)
        return Subject(kind="Cluster", namespace="", name=self.wanted or "cluster")

    def owner_of(self, subject: Subject) -> Owner:
        """Nobody: each object stands for itself."""
        del subject
        return Owner()


def whole_cluster(cluster: Cluster, request: Request) -> WholeCluster:
    """A resolver that reads nothing: the steps say what they cannot read."""
    return WholeCluster(
        request.target.strip(),
        request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
    )


def no_timeline(target: WholeCluster, cluster: Cluster) -> list[Mark]:
    """For guides whose steps leave their own marks."""
    del target, cluster
    return []


def no_change(target: WholeCluster, cluster: Cluster, steps: list[StepResult]) -> str:
    """For guides in which no rollout explains a finding."""
    del target, cluster, steps
    return ""
