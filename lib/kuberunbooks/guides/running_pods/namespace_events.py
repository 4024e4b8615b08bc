"""RP-09: the warnings of the whole namespace, most frequent first.

An overview for finding out whether this pod is alone with its trouble. What is over
(the object is gone, or well again) is left out; what is not about the target is no
alarm about the target.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import CronJob, Event, Job, Pod

from ..pods.target import Pods
from ..rules.error_lines import bounded
from ..rules.settling import is_settling
from ..rules.superseded import started_since
from ..rules.thresholds import REPEATED_WARNINGS
from ..step import Yielded, step
from .events import Group, gathered

_ROWS = 20
_MESSAGE = 240
_WARNINGS = "type=Warning"


class Reason(NamedTuple):
    """The warnings of one reason: about how many objects, how often, the newest as the example."""

    name: str
    objects: int
    times: int
    newest: Group


@step("RP-09", title="What else goes wrong around it?")
def namespace_events(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which warnings does the rest of the namespace give, and is this pod alone with its trouble?"""
    # Of one pod only the warnings, in one answer, so that the requests do not grow with the namespace.
    fields = _WARNINGS if target.single else ""
    place = target.pods[0].namespace if target.single else target.namespace
    listed = cluster.look(Event, place, fields=fields, whole=target.single)
    if not listed.complete:
        yield Note(text=f"The events of the namespace were not looked at: {listed.why}.")
        return
    horizon = cluster.now - timedelta(seconds=target.since)
    recent = [
        one
        for one in listed
        if one.type == "Warning" and one.last_seen is not None and one.last_seen >= horizon
    ]
    open_ = [one for one in recent if not _is_over(one, target, cluster.now)]
    reasons = _by_reason(gathered(open_))
    if reasons:
        yield _table(reasons, cluster.now, len(recent) - len(open_))
    repeated = [one for one in reasons if one.times >= REPEATED_WARNINGS]
    if repeated:
        yield _finding(repeated, target, listed)


def _is_over(event: Event, target: Pods, now: datetime) -> bool:
    """Known to be over or to pass: the pod is gone, well, settling or has started since, the workload full.

    Of one pod nothing is known of the others, so only its own events can be called over.
    """
    about = event.involved_object
    if about.kind == "Pod":
        pod = _pods(target).get((about.namespace, about.name))
        if pod is None:
            return not target.wanted
        passes = pod.is_ready or pod.phase == "Succeeded" or is_settling(pod, now)
        return passes or started_since(pod, event)
    maker = target.controllers.get((about.kind, about.namespace, about.name))
    if maker is None or isinstance(maker, Job | CronJob):
        return False
    return maker.ready >= maker.desired


def _pods(target: Pods) -> dict[tuple[str, str], Pod]:
    known: dict[tuple[str, str], Pod] | None = target.memo.get("pods by name")
    if known is None:
        known = target.memo["pods by name"] = {(pod.namespace, pod.name): pod for pod in target.pods}
    return known


def _by_reason(groups: list[Group]) -> list[Reason]:
    together: dict[str, list[Group]] = {}
    for group in groups:
        together.setdefault(group.newest.reason, []).append(group)
    reasons = [
        Reason(name, len({one.about for one in alike}), sum(one.times for one in alike), alike[-1])
        for name, alike in together.items()
    ]
    return sorted(reasons, key=lambda one: -one.times)


def _finding(repeated: list[Reason], target: Pods, listed: Listing[Event]) -> Finding:
    worst = repeated[0]
    return finding(
        "NamespaceWarningEvents",
        target.subject,
        # They need not be about what was asked for.
        severity="info" if target.wanted else None,
        evidence=worst.newest.newest.cite("message"),
        since=worst.newest.first,
        reasons=[{"name": one.name, "times": one.times, "objects": one.objects} for one in repeated[:5]],
        worst=worst.name,
        example=worst.newest.about,
        message=bounded(worst.newest.newest.text, _MESSAGE),
        place=target.namespace or (target.pods[0].namespace if target.single else ""),
        warnings=sum(one.type == "Warning" for one in listed),
    )


def _table(reasons: list[Reason], now: datetime, over: int) -> Table:
    names = ["REASON", "COUNT", "OBJECTS", "LAST SEEN", "EXAMPLE", "MESSAGE"]
    rows = []
    for one in reasons[:_ROWS]:
        last = one.newest.last
        ago = f"{int((now - last).total_seconds())} s ago" if last else "unknown"
        text = bounded(one.newest.newest.text, _MESSAGE)
        rows.append([one.name, str(one.times), str(one.objects), ago, one.newest.about, text])
    left = f"; {over} about what is over are left out" if over else ""
    return Table(
        caption=f"Warnings of the namespace, most frequent first{left}",
        columns=[Column(name=name, numeric=name in ("COUNT", "OBJECTS", "LAST SEEN")) for name in names],
        rows=rows,
        omitted=max(0, len(reasons) - _ROWS),
    )
