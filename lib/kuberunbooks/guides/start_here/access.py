"""OV-06: who is asking, and what may be looked at?

Asks nothing: the survey at the start of a live run and the reads since have told already.
Of a case only what was refused when it was recorded is known.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster, Refusal
from kuberunbooks.findings import Column, Subject, Table, finding

from ..pods.target import Pods
from ..step import NotChecked, Yielded, step
from .rights import RIGHTS

_MOST_REFUSED = 40


@step(
    "OV-06",
    title="Who may look at what?",
    upstream="https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
)
def access(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """As whom does this run ask, and what was it refused?"""
    live = cluster.origin.kind == "live"
    refused = [_named(one, target) for one in cluster.coverage.refused]
    if live:
        yield _table(refused)
    elif not refused:
        yield NotChecked("A case was read, and nothing was refused when it was recorded.")
        return
    subject = Subject(kind="User", namespace="", name=cluster.origin.user or "unknown")
    if not refused:
        yield finding("AccessComplete", subject, user=cluster.origin.user, rights=len(RIGHTS))
        return
    yield finding(
        "AccessLimited",
        subject,
        user=cluster.origin.user,
        refused=refused[:_MOST_REFUSED],
        number=len(refused),
        rights=len(RIGHTS),
        live=live,
        place=target.namespace,
    )


def _named(one: Refusal, target: Pods) -> str:
    """`list pods`; of another namespace than the one asked for, `list pods of kube-system`."""
    place = one.path.partition("/namespaces/")[2].partition("/")[0]
    return f"{one.what} of {place}" if place and place != target.namespace else one.what


def _table(refused: list[str]) -> Table:
    """Each thing this runbook reads, refused ones first."""
    no = set(refused)
    used = {f"{verb} {resource}{f'.{group}' if group else ''}" for verb, group, resource in RIGHTS}
    rows = [*([what, "no"] for what in sorted(no)), *([what, "yes"] for what in sorted(used - no))]
    return Table(
        caption="What this run may read",
        columns=[Column(name="RIGHT"), Column(name="PERMITTED")],
        rows=rows,
    )
