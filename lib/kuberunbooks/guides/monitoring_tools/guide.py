"""The steps of the monitoring-tools guide, in order, and what it needs to read."""

from __future__ import annotations

from ..pods.change import change
from ..pods.rights import PODS_AND_MAKERS
from ..pods.timeline import timeline
from ..registry import Guide
from .alerts import alerts
from .autoscaling import autoscaling
from .history import history
from .pipelines import custom_metrics, external_metrics, resource_pipeline
from .resolve import resolve
from .scraping import scraping
from .tools import tools

GUIDE = Guide(
    name="monitoring-tools",
    title="Tools for monitoring resources",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-usage-monitoring/",
    resolve=resolve,
    steps=(
        resource_pipeline,
        custom_metrics,
        external_metrics,
        tools,
        autoscaling,
        history,
        alerts,
        scraping,
    ),
    timeline=timeline,
    change=change,
    rights=(
        *(("list", group, resource) for group, resource in PODS_AND_MAKERS),
        ("get", "", "pods"),
        ("get", "", "nodes"),
        ("list", "", "services"),
        ("list", "apiregistration.k8s.io", "apiservices"),
        ("list", "autoscaling", "horizontalpodautoscalers"),
    ),
)
