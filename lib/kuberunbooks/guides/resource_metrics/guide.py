"""The steps of the resource-metrics guide, in order, and what it needs to read."""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Mark, StepResult

from ..pods.change import change as change_of_pods
from ..pods.crashes import crashes
from ..pods.guide import GUIDE as PODS
from ..pods.images import images
from ..pods.scheduling import scheduling
from ..pods.waiting import waiting
from ..pods.workloads import workloads
from ..registry import Guide
from ..step import combined
from .autoscalers import horizontal_autoscalers
from .behind import of_the_server
from .cpu import cpu
from .kubelet_metrics import kubelet_metrics
from .memory import memory
from .metrics_api import metrics_api_served
from .metrics_server import metrics_server as server_itself
from .node_metrics import node_metrics
from .pod_metrics import pod_metrics
from .resolve import resolve
from .target import Measured
from .vertical import vertical_autoscalers

metrics_server = combined(
    "RM-02",
    "metrics_server",
    [server_itself, *(of_the_server(one) for one in (scheduling, images, waiting, crashes, workloads))],
    title="Does metrics-server run and do its work?",
    question="Are the pods behind the metrics API ready, and what does their log complain of?",
)


def timeline(target: Measured, cluster: Cluster) -> list[Mark]:
    """The step about autoscalers leaves its own marks; what happened to pods is for the pods runbook."""
    del target, cluster
    return []


def change(target: Measured, cluster: Cluster, steps: list[StepResult]) -> str:
    """What changed in the workloads in question before the headline began."""
    return change_of_pods(target, cluster, steps)


GUIDE = Guide(
    name="resource-metrics",
    title="Resource metrics pipeline",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/",
    resolve=resolve,
    steps=(
        metrics_api_served,
        metrics_server,
        node_metrics,
        pod_metrics,
        cpu,
        memory,
        kubelet_metrics,
        horizontal_autoscalers,
        vertical_autoscalers,
    ),
    timeline=timeline,
    change=change,
    rights=(
        *PODS.rights,
        ("get", "apiregistration.k8s.io", "apiservices"),
        ("get", "", "services"),
        ("list", "autoscaling", "horizontalpodautoscalers"),
        ("get", "autoscaling", "horizontalpodautoscalers"),
        ("list", "metrics.k8s.io", "nodes"),
        ("get", "metrics.k8s.io", "nodes"),
        ("list", "metrics.k8s.io", "pods"),
        ("get", "metrics.k8s.io", "pods"),
    ),
)
