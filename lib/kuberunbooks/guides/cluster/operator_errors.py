"""Faults that follow on a change somebody made just before: what can be told of it without an audit log.

A webhook that fails closed was configured, and nobody answers behind it; the manifest of a
component of the control plane was changed, and it does not start. That one follows the
other is a likelihood and no proof. Called by the step about failure modes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import Evidence, Pod

from ..rules.thresholds import JUST_BEFORE
from ..rules.webhooks import WebhookConfiguration
from .components import component_of, component_pods, is_sick
from .webhooks import backends, closed_webhooks, dead_webhooks

_SEEN = "kubernetes.io/config.seen"
"""When the kubelet first saw the manifest of a static pod as it now is."""


class OperatorError(NamedTuple):
    """`what` was changed (`webhook`, `manifest`), its name, when, and the finding's subject it explains."""

    what: str
    name: str
    changed: datetime
    evidence: list[Evidence]
    because: str


def operator_errors(found: Listing[WebhookConfiguration], cluster: Cluster) -> Iterator[OperatorError]:
    """What was changed just before, and does not work."""
    closed = closed_webhooks(found)
    if closed:
        yield from _webhooks(found, cluster)
    for pod in component_pods(cluster):
        seen = _seen(pod)
        if seen is not None and _just_before(seen, cluster) and is_sick(pod, cluster.now):
            evidence = [
                pod.cite(f"metadata.annotations['{_SEEN}']"),
                pod.cite("status.phase", pod.status_text),
            ]
            because = f"{pod.namespace}/pod/{pod.name}"
            yield OperatorError("manifest", component_of(pod), seen, evidence, because)


def _webhooks(found: Listing[WebhookConfiguration], cluster: Cluster) -> Iterator[OperatorError]:
    closed = closed_webhooks(found)
    for one in dead_webhooks(closed, backends(closed, cluster), cluster):
        configuration = one.closed[0].configuration
        made = configuration.metadata.creation_timestamp
        if not one.settling and made is not None and _just_before(made, cluster):
            evidence = [configuration.cite("metadata.creationTimestamp"), *one.backend.evidence]
            yield OperatorError("webhook", configuration.name, made, evidence, configuration.kind_name)


def _just_before(time: datetime, cluster: Cluster) -> bool:
    return 0 <= (cluster.now - time).total_seconds() <= JUST_BEFORE


def _seen(pod: Pod) -> datetime | None:
    try:
        time = datetime.fromisoformat(pod.metadata.annotations.get(_SEEN, ""))
    except ValueError:
        return None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
