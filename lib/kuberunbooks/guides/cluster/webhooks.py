"""CL-15: admission webhooks that fail closed while nobody answers behind them.

One list of configurations of each kind, then at most two requests for each Service behind
those that fail closed; the others let requests pass when nobody answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Evidence, Namespace, Pod, Service, Webhook, labels_text

from ..rules.namespace_selection import selects_namespace
from ..rules.settling import is_settling
from ..rules.thresholds import REPORT_LAG, STARTING
from ..rules.webhooks import BackendState, WebhookConfiguration, configurations, webhook_backend
from ..step import NotChecked, Yielded, step
from .lost import because_of, explained_by, lost_nodes
from .resolve import Nodes

_MOST_BACKENDS = 20
"""Services that are looked up; a cluster with more webhooks than that has them behind few Services."""
_VITAL = {("", "pods"), ("", "nodes"), ("coordination.k8s.io", "leases")}
"""Without these the cluster itself stands still: no pods, no nodes, no leaders."""


class Closed(NamedTuple):
    """A webhook that fails closed; `path` is its place in its configuration."""

    configuration: WebhookConfiguration
    webhook: Webhook
    path: str

    @property
    def backend(self) -> tuple[str, str]:
        """Namespace and name of the Service it calls."""
        service = self.webhook.client_config.service
        return (service.namespace, service.name) if service else ("", "")


class Dead(NamedTuple):
    """A Service that answers nobody, and the webhooks behind which it stands.

    `places` are the namespaces they are called for, None when all or not known; `pods` those
    the Service selects, as far as they were read; `settling`: the webhooks have only just been
    installed, or the pods are just starting.
    """

    closed: list[Closed]
    backend: BackendState
    places: list[str] | None
    pods: list[Pod]
    settling: bool


@step(
    "CL-15",
    title="Do the admission webhooks answer?",
    upstream="https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy",
)
def webhooks(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Is there a webhook without which requests are refused, and nobody behind it?"""
    if target.node:
        yield NotChecked("One node was asked for; admission webhooks are about the whole cluster.")
        return
    found = configurations(cluster)
    if not found and not found.complete:
        yield NotChecked(f"The webhook configurations were not read: {found.why}.")
        return
    closed = closed_webhooks(found)
    if not closed:
        yield Note(text=f"{len(found)} webhook configurations, none of which fails closed to a Service.")
        return
    states = backends(closed, cluster)
    yield _table(closed, states)
    for one in dead_webhooks(closed, states, cluster):
        nodes = [pod.spec.node_name for pod in one.pods]
        yield explained_by(_down(one), because_of(nodes, lost_nodes(target, cluster)))


def closed_webhooks(found: Listing[WebhookConfiguration]) -> list[Closed]:
    """Those that refuse what they cannot be asked about, and call a Service."""
    return [
        Closed(configuration, webhook, f"webhooks[{index}]")
        for configuration in found
        for index, webhook in enumerate(configuration.webhooks)
        if webhook.failure_policy == "Fail" and webhook.client_config.service is not None
    ]


def backends(closed: list[Closed], cluster: Cluster) -> dict[tuple[str, str], BackendState]:
    """What is behind each Service; one in a namespace that is not there costs no request of its own."""
    namespaces = cluster.look(Namespace)
    known = {one.name for one in namespaces}
    states: dict[tuple[str, str], BackendState] = {}
    for namespace, name in list(dict.fromkeys(one.backend for one in closed))[:_MOST_BACKENDS]:
        if namespaces.complete and namespace not in known:
            absent = Evidence(f"{Namespace.api.path()}#{namespace}", "metadata.name", "absent")
            states[namespace, name] = BackendState(False, None, (absent,))
        else:
            states[namespace, name] = webhook_backend(cluster, namespace, name)
    return states


def dead_webhooks(
    closed: list[Closed], states: dict[tuple[str, str], BackendState], cluster: Cluster
) -> Iterator[Dead]:
    """Those that answer nobody. One that is called for no namespace there is does no harm."""
    for place, state in states.items():
        if not state.is_down:
            continue
        called = [(one, _places(one, cluster)) for one in closed if one.backend == place]
        called = [(one, places) for one, places in called if places != []]
        if not called:
            continue
        known = [places for _, places in called if places is not None]
        everywhere = len(known) < len(called)
        union = None if everywhere else sorted({name for places in known for name in places})
        hit = [one for one, _ in called]
        pods = _pods_behind(place, state, cluster)
        yield Dead(hit, state, union, pods, _settling(hit, pods, cluster))


