"""TP-07: what Telepresence left behind: agents without a manager, their configuration, swapped Deployments.

Nothing of it is removed by itself: an agent stays in its pods until these are made anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import ConfigMap, Deployment, Pod

from ..pods.target import Controller
from ..rules.telepresence_objects import AGENT, AGENTS_MAP, agent_of, is_swapped, swapped_name
from ..rules.thresholds import INTERCEPT_FORGOTTEN
from ..step import NotChecked, Yielded, step
from .client import UPSTREAM
from .target import Telepresence


@step("TP-07", title="Was something left behind?", upstream=UPSTREAM)
def leftovers(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    """Are there agents, configuration or swapped Deployments of a Telepresence that is gone?"""
    if target.is_missing:
        yield NotChecked("What was asked for does not exist.")
        return
    yield from _swapped(target, cluster)
    if not target.installed.is_absent:
        return
    by_workload: dict[tuple[str, str], list[Pod]] = {}
    for pod in target.carriers:
        if pod.metadata.deletion_timestamp is None:
            by_workload.setdefault((pod.namespace, target.workload_of(pod)), []).append(pod)
    for (namespace, workload), pods in by_workload.items():
        yield _left_behind(target.top_named(namespace, workload), workload, pods, target)
    yield from _configuration(target, cluster)


def _left_behind(top: Controller | None, workload: str, pods: list[Pod], target: Telepresence) -> Finding:
    """In the template itself it comes back with every pod; else the next pods are made without it."""
    in_template = top is not None and any(one.name == AGENT for one in top.template.spec.containers)
    agent = agent_of(pods[0])
    shown = f"{AGENT} {agent.image}" if agent is not None else AGENT
    return finding(
        "TrafficAgentLeftBehind",
        top if top is not None else pods[0],
        severity="info" if _is_rolling(top) else None,
        evidence=[pods[0].cite("spec.containers", shown), *target.installed.absence()],
        workload=workload,
        pods=len(pods),
        in_template=in_template,
        rolling=_is_rolling(top),
        webhooks=[one.configuration.name for one in target.installed.injectors],
        restarts=top is not None and top.kind in ("Deployment", "StatefulSet", "DaemonSet"),
    )


def _is_rolling(top: Controller | None) -> bool:
    """Its pods are being replaced right now: an uninstall does that, and the agents go with them."""
    if not isinstance(top, Deployment):
        return False
    return top.status.observed_generation > 0 and top.status.updated_replicas < top.desired


def _configuration(target: Telepresence, cluster: Cluster) -> Iterator[Finding]:
    """Up to 2.21 what agents are to do stands in a ConfigMap of each namespace."""
    if not target.namespace:
        return
    found = cluster.find(ConfigMap, target.namespace, AGENTS_MAP).object
    if found is not None and found.keys:
        yield finding(
            "AgentConfigLeftBehind",
            found,
            evidence=found.cite("data", f"keys {', '.join(found.keys[:5])}"),
            workloads=found.keys,
        )


def _swapped(target: Telepresence, cluster: Cluster) -> Iterator[Finding]:
    deployments = [one for one in target.behind.controllers.values() if isinstance(one, Deployment)]
    swapped = [one for one in deployments if is_swapped(one)]
    for one in swapped:
        prefix = swapped_name(one)
        original = next(
            (
                each
                for each in deployments
                if prefix
                and each is not one
                and each.namespace == one.namespace
                and each.name.startswith(prefix)
            ),
            None,
        )
        age = one.age(cluster.now)
        stopped = original is not None and not original.desired
        old = age >= INTERCEPT_FORGOTTEN
        yield finding(
            "SwappedDeploymentLeft",
            one,
            severity=("critical" if stopped else "warning") if old else "info",
            evidence=[
                one.cite("metadata.labels['telepresence']"),
                *([original.cite("spec.replicas")] if original is not None else []),
            ],
            since=one.metadata.creation_timestamp,
            original=original.name if original is not None else "",
            stopped=stopped,
            age=age,
        )
