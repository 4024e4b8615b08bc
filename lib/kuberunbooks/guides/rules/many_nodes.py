"""One finding about many nodes with the same trouble.

Nobody owns a node, so nodes are not grouped by owner: the rule that finds 300 of them
silent says so once, with all names. Called by the rules and steps about nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import Evidence, Node

CITED_NODES = 3
"""So many of the nodes are cited as evidence."""
_NAMED = 20


def about_nodes(
    code: str,
    nodes: Sequence[Node],
    *,
    severity: Severity | None = None,
    evidence: Iterable[Evidence] = (),
    since: datetime | None = None,
    likely: bool = False,
    group: tuple[Any, ...] = (),
    **facts: Any,
) -> Finding:
    """A finding of `code` about these nodes, at least one, of which the first is the example.

    The texts get the `names` of the first ones and the number of all, `nodes`.
    """
    names = [node.name for node in nodes]
    found = finding(
        code,
        nodes[0],
        severity=severity,
        evidence=evidence,
        since=since,
        likely=likely,
        group=group,
        **facts,
        names=names[:_NAMED],
        nodes=len(names),
    )
    # What is well needs no list of thousands in every report.
    found.count, found.affected = len(names), names[:_NAMED] if found.severity == "ok" else names
    return found
