"""Why an autoscaler that works has as many replicas as it has. Called by hpa_judge.py."""

from __future__ import annotations

import math
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Evidence, HorizontalPodAutoscaler

from ..rules.autoscaling import least, limited
from ..rules.autoscaling_readings import (
    Reading,
    highest,
    is_over,
    is_switched_off,
    is_under,
    readings,
    stabilization,
    tolerance,
)
from ..rules.conditions import cite_condition
from ..rules.thresholds import HPA_SETTLING
from .hpa_numbers import numbers
from .scaled import Scaled


def standing(cluster: Cluster, hpa: HorizontalPodAutoscaler, below: Scaled) -> Finding:
    """It works: why it has as many replicas as it has."""
    top = highest(readings(hpa))
    over, under = is_over(hpa, top), is_under(hpa, top)
    if hpa.spec.max_replicas and over and _is_full(hpa):
        return _at_maximum(cluster, hpa, top)
    holds = _held(hpa, top, below, over=over, under=under)
    if holds:
        return _answer("HpaHolds", hpa, top, holds)
    return _answer("HpaMetricsOk", hpa, top, _how_it_stands(hpa, top, over=over, under=under))


def _how_it_stands(hpa: HorizontalPodAutoscaler, top: Reading | None, *, over: bool, under: bool) -> str:
    if top is None:
        return "unknown"
    if hpa.status.desired_replicas != hpa.status.current_replicas:
        return "scaling"
    if under and hpa.status.current_replicas <= least(hpa):
        return "at minimum"
    # It looks every 15 seconds; pods that are not measured yet hold it back too.
    return "not yet" if over or under else "steady"


def _is_full(hpa: HorizontalPodAutoscaler) -> bool:
    return hpa.status.desired_replicas >= hpa.spec.max_replicas


def _at_maximum(cluster: Cluster, hpa: HorizontalPodAutoscaler, top: Reading | None) -> Finding:
    """More would be needed than it may make. One that may not scale at all was meant so."""
    limit = hpa.condition("ScalingLimited")
    turned = limit.last_transition_time if limit is not None and limit.is_true else None
    since = max((at for at in (turned, hpa.status.last_scale_time) if at is not None), default=None)
    young = since is not None and (cluster.now - since).total_seconds() < HPA_SETTLING
    fixed = least(hpa) >= hpa.spec.max_replicas
    return finding(
        "HpaAtMaximum",
        hpa,
        severity="info" if young or fixed else "warning",
        evidence=[
            *cite_condition(hpa, "ScalingLimited", "status", "reason"),
            hpa.cite("spec.maxReplicas"),
            *_cite(hpa, top),
        ],
        since=since,
        young=young,
        fixed=fixed,
        suggested=max(hpa.spec.max_replicas + 1, _wanted(hpa, top)),
        **_reading_facts(top),
        **numbers(hpa),
    )


def _wanted(hpa: HorizontalPodAutoscaler, top: Reading | None) -> int:
    """As many replicas as the metric asks for: ceil(replicas x now ÷ target), as the controller computes."""
    if top is None or top.part is None:
        return hpa.status.desired_replicas
    return math.ceil(hpa.status.current_replicas * top.part)


def _held(
    hpa: HorizontalPodAutoscaler, top: Reading | None, below: Scaled, *, over: bool, under: bool
) -> str:
    """What keeps a working autoscaler from following its metric; empty when nothing does."""
    able = hpa.condition("AbleToScale")
    reason = able.reason if able is not None else ""
    if reason == "ScaleDownStabilized":
        return "down window"
    if reason == "ScaleUpStabilized":
        return "up window"
    if limited(hpa) in ("ScaleUpLimit", "ScaleDownLimit"):
        return "rate"
    if over and is_switched_off(hpa, "up"):
        return "up off"
    still = hpa.status.desired_replicas == hpa.status.current_replicas
    if under and still and hpa.status.current_replicas > least(hpa):
        if is_switched_off(hpa, "down"):
            return "down off"
        if _wanted(hpa, top) >= hpa.status.current_replicas:
            return "rounding"
    if over and still and below.pods and below.ready < len(below.pods):
        return "not ready"
    return ""


def _answer(code: str, hpa: HorizontalPodAutoscaler, top: Reading | None, how: str) -> Finding:
    down = "down" in how
    cited = [
        *cite_condition(hpa, "AbleToScale", "status", "reason"),
        *cite_condition(hpa, "ScalingActive", "status", "reason"),
        *_cite(hpa, top),
    ]
    facts: dict[str, Any] = {
        "how": how,
        "window": stabilization(hpa, "down" if down else "up"),
        "tolerance": round(tolerance(hpa, "down" if top is not None and (top.part or 0) < 1 else "up") * 100),
        "rate": limited(hpa),
        **_reading_facts(top),
        **numbers(hpa),
    }
    if code == "HpaHolds":
        return finding("HpaHolds", hpa, evidence=cited, **facts)
    return finding("HpaMetricsOk", hpa, evidence=cited, **facts)


def _reading_facts(top: Reading | None) -> dict[str, Any]:
    return {
        "metric": top.name if top is not None else "",
        "now_value": top.now if top is not None else "",
        "wanted_value": top.wanted if top is not None else "",
    }


def _cite(hpa: HorizontalPodAutoscaler, top: Reading | None) -> list[Evidence]:
    if top is None or not top.now:
        return []
    return [
        hpa.cite(f"status.currentMetrics[{top.place}]", f"{top.name} {top.now}"),
        hpa.cite(f"spec.metrics[{top.place}]", f"{top.name} {top.wanted}"),
    ]
