"""Asks steps of the pods guide about the pods for Windows, and leaves out what this guide says better."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding

from ..rules.node_fit import is_selected
from ..step import NotChecked, Step, StepFunction, Yielded
from .image_errors import image_errors
from .sandbox_troubles import sandbox_troubles
from .target import WindowsNetworking

_SAID_BETTER = frozenset(
    (
        "PodNetworkSetupFailed",
        "SandboxCreateFailed",
        "ImageArchMismatch",
        "ContainerStartFailed",
        "ContainerCreateFailed",
        "ContainerCreatingSlow",
    )
)


def of_windows_pods(one: Step) -> Step:
    """The step, asked of the pods for Windows."""
    return one._replace(parts=tuple(_asked(part) for part in one.parts))


def _asked(part: StepFunction) -> StepFunction:
    @functools.wraps(part)
    def run(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
        if not target.windows.pods:
            yield NotChecked(no_pods(target))
            return
        for item in part(target.windows, cluster):
            if not isinstance(item, Finding):
                yield item
                continue
            if item.subject.kind == "Node":
                # So that what to do there is said in the words of Windows.
                item.facts["windows"] = target.windows_node(item.subject.name) is not None
            if item.code == "NodeSelectorMismatch" and _has_its_nodes(item, target):
                continue
            if item.code not in _SAID_BETTER or not _is_told(item, target, cluster):
                yield item

    return run


def no_pods(target: WindowsNetworking) -> str:
    """Why there is no pod to look at."""
    if target.is_without_windows:
        return "This cluster has no Windows node."
    if not target.fleet.complete:
        return f"Which pods are for Windows is not known: the nodes could not be read ({target.fleet.why})."
    return "No pod that was looked at is for Windows."


def _is_told(item: Finding, target: WindowsNetworking, cluster: Cluster) -> bool:
    subject = (item.subject.namespace, item.subject.name)
    told = {(one.pod.namespace, one.pod.name) for one in sandbox_troubles(target, cluster)}
    told.update((one.pod.namespace, one.pod.name) for one in image_errors(target, cluster))
    return subject in told


def _has_its_nodes(item: Finding, target: WindowsNetworking) -> bool:
    """Whether some Windows node is what the pod asks for: that Linux nodes are not is as it should be."""
    pod = next(
        (
            one
            for one in target.windows.unscheduled
            if (one.namespace, one.name) == (item.subject.namespace, item.subject.name)
        ),
        None,
    )
    return pod is not None and any(is_selected(pod.spec, node) for node in target.windows_nodes)
