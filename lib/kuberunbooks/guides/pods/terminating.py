"""DP-08: is a deletion stuck, and what holds it?

The API server removes a deleted pod once the kubelet has confirmed that its
containers ended and every finalizer is gone. So three things can hold it: a
finalizer, a kubelet that cannot confirm, an admission webhook that refuses the
last update of the pod.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, finding
from kuberunbooks.objects import Pod

from ..rules.conditions import cite_condition
from ..rules.node_health import NodeTrouble, nodes_by_name, trouble_of
from ..rules.thresholds import DELETION_SLACK
from ..rules.webhooks import MatchingWebhook, configurations, matching_pod_updates, webhook_backend
from ..step import Yielded, step
from .target import Pods


@step("DP-08", title="Is a deletion stuck?")
def terminating(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is a pod held back from going away, and by what?"""
    deleted = [(pod, due) for pod in target.suspects if (due := pod.metadata.deletion_timestamp) is not None]
    if not deleted:
        return
    nodes = nodes_by_name((pod.spec.node_name for pod, _ in deleted), cluster, single=target.single)
    overdue: list[Pod] = []
    for pod, due in deleted:
        name = pod.spec.node_name
        trouble = trouble_of(name, nodes[name]) if name else None
        is_lost = trouble is not None and not pod.is_terminal
        if cluster.now > due + DELETION_SLACK:
            overdue.append(pod)
            yield from _overdue(pod, due, cluster.now)
        elif not is_lost:
            yield _within_grace(pod, due, cluster.now)
        if trouble is not None and is_lost:
            yield _on_lost_node(pod, trouble)
    if overdue:
        yield from _webhooks(overdue, cluster)


def _within_grace(pod: Pod, due: datetime, now: datetime) -> Finding:
    return finding(
        "PodTerminatingWithinGrace",
        pod,
        evidence=_deletion_evidence(pod),
        since=asked_at(pod, due),
        left=max(0.0, (due - now).total_seconds()),
        grace=pod.metadata.deletion_grace_period_seconds,
    )


def _overdue(pod: Pod, due: datetime, now: datetime) -> Iterator[Finding]:
    facts: dict[str, Any] = {
        "overdue": (now - due).total_seconds(),
        "due": due.isoformat(),
        "node": pod.spec.node_name,
        "finalizers": pod.metadata.finalizers,
    }
    asked = asked_at(pod, due)
    yield finding(
        "PodTerminatingStuck",
        pod,
        evidence=_deletion_evidence(pod),
        since=asked,
        group=(tuple(pod.metadata.finalizers),),
        **facts,
    )
    if pod.metadata.finalizers:
        ended = pod.is_terminal or every_container_ended(pod)
        yield finding(
            "PodFinalizerBlocked",
            pod,
            evidence=[
                pod.cite("metadata.finalizers"),
                *_deletion_evidence(pod),
                pod.cite("status.phase"),
            ],
            since=asked,
            likely=not ended,
            group=(tuple(pod.metadata.finalizers), ended),
            ended=ended,
            **facts,
        )


def _on_lost_node(pod: Pod, trouble: NodeTrouble) -> Finding:
    lost = pod.condition("DisruptionTarget")
    return finding(
        "TerminatingOnLostNode",
        pod,
        evidence=[
            pod.cite("spec.nodeName"),
            *_deletion_evidence(pod),
            *(cite_condition(pod, "DisruptionTarget", "reason", "message") if lost else ()),
            *(cite_condition(trouble.node, "Ready", "status", "reason") if trouble.node else ()),
        ],
        since=trouble.since,
        likely=trouble.code == "NodeNotReady",
        group=(trouble.name,),
        node=trouble.name,
        gone=trouble.node is None,
        silent=trouble.code != "NodeNotReady",
        by_taint=lost is not None and lost.reason == "DeletionByTaintManager",
        stateful=pod.controller is not None and pod.controller.kind == "StatefulSet",
    )


def _webhooks(overdue: list[Pod], cluster: Cluster) -> Iterator[Yielded]:
    """Webhooks that are called for updates of the overdue pods, and whether anything answers there."""
    found = configurations(cluster)
    if not found.complete:
        yield Note(text=f"Admission webhooks were not looked at completely: {found.why}.")
    for pod in overdue:
        for match in matching_pod_updates(found, pod, cluster):
            yield _webhook_present(pod, match)
            yield from _webhook_down(pod, match, cluster)


def _webhook_present(pod: Pod, match: MatchingWebhook) -> Finding:
    return finding(
        "PodUpdateWebhookPresent",
        pod,
        evidence=[
            match.configuration.cite(f"{match.path}.name"),
            match.configuration.cite(f"{match.path}.rules"),
            match.configuration.cite(f"{match.path}.failurePolicy"),
        ],
        likely=True,
        group=(match.resource, match.webhook.name),
        webhook=match.webhook.name,
        configuration=match.resource,
        mutating=match.configuration.kind.startswith("Mutating"),
        certain=match.certain,
        policy=match.webhook.failure_policy,
    )


def _webhook_down(pod: Pod, match: MatchingWebhook, cluster: Cluster) -> Iterator[Finding]:
    service = match.webhook.client_config.service
    if service is None or match.webhook.failure_policy != "Fail" or not match.certain:
        return
    backend = webhook_backend(cluster, service.namespace, service.name)
    if not backend.is_down:
        return
    yield finding(
        "WebhookBackendDown",
        pod,
        evidence=[
            match.configuration.cite(f"{match.path}.clientConfig.service"),
            match.configuration.cite(f"{match.path}.failurePolicy"),
            *backend.evidence,
        ],
        likely=True,
        group=(match.resource, match.webhook.name),
        webhook=match.webhook.name,
        configuration=match.resource,
        service=service.name,
        service_namespace=service.namespace,
        trouble="endpoints" if backend.exists else "service",
        why=f'service "{service.name}" not found' if not backend.exists else "no ready endpoint behind it",
        deleting=True,
    )


def _deletion_evidence(pod: Pod) -> list[Any]:
    return [pod.cite("metadata.deletionTimestamp"), pod.cite("metadata.deletionGracePeriodSeconds")]


def asked_at(pod: Pod, due: datetime) -> datetime:
    """When the deletion was asked for: deletionTimestamp is that moment plus the grace period."""
    return due - timedelta(seconds=pod.metadata.deletion_grace_period_seconds or 0)


def every_container_ended(pod: Pod) -> bool:
    """It has containers, and none of them runs or waits any more."""
    statuses = [view.status for view in pod.containers()]
    return bool(statuses) and all(one.state.terminated is not None for one in statuses)
