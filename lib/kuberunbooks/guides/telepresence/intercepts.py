"""TP-06: whose traffic goes to somebody's workstation, since when, and how to give it back.

A young intercept is somebody at work. One older than an idle client is kept, or one whose
client is gone, was forgotten: users of the Service talk to a laptop, or to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Mark, Table

from ..step import NotChecked, Yielded, step
from .attached import Attached, attached
from .client import UPSTREAM
from .judged import Judge
from .target import Telepresence

_ON_THE_TIMELINE = ("InterceptActive", "InterceptForgotten", "InterceptOrphaned", "NodeAgentAttached")
_ROWS = 50


@step("TP-06", title="Does traffic go to a workstation?", upstream=UPSTREAM)
def intercepts(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    """Is traffic diverted to a workstation now, whose is it, since when, and how is it given back?"""
    if target.is_missing:
        yield NotChecked("What was asked for does not exist.")
        return
    if not (target.installed.has_trace or target.carriers or target.told):
        yield NotChecked("There is no sign of Telepresence, so nothing is diverted by it.")
        return
    found = attached(target, cluster)
    if found.known or found.elsewhere:
        yield _table(found)
    for one in Judge(target, cluster, found).all():
        yield one
        if one.since is not None and one.code in _ON_THE_TIMELINE:
            yield _mark(one, one.since)


def _mark(one: Finding, at: datetime) -> Mark:
    who = one.facts["client"] or "somebody"
    return Mark(
        lane=one.facts["whom"],
        at=at,
        kind="change",
        text=f"intercept {one.facts['intercept']} by {who}",
        severity=one.severity,
    )


def _table(found: Attached) -> Table:
    rows = [
        [
            one.intercept.namespace or "-",
            one.intercept.workload or "-",
            one.intercept.name,
            one.intercept.kind,
            one.intercept.state or "-",
            one.intercept.client or "-",
            one.intercept.filters or "-",
            one.intercept.since.strftime("%Y-%m-%d %H:%M UTC") if one.intercept.since else "-",
        ]
        for one in (*found.known, *found.elsewhere)
    ]
    return Table(
        caption="Intercepts that were told of",
        columns=[
            Column(name=name)
            for name in (
                "namespace",
                "workload",
                "name",
                "takes",
                "state",
                "client",
                "which requests",
                "unchanged since",
            )
        ],
        rows=rows[:_ROWS],
        omitted=max(len(rows) - _ROWS, 0),
    )
