"""What an HPA's metrics are now against what they should be, and how its controller compares them.

Pure functions on the object's spec and status. Called by the step of resource-metrics
that says why an autoscaler stands where it does.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, NamedTuple

from kuberunbooks.objects import HorizontalPodAutoscaler, Metric, parse_quantity, quantity_text
from kuberunbooks.objects.autoscaling import MetricTarget, ScalingRules

from .autoscaling import metric_name
from .thresholds import HPA_STABILIZATION, HPA_TOLERANCE


class Reading(NamedTuple):
    """One metric of an HPA: what it is now and what is wanted, as text.

    `part` is now ÷ wanted, None where either is not known. `failed`: the controller could
    not get it, although it judged the HPA (`status.currentMetrics[]` without a type).
    `place` is its index in spec.metrics.
    """

    place: int
    metric: Metric
    name: str
    now: str
    wanted: str
    part: float | None
    failed: bool


def readings(hpa: HorizontalPodAutoscaler) -> list[Reading]:
    """All metrics of an HPA with their present values: the controller keeps the order of spec.metrics."""
    current = hpa.status.current_metrics
    aligned = len(current) == len(hpa.spec.metrics)
    found = []
    for index, metric in enumerate(hpa.spec.metrics):
        said = current[index] if aligned else Metric()
        now, wanted, part = _compared(metric, said)
        failed = aligned and not said.type
        found.append(Reading(index, metric, metric_name(metric), now, wanted, part, failed))
    return found


def _compared(metric: Metric, said: Metric) -> tuple[str, str, float | None]:
    source, heard = metric.source, said.source
    if source is None:
        return "", "", None
    now = heard.current if heard is not None and said.type == metric.type else MetricTarget()
    resource = source.name
    if source.target.type == "Utilization":
        wanted, value = source.target.average_utilization, now.average_utilization
        part = value / wanted if value is not None and wanted else None
        return _percent(value), _percent(wanted), part
    goal, amount = (
        (source.target.average_value, now.average_value)
        if source.target.average_value is not None
        else (source.target.value, now.value)
    )
    part = None
    if goal is not None and amount is not None and parse_quantity(goal) > 0:
        part = float(parse_quantity(amount) / parse_quantity(goal))
    return _amount(resource, amount), _amount(resource, goal), part


def _percent(value: int | None) -> str:
    return "" if value is None else f"{value} %"


def _amount(resource: str, value: object) -> str:
    if value is None:
        return ""
    amount = parse_quantity(value)
    return quantity_text(resource, amount) if resource else f"{_short(amount)}"


def _short(amount: Decimal) -> str:
    rounded = round(amount, 2)
    return f"{int(rounded)}" if rounded == int(rounded) else f"{rounded.normalize()}"


def highest(found: Iterable[Reading]) -> Reading | None:
    """The metric that asks for most replicas: the controller goes by that one."""
    known = [one for one in found if one.part is not None]
    return max(known, key=lambda one: one.part or 0.0, default=None)


def is_over(hpa: HorizontalPodAutoscaler, reading: Reading | None) -> bool:
    """A metric is so far over its target that the controller wants more replicas."""
    return reading is not None and (reading.part or 0.0) > 1 + tolerance(hpa, "up")


def is_under(hpa: HorizontalPodAutoscaler, reading: Reading | None) -> bool:
    """A metric is so far under its target that fewer replicas would do."""
    return reading is not None and reading.part is not None and reading.part < 1 - tolerance(hpa, "down")


def tolerance(hpa: HorizontalPodAutoscaler, way: Literal["up", "down"]) -> float:
    """How far off its target a metric may be before anything is done: behavior, else the flag's default."""
    rules = _rules(hpa, way)
    return (
        HPA_TOLERANCE if rules is None or rules.tolerance is None else float(parse_quantity(rules.tolerance))
    )


def stabilization(hpa: HorizontalPodAutoscaler, way: Literal["up", "down"]) -> float:
    """Seconds over which the controller keeps to the most cautious of its recommendations."""
    rules = _rules(hpa, way)
    if rules is None or rules.stabilization_window_seconds is None:
        return HPA_STABILIZATION if way == "down" else 0.0
    return float(rules.stabilization_window_seconds)


def is_switched_off(hpa: HorizontalPodAutoscaler, way: Literal["up", "down"]) -> bool:
    """behavior forbids this way altogether (selectPolicy Disabled)."""
    rules = _rules(hpa, way)
    return rules is not None and rules.select_policy == "Disabled"


def _rules(hpa: HorizontalPodAutoscaler, way: Literal["up", "down"]) -> ScalingRules | None:
    behavior = hpa.spec.behavior
    if behavior is None:
        return None
    return behavior.scale_up if way == "up" else behavior.scale_down
