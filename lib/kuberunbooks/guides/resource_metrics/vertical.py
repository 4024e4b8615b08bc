"""RM-09: what vertical autoscalers recommend, against what the pods ask for now.

VerticalPodAutoscaler is a custom resource: it is read only where its API group is served.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import HorizontalPodAutoscaler, VerticalPodAutoscaler, parse_quantity, quantity_text
from kuberunbooks.objects.base import Condition

from ..rules.conditions import cite_condition
from ..rules.thresholds import VPA_FIRST_WORD
from ..step import NotChecked, Yielded, step
from .api_state import api_groups
from .autoscalers_read import autoscalers, workloads_in_question
from .target import Measured

_ROWS = 50
_GROUP = VerticalPodAutoscaler.api.group
_PASSIVE = frozenset(("Off", "Initial"))
_RESOURCES = ("cpu", "memory")
_UPSTREAM = "https://kubernetes.io/docs/concepts/workloads/autoscaling/vertical-pod-autoscale/"


@step("RM-09", title="What do vertical autoscalers recommend?", upstream=_UPSTREAM)
def vertical_autoscalers(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Do vertical autoscalers have a recommendation, and do they fight with a horizontal one?"""
    if target.is_node or target.missing:
        yield NotChecked("Autoscalers are about workloads; ask for a namespace or a workload.")
        return
    groups = api_groups(cluster)
    if groups is None or _GROUP not in groups:
        yield NotChecked(
            "Which API groups there are could not be read."
            if groups is None
            else "The cluster has no vertical autoscalers: it does not serve their API."
        )
        return
    listed = cluster.look(VerticalPodAutoscaler, target.namespace)
    found = [vpa for vpa in listed if _is_in_question(target, vpa)]
    if not found:
        why = "There are none here" if listed.complete else f"They could not be read: {listed.why}"
        yield NotChecked(f"{why}.")
        return
    yield _table(target, found)
    if not listed.complete:
        yield Note(text=f"There may be more of them: {listed.why}.")
    hpas = autoscalers(target, cluster).found
    for vpa in found:
        yield from _silent(vpa, cluster)
        yield from _conflict(vpa, hpas)


def _is_in_question(target: Measured, vpa: VerticalPodAutoscaler) -> bool:
    ref = vpa.spec.target_ref
    if target.autoscaler is not None:
        other = target.autoscaler.spec.scale_target_ref
        return (ref.kind, ref.name) == (other.kind, other.name)
    if not target.wanted:
        return True
    return (ref.kind, vpa.namespace, ref.name) in workloads_in_question(target)


def _silent(vpa: VerticalPodAutoscaler, cluster: Cluster) -> Iterator[Finding]:
    """No recommendation long after it was made: its recommender does not run, or finds no pods or metrics."""
    if vpa.status.recommendation is not None and vpa.status.recommendation.container_recommendations:
        return
    age = vpa.age(cluster.now)
    if age < VPA_FIRST_WORD:
        return
    bad = _bad_condition(vpa)
    yield finding(
        "VpaNoRecommendation",
        vpa,
        evidence=cite_condition(
            vpa, bad.type if bad else "RecommendationProvided", "status", "reason", "message"
        ),
        since=bad.last_transition_time if bad else None,
        age=age,
        problem=bad.type if bad else "",
        message=bad.message if bad else "",
        scaled=f"{vpa.spec.target_ref.kind.lower()}/{vpa.spec.target_ref.name}",
    )


def _bad_condition(vpa: VerticalPodAutoscaler) -> Condition | None:
    """The condition that says why: these are bad when True, RecommendationProvided when False."""
    for type_ in ("ConfigUnsupported", "NoPodsMatched", "FetchingHistory"):
        condition = vpa.condition(type_)
        if condition is not None and condition.is_true:
            return condition
    given = vpa.condition("RecommendationProvided")
    return given if given is not None and not given.is_true else None


