"""CL-05: the leases, by which every kubelet shows every ten seconds that it is alive.

A node that is silent by its status too is told by the step before; here stand those
whose status has not caught up, and those that have no lease at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table
from kuberunbooks.objects import Evidence, Lease, human_duration

from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.node_taints import leaving
from ..rules.thresholds import CLOCK_SKEW, NODE_LEASE, NODE_STARTING, NODE_UNJUDGED
from ..step import NotChecked, Yielded, step
from .resolve import LEASES, Nodes
from .states import State, states

_MOST_ROWS = 30


@step("CL-05", title="When was each node last heard of?")
def leases(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Which kubelets have stopped renewing their leases, and when did they do it last?"""
    everything, read = states(target, cluster), target.leases(cluster)
    if not everything:
        yield NotChecked("No node could be looked at.")
        return
    if not read.complete:
        yield NotChecked(f"The leases of the kubelets could not be read: {read.why}.")
        return
    moment = _moment(everything, cluster)
    yield _table(everything, cluster.now)
    renewing = [
        one
        for one in everything
        if one.lease is not None
        and (not one.is_silent or one.is_back)
        and _age(one.lease, moment) <= _allowed(one.lease)
    ]
    if renewing:
        youngest = min(renewing, key=lambda one: _age(one.lease, moment))
        cited = [youngest.lease.cite("spec.renewTime")] if youngest.lease else []
        nodes = [youngest.node, *(one.node for one in renewing if one is not youngest)]
        yield about_nodes("NodeLeaseFresh", nodes, evidence=cited, of=len(everything))
    yield from _stale(everything, moment)
    yield from _missing(everything, cluster)


def _moment(everything: Sequence[State], cluster: Cluster) -> datetime:
    """The moment to judge them at.

    A case may have been recorded over minutes, the leases long before its end: there the
    newest of them is the moment, since all were read in one go.
    """
    renewed = [one.lease.spec.renew_time for one in everything if one.lease and one.lease.spec.renew_time]
    if cluster.origin.kind == "live" or not renewed:
        return cluster.now
    return min(cluster.now, max(renewed))


def _age(lease: Lease | None, moment: datetime) -> float:
    """Seconds since it was renewed; endless when it never was."""
    renewed = lease.spec.renew_time if lease is not None else None
    return (moment - renewed).total_seconds() if renewed is not None else float("inf")


def _allowed(lease: Lease) -> float:
    return (lease.spec.lease_duration_seconds or NODE_LEASE) + CLOCK_SKEW


def _stale(everything: Sequence[State], moment: datetime) -> Iterator[Finding]:
    """Kubelets that fell silent while their node still counts as reporting; not those on their way out."""
    silent = [
        one
        for one in everything
        if one.lease is not None
        and not one.is_silent
        and _age(one.lease, moment) > _allowed(one.lease)
        and not one.node.spec.unschedulable
        and not leaving(one.node)
    ]
    if not silent:
        return
    sorted_ = sorted(silent, key=lambda one: -_age(one.lease, moment))
    first = sorted_[0]
    renewed = first.lease.spec.renew_time if first.lease else None
    yield about_nodes(
        "NodeLeaseStale",
        [one.node for one in sorted_],
        evidence=[one.lease.cite("spec.renewTime") for one in sorted_[:CITED_NODES] if one.lease],
        since=renewed,
        age=_age(first.lease, moment) if renewed is not None else None,
        unjudged=any(_age(one.lease, moment) > NODE_UNJUDGED for one in sorted_),
    )


def _missing(everything: Sequence[State], cluster: Cluster) -> Iterator[Finding]:
    """Nodes that report and have no lease; virtual kubelets report by their status alone."""
    without = [
        one.node
        for one in everything
        if one.lease is None
        and not one.is_silent
        and one.node.age(cluster.now) > NODE_STARTING
        and one.node.metadata.labels.get("type") != "virtual-kubelet"
    ]
    if without:
        yield about_nodes(
            "NodeLeaseMissing",
            without,
            evidence=[
                Evidence(f"{Lease.api.path(LEASES)}#{node.name}", "metadata.name", "absent")
                for node in without[:CITED_NODES]
            ],
            of=len(everything),
        )


def _table(everything: Sequence[State], moment: datetime) -> Table:
    """The longest silent first."""
    sorted_ = sorted(everything, key=lambda one: -_age(one.lease, moment))
    rows = []
    for one in sorted_[:_MOST_ROWS]:
        spec = one.lease.spec if one.lease is not None else None
        renewed = spec.renew_time if spec is not None else None
        rows.append(
            [
                one.name,
                one.node.status_text,
                f"{renewed:%Y-%m-%d %H:%M:%S} UTC" if renewed is not None else "never",
                human_duration(max(0.0, _age(one.lease, moment))) if renewed is not None else "",
                f"{spec.lease_duration_seconds} s"
                if spec is not None and spec.lease_duration_seconds
                else "",
                spec.holder_identity if spec is not None else "(no lease)",
            ]
        )
    columns = ("NODE", "STATUS", "RENEWED", "AGO", "GOOD FOR", "BY")
    return Table(
        caption="Leases of the kubelets, the oldest first",
        columns=[Column(name=name, numeric=name in ("AGO", "GOOD FOR")) for name in columns],
        rows=rows,
        omitted=max(0, len(sorted_) - _MOST_ROWS),
    )
