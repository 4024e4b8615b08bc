"""Requests that an autoscaler needs and its pods lack, as findings. Called by hpa_judge.py."""

from __future__ import annotations

from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Evidence, HorizontalPodAutoscaler, Metric

from ..rules.autoscaling import Trouble
from ..rules.autoscaling_readings import readings
from ..rules.conditions import cite_condition
from .api_state import metrics_api
from .hpa_numbers import numbers
from .scaled import Lacking
from .target import Measured


def requests(
    target: Measured,
    cluster: Cluster,
    hpa: HorizontalPodAutoscaler,
    trouble: Trouble | None,
    lacking: list[Lacking],
) -> list[Finding]:
    """Stated by the controller, or seen in its pods: the controller says so only once it has the metrics."""
    stated = trouble is not None and trouble.kind == "no request"
    if stated and trouble is not None and not lacking:
        lacking_facts: dict[str, Any] = {
            "resource": trouble.resource,
            "containers": [trouble.container] if trouble.container else [],
            "pods": [trouble.pod] if trouble.pod else [],
            "from_template": False,
            "template_fine": False,
        }
        return [_missing_request(target, cluster, hpa, trouble, lacking_facts, [])]
    return [
        _missing_request(
            target,
            cluster,
            hpa,
            trouble,
            {
                "resource": one.needed.resource,
                "containers": one.containers,
                "pods": one.pods,
                "from_template": not one.pods,
                "template_fine": one.template_fine,
            },
            one.evidence,
        )
        for one in lacking
    ]


def _missing_request(
    target: Measured,
    cluster: Cluster,
    hpa: HorizontalPodAutoscaler,
    trouble: Trouble | None,
    facts: dict[str, Any],
    evidence: list[Evidence],
) -> Finding:
    stated = trouble is not None and trouble.kind == "no request" and trouble.resource == facts["resource"]
    cited = cite_condition(hpa, "ScalingActive", "status", "reason", "message") if stated else []
    percent = [
        hpa.cite(f"spec.metrics[{one.place}]", f"{one.name}, target {one.wanted} of the request")
        for one in readings(hpa)
        if _is_percent(one.metric)
    ]
    return finding(
        "HpaMissingRequests",
        hpa,
        severity=None if stated else "info" if facts["template_fine"] else "warning",
        evidence=[*cited, *evidence, *percent],
        since=trouble.since if stated and trouble is not None else None,
        likely=not stated,
        stated=stated,
        api_absent=metrics_api(target, cluster).is_absent,
        group=(facts["resource"],),
        **facts,
        **numbers(hpa),
    )


def _is_percent(metric: Metric) -> bool:
    source = metric.resource or metric.container_resource
    return source is not None and source.target.type == "Utilization"
