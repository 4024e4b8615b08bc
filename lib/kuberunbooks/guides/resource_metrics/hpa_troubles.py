"""What an autoscaler's controller reports as trouble, as findings. Called by hpa_judge.py."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import HorizontalPodAutoscaler

from ..rules.autoscaling import RESOURCE_API, Trouble, needed_apis
from ..rules.autoscaling_readings import readings
from ..rules.conditions import cite_absent_condition, cite_condition
from ..rules.thresholds import HPA_FIRST_LOOK, METRICS_STARTING, NEW_WORKLOAD
from .api_state import SUBJECT, api_groups, metrics_api
from .hpa_numbers import numbers
from .scaled import Scaled
from .target import Measured


def _age(cluster: Cluster, trouble: Trouble) -> float:
    return (cluster.now - trouble.since).total_seconds() if trouble.since else math.inf


def troubled(
    target: Measured, cluster: Cluster, hpa: HorizontalPodAutoscaler, below: Scaled, trouble: Trouble
) -> Iterator[Finding]:
    """What its controller says keeps it from scaling; a missing request is for hpa_requests.py to say."""
    if trouble.kind == "target missing":
        yield _target_missing(target, cluster, hpa, below, trouble)
    elif trouble.kind == "disabled":
        cited = cite_condition(hpa, "ScalingActive", "status", "reason", "message")
        yield finding("HpaScalingDisabled", hpa, evidence=cited, since=trouble.since, **numbers(hpa))
    elif trouble.kind == "overlap":
        cited = cite_condition(hpa, "ScalingActive", "status", "reason", "message")
        yield finding(
            "HpaSelectorOverlap",
            hpa,
            evidence=cited,
            since=trouble.since,
            message=trouble.condition.message,
            **numbers(hpa),
        )
    elif trouble.kind in ("target unreadable", "target refuses") or (
        trouble.kind == "other" and not trouble.group
    ):
        yield _cannot_scale(cluster, hpa, trouble)
    elif trouble.kind != "no request":
        yield _metrics_failing(target, cluster, hpa, below, trouble)


def _target_missing(
    target: Measured, cluster: Cluster, hpa: HorizontalPodAutoscaler, below: Scaled, trouble: Trouble
) -> Finding:
    """Applied together, an autoscaler may be looked at before its target exists: that passes."""
    exists = below.object is not None
    passing = _age(cluster, trouble) < NEW_WORKLOAD
    return finding(
        "HpaTargetMissing",
        hpa,
        severity="info" if passing else None,
        evidence=[
            *cite_condition(hpa, "AbleToScale", "status", "reason", "message"),
            hpa.cite("spec.scaleTargetRef"),
        ],
        since=trouble.since,
        exists=exists,
        near=target.near_names if target.autoscaler is not None else _near(target, hpa),
        resource=hpa.spec.scale_target_ref.kind.lower() or "deployments",
        **numbers(hpa),
    )


def _near(target: Measured, hpa: HorizontalPodAutoscaler) -> list[str]:
    """Workloads of its namespace and kind with a name like the one it looks for."""
    ref = hpa.spec.scale_target_ref
    names = [one.name for one in target.roots if one.namespace == hpa.namespace and one.kind == ref.kind]
    return [f"{ref.kind.lower()}/{name}" for name in difflib.get_close_matches(ref.name, names, n=3)]


def _cannot_scale(cluster: Cluster, hpa: HorizontalPodAutoscaler, trouble: Trouble) -> Finding:
    return finding(
        "HpaCannotScale",
        hpa,
        severity="info" if _age(cluster, trouble) < NEW_WORKLOAD else None,
        evidence=cite_condition(hpa, trouble.condition.type, "status", "reason", "message"),
        since=trouble.since,
        reason=trouble.condition.reason,
        message=trouble.condition.message,
        problem=trouble.kind,
        **numbers(hpa),
    )


def _metrics_failing(
    target: Measured, cluster: Cluster, hpa: HorizontalPodAutoscaler, below: Scaled, trouble: Trouble
) -> Finding:
    """The controller cannot get a metric. With the API there and its pods young that passes by itself."""
    own = trouble.group == RESOURCE_API
    state = metrics_api(target, cluster)
    unready = trouble.kind == "no samples" and bool(below.pods) and not below.ready
    severity: Severity | None = None
    if _age(cluster, trouble) < METRICS_STARTING and not (own and state.is_absent):
        severity = "info"
    elif unready:
        severity = "warning"
    served: bool | None = state.served if own else None
    if not own and trouble.group and trouble.kind == "no api":
        groups = api_groups(cluster)
        served = None if groups is None else trouble.group in groups
    one = finding(
        "HpaMetricsFailing",
        hpa,
        severity=severity,
        evidence=cite_condition(hpa, "ScalingActive", "status", "reason", "message"),
        since=trouble.since,
        problem=trouble.kind,
        reason=trouble.condition.reason,
        message=trouble.condition.message,
        api=trouble.group,
        served=served,
        metric=trouble.name or _first_metric(hpa, trouble.group),
        partial=False,
        unready=unready,
        passing=severity == "info",
        **numbers(hpa),
    )
    if own and trouble.kind in ("no api", "api down", "no samples"):
        one.facts["because"] = [SUBJECT]
    return one


def _first_metric(hpa: HorizontalPodAutoscaler, group: str) -> str:
    return next(iter(needed_apis(hpa).get(group, ())), "a metric")


def partly(hpa: HorizontalPodAutoscaler, *, known: bool) -> list[Finding]:
    """It works by some of its metrics and cannot get others: then it scales up, and never down."""
    read = readings(hpa)
    failed = [one for one in read if one.failed]
    if known or not failed or len(failed) == len(read):
        return []
    return [
        finding(
            "HpaMetricsFailing",
            hpa,
            severity="warning",
            evidence=[hpa.cite(f"status.currentMetrics[{one.place}].type", "empty") for one in failed],
            problem="partial",
            reason="",
            message="",
            api="",
            served=None,
            metric=failed[0].name,
            partial=True,
            unready=False,
            passing=False,
            **numbers(hpa),
        )
    ]


def not_judged(target: Measured, cluster: Cluster, hpa: HorizontalPodAutoscaler, below: Scaled) -> Finding:
    """No conditions at all: its controller has not come by yet, or does not run."""
    age = hpa.age(cluster.now)
    return finding(
        "HpaNotJudged",
        hpa,
        severity="warning" if age >= HPA_FIRST_LOOK else "info",
        evidence=cite_absent_condition(hpa, "AbleToScale"),
        since=hpa.metadata.creation_timestamp,
        age=age,
        new=age < HPA_FIRST_LOOK,
        absent=below.known and below.object is None,
        **numbers(hpa),
    )
