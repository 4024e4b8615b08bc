"""CL-14: how fast the API server answers, what it turns away, and how full its database is.

One answer of one API server, where /metrics may be read. The numbers count from its start,
so only what it is like on the whole is concluded, never what goes on now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import Forbidden, NotCollected, Refused
from kuberunbooks.findings import Column, Finding, Table, Words, finding
from kuberunbooks.objects import Evidence, Pod, quantity_text

from ..rules.api_load import ApiLoad, api_load
from ..rules.thresholds import API_REQUESTS, API_SLOW_SECONDS, API_SLOW_SHARE, ETCD_NEARLY_FULL, ETCD_QUOTA
from ..step import NotChecked, Yielded, step
from .answer import THE_CLUSTER
from .components import component_of, component_pods
from .resolve import Nodes

_METRICS = "metrics"
_QUOTA = re.compile(r"^--quota-backend-bytes=(?P<bytes>\d+)$")
_SINGLE = ("GET", "POST", "PUT", "PATCH", "APPLY", "DELETE")
"""Verbs about one object; a list may be as slow as it is long."""


@step(
    "CL-14",
    title="Is the API server fast enough?",
    upstream="https://kubernetes.io/docs/concepts/cluster-administration/system-metrics/",
)
def api_server(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """How long do requests take since the API server started, and how full is its database?"""
    if target.node:
        yield NotChecked("One node was asked for; the API server's speed is about the whole cluster.")
        return
    try:
        load = api_load(cluster.raw(_METRICS))
    except Forbidden:
        yield NotChecked("The API server's /metrics may not be read, as is usual.")
        return
    except (Refused, NotCollected) as error:
        yield NotChecked(f"The API server's /metrics could not be read: {error}")
        return
    if load is None:
        yield NotChecked("What /metrics answered are not the metrics of an API server.")
        return
    yield _verbs(load, target.words, cluster)
    yield _totals(load)
    yield from _slow(load, cluster)
    yield from _full(load, cluster)


def _verbs(load: ApiLoad, words: Words, cluster: Cluster) -> Table:
    since = (
        f"in the {words.duration((cluster.now - load.started).total_seconds())} since it started"
        if load.started
        else "since it started"
    )
    return Table(
        caption=f"Requests to the one API server that was asked, {since}",
        columns=[
            Column(name="VERB"),
            *(Column(name=name, numeric=True) for name in ("REQUESTS", "MEAN", "OVER 1 S")),
        ],
        rows=[
            [one.verb, f"{one.requests:,.0f}", f"{one.mean * 1000:,.0f} ms", f"{one.slow_share:.1%}"]
            for one in load.verbs
        ],
    )


def _totals(load: ApiLoad) -> Table:
    rows = [
        ["requests it works on right now", f"{load.in_flight:,.0f}"],
        ["answers with an error of the server (5xx)", f"{load.failed:,.0f} of {load.answered:,.0f}"],
        ["turned away by priority and fairness", f"{load.rejected:,.0f}"],
    ]
    if load.storage:
        rows.append(["size of its database", quantity_text("memory", Decimal(int(load.storage)))])
    if load.storage_requests:
        rows.append(["mean of a request to its database", f"{load.storage_seconds * 1000:,.1f} ms"])
    return Table(
        caption="Load; the sums count since it started and say nothing of now",
        columns=[Column(name="WHAT"), Column(name="HOW MUCH", numeric=True)],
        rows=rows,
    )


def _slow(load: ApiLoad, cluster: Cluster) -> Iterator[Finding]:
    single = [one for one in load.verbs if one.verb in _SINGLE]
    requests, slow = sum(one.requests for one in single), sum(one.slow for one in single)
    if requests < API_REQUESTS or slow / requests < API_SLOW_SHARE:
        return
    worst = max(single, key=lambda one: one.slow)
    yield finding(
        "ApiServerSlow",
        THE_CLUSTER,
        evidence=Evidence(
            _METRICS,
            f'apiserver_request_duration_seconds{{verb="{worst.verb}",le="1"}}',
            f"{worst.requests - worst.slow:.0f} of {worst.requests:.0f}",
        ),
        percent=round(slow / requests * 100),
        requests=round(requests),
        verb=worst.verb,
        worst=round(worst.slow_share * 100),
        seconds=API_SLOW_SECONDS,
        storage_ms=round(load.storage_seconds * 1000),
        age=(cluster.now - load.started).total_seconds() if load.started else None,
    )


def _full(load: ApiLoad, cluster: Cluster) -> Iterator[Finding]:
    """Only where etcd's own pods tell how much it may hold: the API server does not know."""
    members = [pod for pod in component_pods(cluster) if component_of(pod) == "etcd"]
    if not members or not load.storage:
        return
    quota = min(_quota(pod) for pod in members)
    if load.storage >= quota * ETCD_NEARLY_FULL:
        yield finding(
            "EtcdNearlyFull",
            THE_CLUSTER,
            evidence=[
                Evidence(_METRICS, "apiserver_storage_size_bytes", f"{load.storage:.0f}"),
                members[0].cite("spec.containers[0].command", f"--quota-backend-bytes={quota}"),
            ],
            size=quantity_text("memory", Decimal(int(load.storage))),
            quota=quantity_text("memory", Decimal(quota)),
            percent=round(load.storage / quota * 100),
            member=members[0].name,
        )


def _quota(pod: Pod) -> int:
    words = [word for container in pod.spec.containers for word in (*container.command, *container.args)]
    found = (match for match in map(_QUOTA.match, words) if match)
    return next((int(match["bytes"]) for match in found if int(match["bytes"])), ETCD_QUOTA)
