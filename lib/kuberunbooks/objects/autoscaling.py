"""What scales workloads by what they use."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from .base import Api, ConditionedObject, ConditionedStatus, Time, View
from .selectors import LabelSelector


class ScaleTarget(View):
    """spec.scaleTargetRef."""

    api_version: str = ""
    kind: str = ""
    name: str = ""


class MetricTarget(View):
    """target of a metric: `type` is Utilization (percent of the request), AverageValue or Value."""

    type: str = ""
    average_utilization: int | None = None
    average_value: Any = None
    value: Any = None


class MetricIdentifier(View):
    """metric of a Pods, Object or External source."""

    name: str = ""
    selector: LabelSelector | None = None


class MetricSource(View):
    """One kind of source of spec.metrics[] or status.currentMetrics[]; only the fields of its kind are set.

    `name` is the resource (cpu, memory) of Resource and ContainerResource, `container` that of the latter;
    `target` stands in spec, `current` in status.
    """

    name: str = ""
    container: str = ""
    metric: MetricIdentifier = msgspec.field(default_factory=MetricIdentifier)
    described_object: ScaleTarget = msgspec.field(default_factory=ScaleTarget)
    target: MetricTarget = msgspec.field(default_factory=MetricTarget)
    current: MetricTarget = msgspec.field(default_factory=MetricTarget)


class Metric(View):
    """One entry of spec.metrics or status.currentMetrics."""

    type: str = ""
    resource: MetricSource | None = None
    container_resource: MetricSource | None = None
    pods: MetricSource | None = None
    object: MetricSource | None = None
    external: MetricSource | None = None

    @property
    def source(self) -> MetricSource | None:
        """What stands under the metric's own type."""
        return self.resource or self.container_resource or self.pods or self.object or self.external


class ScalingRules(View):
    """behavior.scaleUp or behavior.scaleDown; None: the default (300 s down, 0 s up)."""

    stabilization_window_seconds: int | None = None
    select_policy: str = ""
    tolerance: Any = None


class ScalingBehavior(View):
    """spec.behavior."""

    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None


class HorizontalPodAutoscalerSpec(View):
    """spec of a HorizontalPodAutoscaler."""

    scale_target_ref: ScaleTarget = msgspec.field(default_factory=ScaleTarget)
    min_replicas: int | None = None
    max_replicas: int = 0
    metrics: list[Metric] = []
    behavior: ScalingBehavior | None = None


class HorizontalPodAutoscalerStatus(ConditionedStatus):
    """status of a HorizontalPodAutoscaler."""

    last_scale_time: Time = None
    current_replicas: int = 0
    desired_replicas: int = 0
    current_metrics: list[Metric] = []


class HorizontalPodAutoscaler(ConditionedObject):
    """An HPA: conditions AbleToScale, ScalingActive, ScalingLimited."""

    api: ClassVar[Api] = Api("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
    spec: HorizontalPodAutoscalerSpec = msgspec.field(default_factory=HorizontalPodAutoscalerSpec)
    status: HorizontalPodAutoscalerStatus = msgspec.field(default_factory=HorizontalPodAutoscalerStatus)


class VerticalUpdatePolicy(View):
    """spec.updatePolicy: Off and Initial change no running pod; the others do."""

    update_mode: str = ""


class ContainerResourcePolicy(View):
    """spec.resourcePolicy.containerPolicies[]; `container_name` `*` stands for all others."""

    container_name: str = ""
    mode: str = ""
    controlled_resources: list[str] | None = None


class VerticalResourcePolicy(View):
    """spec.resourcePolicy."""

    container_policies: list[ContainerResourcePolicy] = []


class VerticalPodAutoscalerSpec(View):
    """spec of a VerticalPodAutoscaler."""

    target_ref: ScaleTarget = msgspec.field(default_factory=ScaleTarget)
    update_policy: VerticalUpdatePolicy | None = None
    resource_policy: VerticalResourcePolicy | None = None


class ContainerRecommendation(View):
    """status.recommendation.containerRecommendations[]; quantities as the API writes them."""

    container_name: str = ""
    target: dict[str, Any] = {}
    lower_bound: dict[str, Any] = {}
    upper_bound: dict[str, Any] = {}


class Recommendation(View):
    """status.recommendation."""

    container_recommendations: list[ContainerRecommendation] = []


class VerticalPodAutoscalerStatus(ConditionedStatus):
    """status of a VerticalPodAutoscaler."""

    recommendation: Recommendation | None = None


class VerticalPodAutoscaler(ConditionedObject):
    """A VPA, a custom resource: conditions RecommendationProvided, NoPodsMatched, ConfigUnsupported, …"""

    api: ClassVar[Api] = Api("autoscaling.k8s.io/v1", "verticalpodautoscalers", "VerticalPodAutoscaler")
    spec: VerticalPodAutoscalerSpec = msgspec.field(default_factory=VerticalPodAutoscalerSpec)
    status: VerticalPodAutoscalerStatus = msgspec.field(default_factory=VerticalPodAutoscalerStatus)

    @property
    def mode(self) -> str:
        """spec.updatePolicy.updateMode; Auto where it is left out."""
        policy = self.spec.update_policy
        return (policy.update_mode if policy is not None else "") or "Auto"