def _places(one: Closed, cluster: Cluster) -> list[str] | None:
    selector = one.webhook.namespace_selector
    namespaces = cluster.look(Namespace)
    if not selector.keys or not namespaces.complete:
        return None
    if any(rule.scope in ("Cluster", "*") and "*" in rule.resources for rule in one.webhook.rules):
        return None
    labels = {space.name: space.metadata.labels for space in namespaces}
    return [name for name in labels if selects_namespace(selector, name, labels.get)]


def _pods_behind(place: tuple[str, str], state: BackendState, cluster: Cluster) -> list[Pod]:
    namespace, name = place
    service = cluster.find(Service, namespace, name).object if state.exists else None
    if service is None or not service.spec.selector:
        return []
    return list(cluster.look(Pod, namespace, labels=labels_text(service.spec.selector)))


def _settling(closed: list[Closed], pods: list[Pod], cluster: Cluster) -> bool:
    """As after an installation, a drain or a restart: ready in a moment, as a rule."""
    young = all(one.configuration.age(cluster.now) < STARTING for one in closed)
    return young or any(is_settling(pod, cluster.now) or _turned(pod, cluster) for pod in pods)


def _turned(pod: Pod, cluster: Cluster) -> bool:
    turned = _ready_changed(pod)
    return turned is not None and (cluster.now - turned).total_seconds() < REPORT_LAG


def _ready_changed(pod: Pod) -> datetime | None:
    ready = pod.condition("Ready")
    return ready.last_transition_time if ready is not None else None


def _down(one: Dead) -> Finding:
    # The one whose loss is worst speaks for the others.
    first = min(one.closed, key=lambda closed: not _is_vital(closed.webhook))
    namespace, name = first.backend
    rules = [rule for closed in one.closed for rule in closed.webhook.rules]
    turned = [time for pod in one.pods if (time := _ready_changed(pod)) is not None]
    return finding(
        "WebhookBackendDown",
        first.configuration,
        severity="info" if one.settling else None if _is_vital(first.webhook) else "warning",
        since=max(turned) if turned else None,
        evidence=[
            first.configuration.cite(f"{first.path}.failurePolicy"),
            first.configuration.cite(f"{first.path}.clientConfig.service", f"{namespace}/{name}"),
            *one.backend.evidence,
        ],
        webhook=first.webhook.name,
        others=[closed.webhook.name for closed in one.closed if closed is not first],
        service=name,
        service_namespace=namespace,
        exists=one.backend.exists,
        configurations=list(dict.fromkeys(closed.configuration.kind_name for closed in one.closed)),
        operations=sorted({operation.lower() for rule in rules for operation in rule.operations}),
        resources=sorted({resource for rule in rules for resource in rule.resources}),
        places=one.places,
        settling=one.settling,
    )


def _is_vital(webhook: Webhook) -> bool:
    return any(
        group in ("*", wanted[0]) and resource in ("*", "*/*", wanted[1])
        for rule in webhook.rules
        for group in rule.api_groups
        for resource in rule.resources
        for wanted in _VITAL
    )


def _table(closed: list[Closed], states: dict[tuple[str, str], BackendState]) -> Table:
    names = ("WEBHOOK", "CONFIGURATION", "SERVICE", "READY ENDPOINTS")
    shown = sorted(closed, key=lambda one: not (one.backend in states and states[one.backend].is_down))
    return Table(
        caption="Admission webhooks that fail closed",
        columns=[Column(name=name) for name in names],
        rows=[
            [
                one.webhook.name,
                one.configuration.kind_name,
                "/".join(one.backend),
                _state_text(states.get(one.backend)),
            ]
            for one in shown[:_MOST_BACKENDS]
        ],
        omitted=max(0, len(shown) - _MOST_BACKENDS),
    )


def _state_text(state: BackendState | None) -> str:
    if state is None or (state.exists is None and state.ready is None):
        return "not read"
    if state.exists is False:
        return "no such Service"
    return "not read" if state.ready is None else str(state.ready)
