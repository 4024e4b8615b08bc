"""Admission webhooks: which of them see an update of a pod, and whether anything answers behind them.

Used by the deletion step (a webhook can block the last update of a pod that is
going away) and by the workload step (a webhook can refuse its pods).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import (
    EndpointSlice,
    Evidence,
    MutatingWebhookConfiguration,
    Namespace,
    Pod,
    Service,
    ValidatingWebhookConfiguration,
    Webhook,
)
from kuberunbooks.objects.policy import WebhookRule

from .namespace_selection import selects_namespace
from .service_slices import slices_selector, slices_source

WebhookConfiguration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration


class BackendState(NamedTuple):
    """What is behind a webhook's Service. None: it could not be read.

    `exists` whether the Service is there, `ready` how many endpoints are ready.
    """

    exists: bool | None
    ready: int | None
    evidence: tuple[Evidence, ...]

    @property
    def is_down(self) -> bool:
        """Known to answer nobody: no such Service, or no ready endpoint behind it."""
        return self.exists is False or self.ready == 0


def webhook_backend(cluster: Cluster, namespace: str, name: str) -> BackendState:
    """Whether the Service that a webhook calls exists, and how many of its endpoints are ready.

    One request when it answers, a second to tell "no Service" from "nobody behind it".
    """
    slices = cluster.look(EndpointSlice, namespace, labels=slices_selector(name))
    ready = sum(endpoint.is_ready for one in slices for endpoint in one.endpoints or ())
    source = slices_source(namespace, name)
    counted = Evidence(source, "endpoints[conditions.ready=true]", str(ready))
    if ready:
        return BackendState(True, ready, (counted,))
    service = cluster.find(Service, namespace, name)
    if not service.known:
        return BackendState(None, None, ())
    if service.object is None:
        absent = Evidence(f"{Service.api.path(namespace)}#{name}", "metadata.name", "absent")
        return BackendState(False, None, (absent,))
    exists = service.object.cite("metadata.name")
    if not slices.complete:
        return BackendState(True, None, (exists,))
    return BackendState(True, 0, (exists, counted))


class MatchingWebhook(NamedTuple):
    """A webhook that is called for updates of a pod; `path` is its place in its configuration.

    `certain` is False when a namespaceSelector stands in it and the namespace's
    labels could not be read.
    """

    configuration: WebhookConfiguration
    webhook: Webhook
    path: str
    certain: bool

    @property
    def resource(self) -> str:
        """`validatingwebhookconfiguration/policy`, as kubectl takes it."""
        return self.configuration.kind_name


def configurations(cluster: Cluster) -> Listing[WebhookConfiguration]:
    """All webhook configurations of both kinds; incomplete when either could not be read."""
    validating = cluster.look(ValidatingWebhookConfiguration)
    mutating = cluster.look(MutatingWebhookConfiguration)
    return Listing(
        [*validating, *mutating],
        complete=validating.complete and mutating.complete,
        why=validating.why or mutating.why,
    )


def matching_pod_updates(
    found: Listing[WebhookConfiguration], pod: Pod, cluster: Cluster
) -> Iterator[MatchingWebhook]:
    """The webhooks that the API server calls when this pod is updated.

    As the API server decides (admissionregistration.k8s.io/v1: rules,
    namespaceSelector, objectSelector); matchConditions are not evaluated.
    """
    labels_of = partial(_namespace_labels, cluster)
    for configuration in found:
        for index, webhook in enumerate(configuration.webhooks):
            if not any(is_pod_update_rule(rule) for rule in webhook.rules):
                continue
            if not webhook.object_selector.matches(pod.metadata.labels):
                continue
            selects = selects_namespace(webhook.namespace_selector, pod.namespace, labels_of)
            if selects is not False:
                yield MatchingWebhook(configuration, webhook, f"webhooks[{index}]", selects is True)


def is_pod_update_rule(rule: WebhookRule) -> bool:
    """A rule for UPDATE of pods themselves: `pods/*` covers subresources only, `*` resources only."""
    return (
        bool({"UPDATE", "*"} & set(rule.operations))
        and bool({"", "*"} & set(rule.api_groups))
        and bool({"pods", "*", "*/*"} & set(rule.resources))
        and rule.scope != "Cluster"
    )


def _namespace_labels(cluster: Cluster, namespace: str) -> Mapping[str, str] | None:
    found = cluster.find(Namespace, "", namespace)
    return None if found.object is None else found.object.metadata.labels
