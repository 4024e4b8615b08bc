"""The kernel logs at hand: a file the person names, and what commands printed that a case holds."""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Subject

from ..rules.kernel_log import KernelLine, KernelLog, is_kernel_log, looks_like_kernel_log, read_kernel_log
from .target import GIVEN, NodeProblems

_MOST = 10


class GivenLog(NamedTuple):
    """A kernel log. `node` is empty when nothing tells whose it is; `source` as evidence names it."""

    source: str
    node: str
    log: KernelLog

    @property
    def subject(self) -> Subject:
        """The node; the log itself when nothing tells whose it is."""
        if self.node:
            return Subject(kind="Node", namespace="", name=self.node)
        return Subject(kind="Log", namespace="", name=self.source)

    @property
    def caption(self) -> str:
        """The log as a caption names it."""
        return f"{self.source}, the kernel log of {self.node}" if self.node else self.source

    def before_end(self, line: KernelLine) -> float | None:
        """How many seconds a line stands before the newest one; None when the log does not tell."""
        times = [one.seconds for one in self.log.lines if one.seconds is not None]
        return max(times) - line.seconds if times and line.seconds is not None else None


def given_logs(target: NodeProblems, cluster: Cluster) -> list[GivenLog]:
    """The logs about the nodes in question; read once."""
    if "logs" in target.memo:
        known: list[GivenLog] = target.memo["logs"]
        return known
    names = {node.name for node in target.nodes(cluster)}
    found = []
    for one in cluster.transcripts():
        named = one.source in target.memo.get(GIVEN, ())
        if not (is_kernel_log(one) if one.argv else named or looks_like_kernel_log(one.stdout)):
            continue
        log = read_kernel_log(one.stdout, cluster.now)
        if not log.lines:
            continue
        # A host's name is its node's as a rule, with or without the domain.
        by_host = next((name for name in names if name.partition(".")[0] == log.host.partition(".")[0]), "")
        node = one.target.node or by_host or (target.node if named else "")
        if not target.node or node in ("", target.node):
            found.append(GivenLog(one.source, node, log))
    target.memo["logs"] = found[:_MOST]
    return found[:_MOST]
