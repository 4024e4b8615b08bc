"""RM-08: what horizontal autoscalers see, and why each of them stands where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import SEVERITIES, Column, Finding, Mark, Note, Table, fill, finding
from kuberunbooks.objects import HorizontalPodAutoscaler, human_duration

from ..rules.autoscaling import least
from ..rules.autoscaling_readings import readings
from ..step import NotChecked, Yielded, step
from .autoscalers_read import Autoscalers, autoscalers
from .hpa_judge import judge
from .target import Measured

_ROWS = 50
_MOST_JUDGED = 200
_UPSTREAM = (
    "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale-walkthrough/"
    "#appendix-horizontal-pod-autoscaler-status-conditions"
)
_EVENTS = 10
_MOST_TOLD = 5


@step("RM-08", title="Why do the autoscalers stand where they stand?", upstream=_UPSTREAM)
def horizontal_autoscalers(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Does every horizontal autoscaler get its metrics, and why does it scale or not?"""
    read = autoscalers(target, cluster)
    if not read.found:
        yield NotChecked(_none(target, read))
        return
    judged = [(hpa, judge(target, cluster, hpa)) for hpa in read.found[:_MOST_JUDGED]]
    judged.sort(key=lambda one: _urgency(one[1]))
    yield _numbers(target, cluster, [hpa for hpa, _ in judged])
    alone = len(judged) == 1
    if not alone:
        yield _answers(target, judged)
    fine, told = [], 0
    for hpa, found in judged:
        for one in found:
            if one.code == "HpaMetricsOk" and not alone:
                fine.append(one)
            elif one.code != "HpaHolds" or alone:
                yield one
        if alone or (_urgency(found) < 2 and told < _MOST_TOLD):
            told += 1
            yield from _marks(cluster, hpa)
    if fine:
        yield _all_fine(target, fine)
    if not read.known:
        yield Note(text=f"There may be more autoscalers: {read.why}.")


def _none(target: Measured, read: Autoscalers) -> str:
    if not read.asked:
        return "A node has no autoscaler; ask for a namespace, a workload or hpa/NAME."
    if not read.known:
        return f"Whether there are autoscalers is not known: {read.why}."
    if target.missing:
        return "What was asked for does not exist."
    return "No horizontal autoscaler scales what was asked for." if target.wanted else "There are none here."


def _urgency(found: list[Finding]) -> int:
    return min(SEVERITIES.index(one.severity) for one in found)


def _all_fine(target: Measured, fine: list[Finding]) -> Finding:
    """One word for all that work."""
    return finding(
        "HpasWork",
        target.subject,
        evidence=[item for one in fine[:3] for item in one.evidence[:2]],
        names=[f"hpa/{one.subject.name}" for one in fine],
    )


def _numbers(target: Measured, cluster: Cluster, found: list[HorizontalPodAutoscaler]) -> Table:
    rows = [row for hpa in found for row in _rows(target, cluster, hpa)]
    names = ("HPA", "SCALES", "METRIC", "NOW", "TARGET", "REPLICAS", "WANTED", "MIN", "MAX", "LAST SCALED")
    return Table(
        caption="Autoscalers, and what they see",
        columns=[Column(name=name, numeric=3 <= index <= 8) for index, name in enumerate(names)],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )


def _rows(target: Measured, cluster: Cluster, hpa: HorizontalPodAutoscaler) -> Iterator[list[str]]:
    """A row per metric; what is of the whole autoscaler stands in the first."""
    ref, status = hpa.spec.scale_target_ref, hpa.status
    scaled_at = status.last_scale_time
    head = [_label(target, hpa), f"{ref.kind.lower()}/{ref.name}"]
    tail = [
        str(status.current_replicas),
        str(status.desired_replicas),
        str(least(hpa)),
        str(hpa.spec.max_replicas),
        f"{human_duration((cluster.now - scaled_at).total_seconds())} ago" if scaled_at else "never",
    ]
    for index, one in enumerate(readings(hpa)):
        now = "failed" if one.failed else one.now or "not known"
        yield [
            *(head if not index else ["", ""]),
            one.name,
            now,
            one.wanted,
            *(tail if not index else [""] * 5),
        ]
    if not hpa.spec.metrics:
        yield [*head, "none", "", "", *tail]


def _answers(target: Measured, judged: list[tuple[HorizontalPodAutoscaler, list[Finding]]]) -> Table:
    """The answer for each, in the words of its finding."""
    return Table(
        caption="Why each stands where it stands",
        columns=[Column(name="HPA"), Column(name="BECAUSE")],
        rows=[
            [_label(target, hpa), fill(found[0], target.language).summary] for hpa, found in judged[:_ROWS]
        ],
        omitted=max(0, len(judged) - _ROWS),
    )


def _label(target: Measured, hpa: HorizontalPodAutoscaler) -> str:
    return hpa.name if target.namespace else f"{hpa.namespace}/{hpa.name}"


def _marks(cluster: Cluster, hpa: HorizontalPodAutoscaler) -> Iterator[Mark]:
    """What it did and failed to do lately, for the timeline."""
    for event in cluster.events(hpa)[-_EVENTS:]:
        if event.last_seen is not None:
            yield Mark(
                lane=f"hpa/{hpa.name}",
                at=event.last_seen,
                kind="event",
                text=f"{event.reason}: {event.text}",
                severity="warning" if event.type == "Warning" else "info",
                count=event.occurrences,
            )
