"""MT-06: whether every HorizontalPodAutoscaler has somebody who serves the metrics it goes by."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import HorizontalPodAutoscaler

from ..resource_metrics.target import Measured
from ..rules.autoscaling import EXTERNAL_API, RESOURCE_API, needed_apis, trouble_of
from ..step import NotChecked, Yielded, step
from .pipelines import Pipeline, pipeline

_ROWS = 30
_NAMED = 100
_SHOWN_STATES = {
    "served": "served",
    "unavailable": "does not answer",
    "absent": "not there",
    "unknown": "not known",
}


@step("MT-06", title="Have the autoscalers what they need?")
def autoscaling(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Is every metric that an autoscaler goes by served by somebody?"""
    listed = cluster.look(HorizontalPodAutoscaler, "" if target.is_node else target.namespace)
    ours = [one for one in listed if _is_asked_for(one, target)]
    if not ours and not listed.complete:
        yield NotChecked(f"The HorizontalPodAutoscalers could not be read: {listed.why}.")
        return
    needs = [(hpa, needed_apis(hpa)) for hpa in ours]
    groups = {group: pipeline(group, cluster) for _, needed in needs for group in needed}
    if needs:
        yield _table(needs, groups, target)
    for group, found in groups.items():
        if found.state in ("absent", "unavailable"):
            # One that is switched off asks for nothing.
            starved = [hpa for hpa, needed in needs if group in needed and _trouble(hpa) != "disabled"]
            if starved:
                # What has nothing to scale anyway is no good example.
                yield _unserved(found, sorted(starved, key=lambda hpa: _trouble(hpa) == "target missing"))


def _is_asked_for(hpa: HorizontalPodAutoscaler, target: Measured) -> bool:
    """Of a workload its own, of an autoscaler itself, of a node or a namespace all."""
    if target.autoscaler is not None or target.about.startswith("hpa/"):
        return hpa.name == target.about.partition("/")[2]
    if target.is_node or not target.wanted:
        return True
    scaled = hpa.spec.scale_target_ref
    return (scaled.kind, hpa.namespace, scaled.name) in target.controllers


def _trouble(hpa: HorizontalPodAutoscaler) -> str:
    trouble = trouble_of(hpa)
    return trouble.kind if trouble is not None else ""


def _unserved(found: Pipeline, hpas: list[HorizontalPodAutoscaler]) -> Finding:
    """One API that is not served starves all of them: one finding, the first is the example."""
    example = hpas[0]
    scaled = example.spec.scale_target_ref
    index = next((place for place, metric in enumerate(example.spec.metrics) if metric.source is not None), 0)
    absent = found.state == "absent"
    conditions = [
        example.cite(f"status.conditions[{place}].message")
        for place, one in enumerate(example.status.conditions)
        if one.type == "ScalingActive" and one.status == "False" and one.message
    ]
    since = min(
        (one.last_transition_time for hpa in hpas for one in hpa.status.conditions
         if one.type == "ScalingActive" and one.status == "False" and one.last_transition_time is not None),
        default=found.since,
    )  # fmt: skip
    one = finding(
        "HpaMetricUnserved",
        example,
        evidence=[example.cite(f"spec.metrics[{index}].type"), *conditions],
        since=since,
        api=found.group,
        absent=absent,
        why=found.why,
        metrics=list(dict.fromkeys(name for hpa in hpas for name in needed_apis(hpa)[found.group])),
        backend=found.backend,
        scaled=f"{scaled.kind.lower()}/{scaled.name}" if _trouble(example) != "target missing" else "",
        most=example.spec.max_replicas,
        is_resource=found.group == RESOURCE_API,
        is_external=found.group == EXTERNAL_API,
        names=[f"{hpa.namespace}/{hpa.name}" for hpa in hpas[:_NAMED]],
        hpas=len(hpas),
        version=found.service.spec.version if found.service is not None else "v1beta1",
    )
    one.count, one.affected = len(hpas), [hpa.name for hpa in hpas]
    return one


def _table(
    needs: list[tuple[HorizontalPodAutoscaler, dict[str, list[str]]]],
    groups: dict[str, Pipeline],
    target: Measured,
) -> Table:
    rows = [
        [
            hpa.name if target.namespace else f"{hpa.namespace}/{hpa.name}",
            f"{hpa.spec.scale_target_ref.kind.lower()}/{hpa.spec.scale_target_ref.name}",
            ", ".join(names),
            group,
            _SHOWN_STATES[groups[group].state],
        ]
        for hpa, needed in needs
        for group, names in needed.items()
    ]
    rows.sort(key=lambda row: (row[4] == "served", row[0]))
    return Table(
        caption="Autoscalers, the metrics they go by, and whether anybody serves them",
        columns=[Column(name=name) for name in ("AUTOSCALER", "SCALES", "METRICS", "API", "SERVED")],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )
