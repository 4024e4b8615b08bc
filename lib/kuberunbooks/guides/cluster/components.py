"""The pods of the control plane, where it runs as pods: API server, scheduler, controller manager, etcd.

kubeadm, kOps, RKE2 and others run them as static pods in kube-system; a managed service
shows none. Called by the steps about the control plane, its logs, and the mitigations.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import ContainerView, Pod

from ..rules.conditions import cite_condition
from ..rules.thresholds import BACKOFF_RESET, COMPONENT_RESTARTS, JUST_BEFORE, STARTING
from .leaders import SYSTEM
from .lost import because_of, explained_by

COMPONENTS = ("kube-apiserver", "etcd", "kube-scheduler", "kube-controller-manager")
_LABELS = ("component", "k8s-app")
"""By which label they are told apart: kubeadm and RKE2 use the first, kOps and Talos the second."""
_BACK_OFF = "CrashLoopBackOff"


def component_pods(cluster: Cluster) -> Listing[Pod]:
    """The control plane's pods; incomplete when kube-system could not be read."""
    found: Listing[Pod] = Listing()
    for label in _LABELS:
        found = cluster.look(Pod, SYSTEM, labels=f"{label} in ({','.join(COMPONENTS)})")
        found = Listing(filter(is_of_node, found), complete=found.complete, why=found.why)
        if found or not found.complete:
            return found
    return found


def is_of_node(pod: Pod) -> bool:
    """A static pod: made by the kubelet of its node and not through the API."""
    return pod.controller is not None and pod.controller.kind == "Node"


def component_of(pod: Pod) -> str:
    """Which component a pod is."""
    labels = pod.metadata.labels
    return next((labels[key] for key in _LABELS if labels.get(key) in COMPONENTS), pod.name)


def is_sick(pod: Pod, now: datetime) -> bool:
    """Not ready, for longer than a start takes, or not even tried again at once."""
    if pod.is_ready or pod.metadata.deletion_timestamp is not None:
        return False
    if any(
        view.status.state.waiting and view.status.state.waiting.reason == _BACK_OFF
        for view in pod.containers()
    ):
        return True
    ready = pod.condition("Ready")
    turned = ready.last_transition_time if ready is not None else pod.metadata.creation_timestamp
    return turned is None or (now - turned).total_seconds() >= STARTING


def crash_looping(pod: Pod, now: datetime) -> ContainerView | None:
    """A container that is up for the moment: its last run was short, lately, and not the first."""
    for view in pod.containers():
        last = view.status.last_state.terminated
        if last is None or last.started_at is None or last.finished_at is None:
            continue
        short = (last.finished_at - last.started_at).total_seconds() < BACKOFF_RESET
        lately = (now - last.finished_at).total_seconds() < JUST_BEFORE
        if short and lately and view.status.restart_count >= COMPONENT_RESTARTS:
            return view
    return None


def component_findings(
    pods: Listing[Pod], lost: set[str], down: Collection[str], now: datetime
) -> Iterator[Finding]:
    """The sick ones. While another of the same component works, the work is done.

    `down` are the components nobody of which leads: their own finding goes before those of their pods.
    """
    for pod in pods:
        component = component_of(pod)
        alike = [one for one in pods if component_of(one) == component]
        ready = sum(one.is_ready for one in alike)
        looping = None if is_sick(pod, now) else crash_looping(pod, now)
        if looping is None and not is_sick(pod, now):
            continue
        condition = pod.condition("Ready")
        enough = looping is not None or (ready > len(alike) // 2 if component == "etcd" else ready > 0)
        evidence = cite_condition(pod, "Ready", "status", "reason", "message")
        for view in [looping] if looping else pod.containers():
            evidence.append(pod.cite(f"{view.path}.restartCount"))
        sick = finding(
            "ControlPlaneComponentUnhealthy",
            pod,
            severity="warning" if enough else None,
            evidence=evidence,
            since=condition.last_transition_time if condition and looping is None else None,
            component=component,
            status=pod.status_text,
            restarts=sum(view.status.restart_count for view in pod.containers()),
            looping=looping is not None,
            node=pod.spec.node_name,
            ready=ready,
            all=len(alike),
        )
        leads = {"because": [f"lease/{component}"]} if component in down else {}
        yield explained_by(sick, because_of([pod.spec.node_name], lost) or leads)


def components_table(pods: Listing[Pod], now: datetime) -> Table:
    """The control plane's pods, component by component."""
    order = sorted(pods, key=lambda pod: (COMPONENTS.index(component_of(pod)), pod.spec.node_name))
    names = ("COMPONENT", "NODE", "STATUS", "READY", "RESTARTS")
    return Table(
        caption="Pods of the control plane",
        columns=[Column(name=name) for name in names],
        rows=[
            [
                component_of(pod),
                pod.spec.node_name,
                pod.status_text,
                pod.ready_text,
                pod.restarts_text(now),
            ]
            for pod in order
        ],
    )
