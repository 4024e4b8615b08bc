"""What may stand between a workload and its pods: namespaces, quotas, limits, accounts, webhooks."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from .base import Api, KubernetesObject, View
from .selectors import LabelSelector


class NamespaceStatus(View):
    """status of a Namespace."""

    phase: str = ""


class Namespace(KubernetesObject):
    """A Namespace."""

    api: ClassVar[Api] = Api("v1", "namespaces", "Namespace", namespaced=False)
    status: NamespaceStatus = msgspec.field(default_factory=NamespaceStatus)


class ServiceAccount(KubernetesObject):
    """A ServiceAccount."""

    api: ClassVar[Api] = Api("v1", "serviceaccounts", "ServiceAccount")


class ConfigMap(KubernetesObject):
    """A ConfigMap: `keys` is what a diagnosis needs; values are never decoded."""

    api: ClassVar[Api] = Api("v1", "configmaps", "ConfigMap")
    data: dict[str, msgspec.Raw] = {}
    binary_data: dict[str, msgspec.Raw] = {}

    @property
    def keys(self) -> list[str]:
        """The keys it has, sorted."""
        return sorted([*self.data, *self.binary_data])


class QuotaSpec(View):
    """spec of a ResourceQuota."""

    hard: dict[str, Any] = {}


class QuotaStatus(View):
    """status of a ResourceQuota."""

    hard: dict[str, Any] = {}
    used: dict[str, Any] = {}


class ResourceQuota(KubernetesObject):
    """A ResourceQuota."""

    api: ClassVar[Api] = Api("v1", "resourcequotas", "ResourceQuota")
    spec: QuotaSpec = msgspec.field(default_factory=QuotaSpec)
    status: QuotaStatus = msgspec.field(default_factory=QuotaStatus)


class LimitRangeItem(View):
    """spec.limits[]."""

    type: str = ""
    max: dict[str, Any] = {}
    min: dict[str, Any] = {}
    default: dict[str, Any] = {}
    default_request: dict[str, Any] = {}


class LimitRangeSpec(View):
    """spec of a LimitRange."""

    limits: list[LimitRangeItem] = []


class LimitRange(KubernetesObject):
    """A LimitRange."""

    api: ClassVar[Api] = Api("v1", "limitranges", "LimitRange")
    spec: LimitRangeSpec = msgspec.field(default_factory=LimitRangeSpec)


class PriorityClass(KubernetesObject):
    """A PriorityClass."""

    api: ClassVar[Api] = Api("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", namespaced=False)
    value: int = 0


class WebhookService(View):
    """clientConfig.service."""

    namespace: str = ""
    name: str = ""
    port: int = 443


class WebhookClientConfig(View):
    """clientConfig."""

    service: WebhookService | None = None
    url: str | None = None
    ca_bundle: str = ""


class WebhookRule(View):
    """rules[]."""

    operations: list[str] = []
    api_groups: list[str] = []
    api_versions: list[str] = []
    resources: list[str] = []
    scope: str = "*"


class Webhook(View):
    """webhooks[]."""

    name: str = ""
    client_config: WebhookClientConfig = msgspec.field(default_factory=WebhookClientConfig)
    rules: list[WebhookRule] = []
    failure_policy: str = "Fail"
    namespace_selector: LabelSelector = msgspec.field(default_factory=LabelSelector)
    object_selector: LabelSelector = msgspec.field(default_factory=LabelSelector)


class ValidatingWebhookConfiguration(KubernetesObject):
    """A ValidatingWebhookConfiguration."""

    api: ClassVar[Api] = Api(
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        namespaced=False,
    )
    webhooks: list[Webhook] = []


class MutatingWebhookConfiguration(KubernetesObject):
    """A MutatingWebhookConfiguration."""

    api: ClassVar[Api] = Api(
        "admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        namespaced=False,
    )
    webhooks: list[Webhook] = []
