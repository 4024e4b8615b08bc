"""What a HorizontalPodAutoscaler needs, what its status says, and why it does not scale.

Pure functions on the object, its target's pods and texts of its controller
(k8s.io/kubernetes/pkg/controller/podautoscaler). Called by the steps of resource-metrics,
monitoring-tools and start-here that look at autoscalers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from kuberunbooks.objects import (
    Condition,
    HorizontalPodAutoscaler,
    LimitRange,
    Metric,
    PodSpec,
    Time,
)

from .patterns import (
    RX_FORBIDDEN,
    RX_HPA_NO_API,
    RX_HPA_NO_REQUEST,
    RX_HPA_NO_SAMPLES,
    RX_HPA_UNKNOWN_METRIC,
    RX_NAMED_NOT_FOUND,
)

RESOURCE_API = "metrics.k8s.io"
CUSTOM_API = "custom.metrics.k8s.io"
EXTERNAL_API = "external.metrics.k8s.io"

_APIS = {
    "Resource": RESOURCE_API,
    "ContainerResource": RESOURCE_API,
    "Pods": CUSTOM_API,
    "Object": CUSTOM_API,
    "External": EXTERNAL_API,
}


def api_of(metric: Metric) -> str:
    """The API group that serves a metric of this type; empty for a type nobody knows."""
    return _APIS.get(metric.type, "")


def needed_apis(hpa: HorizontalPodAutoscaler) -> dict[str, list[str]]:
    """The API groups an HPA reads, each with the names of the metrics it reads there."""
    needed: dict[str, list[str]] = {}
    for metric in hpa.spec.metrics:
        if group := api_of(metric):
            needed.setdefault(group, []).append(metric_name(metric))
    return needed


def metric_name(metric: Metric) -> str:
    """A metric as people name it: `cpu`, `cpu of container app`, `http_requests`, `hits of Ingress main`."""
    source = metric.source
    if source is None:
        return "an unknown metric"
    if metric.container_resource is not None:
        return f"{source.name} of container {source.container}"
    if metric.object is not None:
        return f"{source.metric.name} of {source.described_object.kind} {source.described_object.name}"
    return source.name or source.metric.name


def least(hpa: HorizontalPodAutoscaler) -> int:
    """minReplicas; 1 where it is left out."""
    return 1 if hpa.spec.min_replicas is None else hpa.spec.min_replicas


def limited(hpa: HorizontalPodAutoscaler) -> str:
    """The reason of condition ScalingLimited while it is True: TooManyReplicas, TooFewReplicas, …"""
    condition = hpa.condition("ScalingLimited")
    return condition.reason if condition is not None and condition.is_true else ""


TroubleKind = Literal[
    "target missing",
    "target unreadable",
    "target refuses",
    "disabled",
    "overlap",
    "no api",
    "api down",
    "no request",
    "no samples",
    "unknown metric",
    "forbidden",
    "other",
]


class Trouble(NamedTuple):
    """What keeps an HPA from working, by the condition its controller set; `since` is when it turned.

    `group` is the API in question where there is one; `resource`, `container` and `pod` say
    which request is missing; `name` is what was not found.
    """

    kind: TroubleKind
    condition: Condition
    group: str = ""
    resource: str = ""
    container: str = ""
    pod: str = ""
    name: str = ""

    @property
    def since(self) -> Time:
        """When the condition turned."""
        return self.condition.last_transition_time


def trouble_of(hpa: HorizontalPodAutoscaler) -> Trouble | None:
    """Why the controller cannot scale; None while AbleToScale and ScalingActive hold or are not there yet."""
    able = hpa.condition("AbleToScale")
    if able is not None and able.status == "False":
        return _unable(able)
    active = hpa.condition("ScalingActive")
    if active is not None and active.status == "False":
        return _inactive(active)
    return None


def _unable(condition: Condition) -> Trouble:
    if condition.reason == "FailedGetScale":
        absent = RX_NAMED_NOT_FOUND.search(condition.message)
        if absent is not None:
            return Trouble("target missing", condition, name=absent["name"])
        return Trouble("target unreadable", condition)
    return Trouble("target refuses" if condition.reason == "FailedUpdateScale" else "other", condition)


def _inactive(condition: Condition) -> Trouble:
    message = condition.message
    if condition.reason == "ScalingDisabled":
        return Trouble("disabled", condition)
    if condition.reason == "AmbiguousSelector":
        return Trouble("overlap", condition)
    if found := RX_HPA_NO_REQUEST.search(message):
        return Trouble(
            "no request",
            condition,
            RESOURCE_API,
            resource=found["resource"],
            container=found["container"] or "",
            pod=found["pod"] or "",
        )
    if found := RX_HPA_NO_API.search(message):
        group = found["api"] or found["registered"] or found["busy"]
        return Trouble("api down" if found["busy"] else "no api", condition, f"{group}.k8s.io")
    if RX_FORBIDDEN.search(message):
        return Trouble("forbidden", condition, _group_in(condition))
    if RX_HPA_NO_SAMPLES.search(message):
        return Trouble("no samples", condition, _group_in(condition))
    if found := RX_HPA_UNKNOWN_METRIC.search(message):
        return Trouble("unknown metric", condition, _group_in(condition), name=found["metric"] or "")
    return Trouble("other", condition, _group_in(condition))


def _group_in(condition: Condition) -> str:
    by_reason = {
        "FailedGetResourceMetric": RESOURCE_API,
        "FailedGetContainerResourceMetric": RESOURCE_API,
        "FailedGetPodsMetric": CUSTOM_API,
        "FailedGetObjectMetric": CUSTOM_API,
        "FailedGetExternalMetric": EXTERNAL_API,
    }
    return by_reason.get(condition.reason, "")


class NeededRequest(NamedTuple):
    """A request that must be there: a percentage is one of the request. `container` empty: of all of them."""

    metric: Metric
    resource: str
    container: str


def needed_requests(hpa: HorizontalPodAutoscaler) -> Iterator[NeededRequest]:
    """What the target's containers must request for the HPA's metrics to mean anything."""
    for metric in hpa.spec.metrics:
        source = metric.resource or metric.container_resource
        if source is not None and source.target.type == "Utilization":
            yield NeededRequest(metric, source.name, source.container)


def without_request(spec: PodSpec, needed: NeededRequest, defaults: Iterable[str] = ()) -> list[str]:
    """The containers that lack a request the HPA's controller needs; one is enough for it to give up.

    As calculatePodRequests decides: all containers and sidecars, or the one that is named; a
    request of the pod as a whole will do instead. Of a template: a limit becomes the request
    of the pod, and so does what a LimitRange gives (`defaults`, names of resources).
    """
    resource = needed.resource
    if resource in defaults or (
        not needed.container and spec.resources is not None and resource in spec.resources.requests
    ):
        return []
    together = [*spec.containers, *(one for one in spec.init_containers if one.is_sidecar)]
    return [
        one.name
        for one in together
        if needed.container in ("", one.name)
        and resource not in one.resources.requests
        and resource not in one.resources.limits
    ]


def defaulted_requests(ranges: Iterable[LimitRange]) -> set[str]:
    """The resources for which LimitRanges give every new container a request."""
    return {
        resource
        for one in ranges
        for item in one.spec.limits
        if item.type == "Container"
        for resource in (*item.default_request, *item.default)
    }