def _conflict(vpa: VerticalPodAutoscaler, hpas: list[HorizontalPodAutoscaler]) -> Iterator[Finding]:
    """Both act on the same resource of the same pods: each undoes what the other measures by."""
    if vpa.mode in _PASSIVE:
        return
    ref = vpa.spec.target_ref
    controlled = _controlled(vpa)
    for hpa in hpas:
        other = hpa.spec.scale_target_ref
        if hpa.namespace != vpa.namespace or (other.kind, other.name) != (ref.kind, ref.name):
            continue
        shared = [
            (index, source.name)
            for index, metric in enumerate(hpa.spec.metrics)
            if (source := metric.resource or metric.container_resource) is not None
            and source.target.type == "Utilization"
            and source.name in controlled
        ]
        if shared:
            yield finding(
                "VpaFightsHpa",
                vpa,
                evidence=[
                    vpa.cite("spec.updatePolicy.updateMode", vpa.mode),
                    *(hpa.cite(f"spec.metrics[{index}].resource.name", name) for index, name in shared),
                ],
                hpa=hpa.name,
                resources=list(dict.fromkeys(name for _, name in shared)),
                mode=vpa.mode,
                scaled=f"{ref.kind.lower()}/{ref.name}",
            )


def _controlled(vpa: VerticalPodAutoscaler) -> set[str]:
    """The resources it sets, of any container; both where it is not said."""
    policy = vpa.spec.resource_policy
    if policy is None or not policy.container_policies:
        return set(_RESOURCES)
    active = [one for one in policy.container_policies if one.mode != "Off"]
    named = {one.container_name for one in policy.container_policies}
    found = {name for one in active for name in (one.controlled_resources or _RESOURCES)}
    # Containers without a policy of their own, and without one for all, are controlled whole.
    return found if "*" in named else found | set(_RESOURCES)


def _table(target: Measured, found: list[VerticalPodAutoscaler]) -> Table:
    rows = [row for vpa in found for row in _rows(target, vpa)]
    names = (
        "VPA",
        "FOR",
        "MODE",
        "CONTAINER",
        "RESOURCE",
        "LOWER BOUND",
        "RECOMMENDED",
        "UPPER BOUND",
        "REQUESTED",
    )
    return Table(
        caption="Vertical autoscalers, and what they recommend",
        columns=[Column(name=name, numeric=index > 4) for index, name in enumerate(names)],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )


def _rows(target: Measured, vpa: VerticalPodAutoscaler) -> Iterator[list[str]]:
    ref = vpa.spec.target_ref
    name = vpa.name if target.namespace else f"{vpa.namespace}/{vpa.name}"
    head = [name, f"{ref.kind.lower()}/{ref.name}", vpa.mode]
    said = vpa.status.recommendation
    if said is None or not said.container_recommendations:
        yield [*head, "", "", "", "none yet", "", ""]
        return
    for one in said.container_recommendations:
        for resource in _RESOURCES:
            if resource in one.target:
                yield [
                    *head,
                    one.container_name,
                    resource,
                    _amount(resource, one.lower_bound.get(resource)),
                    _amount(resource, one.target.get(resource)),
                    _amount(resource, one.upper_bound.get(resource)),
                    _amount(resource, _requested(target, vpa, one.container_name, resource)),
                ]
                head = ["", "", ""]


def _amount(resource: str, value: Any) -> str:
    return "none" if value is None else quantity_text(resource, parse_quantity(value))


def _requested(target: Measured, vpa: VerticalPodAutoscaler, container: str, resource: str) -> Any:
    """What that container of its first pod asks for now."""
    ref = vpa.spec.target_ref
    scaled = target.controllers.get((ref.kind, vpa.namespace, ref.name))
    for pod in target.pods:
        top = target.top_of(pod)
        if top is not None and scaled is not None and top.key == scaled.key:
            for one in pod.spec.containers:
                if one.name == container:
                    return one.resources.requests.get(resource)
    return None
