"""TP-02: the traffic manager and its injector webhook: there, available, and answering.

A cluster without Telepresence says so once, and nothing else here is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Deployment, Evidence, Pod

from ..rules.conditions import cite_condition
from ..rules.settling import is_settling
from ..rules.telepresence_log import refused_certificates
from ..rules.telepresence_objects import MANAGER, MANAGER_NAMESPACE
from ..rules.thresholds import NEW_WORKLOAD, WEBHOOK_LOG
from ..rules.webhooks import webhook_backend
from ..step import Yielded, step
from .behind import manager_pods
from .client import UPSTREAM
from .installed import Injector, Manager
from .target import Telepresence


@step("TP-02", title="Is the traffic manager well?", upstream=UPSTREAM)
def manager(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    """Is there a traffic manager, is it available, and does its injector webhook answer?"""
    installed = target.installed
    if not installed.managers:
        yield _absent(target)
    else:
        yield _table(installed.managers)
    for one in installed.managers:
        pods = manager_pods(one, cluster)
        yield from _of_manager(one, pods, target, cluster)
        yield from _certificates(one, pods, cluster)
    for injector in installed.injectors:
        yield from _of_webhook(injector, target, cluster)


def _absent(target: Telepresence) -> Finding:
    installed = target.installed
    named = str(target.options.get("manager_namespace") or "").strip()
    traceless = installed.webhooks_known and not installed.injectors and not target.carriers
    if installed.known or traceless:
        return finding(
            "TrafficManagerMissing",
            target.subject,
            evidence=installed.absence(),
            likely=not installed.known,
            proven=installed.known,
            place=named or MANAGER_NAMESPACE,
            carriers=len(target.carriers),
            webhooks=[one.configuration.name for one in installed.injectors],
        )
    return finding(
        "TrafficManagerUnknown",
        target.subject,
        place=named or MANAGER_NAMESPACE,
        why=installed.why,
        carriers=len(target.carriers),
    )


def _table(managers: list[Manager]) -> Table:
    return Table(
        caption="Traffic managers",
        columns=[
            *(Column(name=name) for name in ("namespace", "workload", "version")),
            Column(name="ready", numeric=True),
            *(Column(name=name) for name in ("workload kinds", "agents by", "idle clients kept")),
        ],
        rows=[
            [
                one.namespace,
                one.workload.kind_name,
                one.version.text if one.version else "-",
                f"{one.workload.ready} of {one.workload.desired}",
                ", ".join(one.settings.kinds),
                _by(one),
                one.settings.time_to_live or "24h (default)",
            ]
            for one in managers
        ],
    )


def _by(one: Manager) -> str:
    sidecar = "sidecar, where annotated" if one.settings.by_annotation else "sidecar"
    return f"{sidecar}, or node agent" if one.settings.node_agents else sidecar


def _of_manager(one: Manager, pods: list[Pod], target: Telepresence, cluster: Cluster) -> Iterator[Finding]:
    work = one.workload
    version = one.version.text if one.version else ""
    if not work.desired:
        yield finding(
            "TrafficManagerUnhealthy",
            work,
            evidence=work.cite("spec.replicas"),
            scaled=True,
            version=version,
            carriers=len(target.carriers),
            because=[],
        )
        return
    if work.ready:
        yield finding(
            "TrafficManagerReady",
            work,
            evidence=work.cite("status.readyReplicas"),
            version=version,
            place=target.namespace,
            default=one.namespace == MANAGER_NAMESPACE,
        )
        return
    starting = work.age(cluster.now) < NEW_WORKLOAD or (
        bool(pods) and all(is_settling(pod, cluster.now) for pod in pods)
    )
    condition = work.condition("Available") if isinstance(work, Deployment) else None
    cited = (
        cite_condition(work, "Available", "status", "message", "lastTransitionTime")
        if condition is not None
        else [work.cite("status.readyReplicas")]
    )
    yield finding(
        "TrafficManagerUnhealthy",
        work,
        severity="info" if starting else None,
        evidence=cited,
        since=condition.last_transition_time if condition is not None and not condition.is_true else None,
        scaled=False,
        version=version,
        carriers=len(target.carriers),
        because=[work.kind_name, *(pod.kind_name for pod in pods)],
    )


def _certificates(one: Manager, pods: list[Pod], cluster: Cluster) -> Iterator[Finding]:
    """The API server calls the webhook and does not trust its certificate: nothing is injected."""
    running = [pod for pod in pods if pod.is_ready]
    if not running or not any(each.name == MANAGER for each in running[0].spec.containers):
        return
    log = cluster.log(running[0], MANAGER, tail_lines=1000)
    lines = [
        (number, at, text)
        for number, at, text in refused_certificates(log)
        if at is not None and (cluster.now - at).total_seconds() < WEBHOOK_LOG
    ]
    if lines:
        number, at, text = lines[-1]
        yield finding(
            "AgentWebhookCertificate",
            one.workload,
            evidence=Evidence(log.source, f"line {number}", text),
            since=lines[0][1],
            last=at.isoformat() if at else "",
            times=len(lines),
        )


def _of_webhook(one: Injector, target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    webhook, service = one.webhook, one.webhook.client_config.service
    if service is None:
        yield Note(
            text=f"The injector webhook {webhook.name} is called at an address of its own, no Service: "
            "whether anything answers there cannot be read from the API."
        )
        return
    state = webhook_backend(cluster, service.namespace, service.name)
    fails = webhook.failure_policy == "Fail"
    facts: dict[str, Any] = {
        "webhook": webhook.name,
        "configuration": one.configuration.name,
        "service": service.name,
        "service_namespace": service.namespace,
        "fails": fails,
        "selects": one.selects(target.namespace),
    }
    if not state.is_down:
        if state.ready:
            yield finding(
                "AgentWebhookReady", one.configuration, evidence=state.evidence, ready=state.ready, **facts
            )
        return
    managed = [each for each in target.installed.managers if each.namespace == service.namespace]
    settling = any(
        each.workload.age(cluster.now) < NEW_WORKLOAD
        or any(is_settling(pod, cluster.now) for pod in manager_pods(each, cluster))
        for each in managed
    )
    # Down while no manager is there is left behind; while its pods start it is on its way.
    yield finding(
        "AgentWebhookBroken",
        one.configuration,
        severity="info" if settling else ("critical" if fails else "warning"),
        evidence=(one.configuration.cite(f"{one.path}.failurePolicy"), *state.evidence),
        exists=state.exists is not False,
        manager=managed[0].workload.kind_name if managed else "",
        orphaned=not managed and target.installed.known,
        settling=settling,
        because=[],
        **facts,
    )
