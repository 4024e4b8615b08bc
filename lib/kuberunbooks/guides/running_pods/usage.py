"""RP-22: what containers use, against what they asked for and what they may use.

Needs the metrics API (metrics-server). Where the cluster has none, that is said and
nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import NotFound, Refused
from kuberunbooks.findings import Column, Note, Table
from kuberunbooks.objects import Pod, PodMetrics, quantity_text

from ..pods.target import Pods
from ..rules.usage import Use, is_near_limit, near_limit, uses
from ..step import Yielded, step

_ROWS = 30
_ABSENT = "How much they use is not known: this cluster serves no metrics API (no metrics-server, it seems)."


@step("RP-22", title="How much does it use?")
def usage(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """How near to their limits are the containers, and how far from what they asked for?"""
    if not target.pods:
        return
    try:
        measured = _measured(target, cluster)
    except Refused as error:
        if error.status == 404:
            yield Note(text=_ABSENT)
            return
        raise
    found = [
        (pod, use) for pod in target.pods if _key(pod) in measured for use in uses(pod, measured[_key(pod)])
    ]
    if found:
        yield _table(found, measured, target, cluster.now)
    elif measured or any(not pod.is_terminal for pod in target.pods):
        yield Note(
            text="The metrics API has no values for these pods: it takes a minute or two after their start."
        )
    for pod, use in found:
        if is_near_limit(use):
            yield near_limit(pod, use, measured[_key(pod)], cluster.now)


def _measured(target: Pods, cluster: Cluster) -> dict[tuple[str, str], PodMetrics]:
    """What was measured, by namespace and name: one object of one pod, one list of many."""
    if target.single:
        pod = target.pods[0]
        try:
            return {_key(pod): cluster.get(PodMetrics, pod.namespace, pod.name)}
        except NotFound:
            return {}
    return {(one.namespace, one.name): one for one in cluster.read(PodMetrics, target.namespace)}


def _key(pod: Pod) -> tuple[str, str]:
    return (pod.namespace, pod.name)


def _table(
    found: list[tuple[Pod, Use]], measured: dict[tuple[str, str], PodMetrics], target: Pods, now: datetime
) -> Table:
    """Those nearest to their limits first, then by how much more than asked for."""
    found.sort(key=lambda one: (-(one[1].of_limit or 0.0), -(one[1].of_request or 0.0)))
    names = ["POD", "CONTAINER", "RESOURCE", "USED", "REQUESTED", "LIMIT", "OF LIMIT"]
    rows = [[target.label_of(pod).partition("pod/")[2], *_row(use)] for pod, use in found[:_ROWS]]
    times = [one.timestamp for one in measured.values() if one.timestamp is not None]
    newest = f", measured at {max(times):%H:%M:%S} UTC" if times else ""
    windows = sorted({one.window for one in measured.values() if one.window})
    over = f"; cpu is an average over {windows[0]}, memory the working set" if windows else ""
    return Table(
        caption=f"Use of the containers{newest}{over}",
        columns=[Column(name=name, numeric=index > 2) for index, name in enumerate(names)],
        rows=rows,
        omitted=max(0, len(found) - _ROWS),
    )


def _row(use: Use) -> list[str]:
    def text(amount: object) -> str:
        return "none" if amount is None else quantity_text(use.resource, amount)  # type: ignore[arg-type]

    part = f"{use.of_limit:.0%}" if use.of_limit is not None else ""
    return [use.container.name, use.resource, text(use.used), text(use.requested), text(use.limit), part]
