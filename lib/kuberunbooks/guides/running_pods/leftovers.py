"""RP-21: what debugging left behind: ephemeral containers, copies of pods, node shells.

An ephemeral container cannot be removed from a pod; a copy and a node shell stay until
somebody deletes them, and a node shell has the node's whole file system. Recognised by
the names that kubectl debug gives (kubectl/pkg/cmd/debug).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod

from ..pods.target import Pods
from ..rules.thresholds import DEBUGGING
from ..step import Yielded, step

# Kubernetes' random endings (apimachinery/pkg/util/rand): no vowels, no 0, 1, 3.
_ENDING = "[bcdfghjklmnpqrstvwxz2456789]{5}"
_DEBUGGER = re.compile(rf"debugger-{_ENDING}")
_NODE_SHELL = re.compile(rf"node-debugger-(?P<node>.+)-{_ENDING}")


@step("RP-21", title="Was something left behind by debugging?")
def leftovers(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Are there debug containers, copies or node shells that somebody has forgotten?"""
    names = {(pod.namespace, pod.name) for pod in target.pods}
    kinds = [(pod, _kind(pod, names)) for pod in target.pods]
    # A node shell weighs more than a copy, so it speaks first.
    for wanted in ("node shell", "copy"):
        for pod, kind in kinds:
            if kind == wanted:
                yield _left_behind(pod, kind, pod.age(cluster.now))
    for pod in target.pods:
        if pod.spec.ephemeral_containers:
            yield _ephemeral(pod)


def _kind(pod: Pod, names: set[tuple[str, str]]) -> str:
    """`node shell`, `copy`, or empty. Only bare pods: a controller makes none for debugging."""
    if pod.controller is not None:
        return ""
    if _NODE_SHELL.fullmatch(pod.name) and any(volume.host_path for volume in pod.spec.volumes):
        return "node shell"
    if any(_DEBUGGER.fullmatch(one.name) for one in pod.spec.containers):
        return "copy"
    original = pod.name.removesuffix("-debug")
    # kubectl drops the labels of the copy, so that no Service selects it.
    is_copy = original != pod.name and not pod.metadata.labels and (pod.namespace, original) in names
    return "copy" if is_copy else ""


def _left_behind(pod: Pod, kind: str, age: float) -> Finding:
    node = _NODE_SHELL.fullmatch(pod.name)
    forgotten = age > DEBUGGING or pod.is_terminal
    evidence = [pod.cite("metadata.name"), pod.cite("metadata.creationTimestamp"), pod.cite("status.phase")]
    if kind == "node shell":
        index = next((place for place, one in enumerate(pod.spec.volumes) if one.host_path), 0)
        evidence.append(pod.cite(f"spec.volumes[{index}].hostPath.path"))
    return finding(
        "DebugPodLeftBehind",
        pod,
        severity=None if forgotten else "info",
        evidence=evidence,
        since=pod.metadata.creation_timestamp,
        what=kind,
        node=node["node"] if node and kind == "node shell" else "",
        age=age,
        forgotten=forgotten,
        ended=pod.is_terminal,
    )


def _ephemeral(pod: Pod) -> Finding:
    names = [one.name for one in pod.spec.ephemeral_containers]
    running = [one.name for one in pod.status.ephemeral_container_statuses if one.state.running is not None]
    return finding(
        "EphemeralLeftBehind",
        pod,
        evidence=[pod.cite(f"spec.ephemeralContainers[{index}].name") for index in range(len(names))],
        names=names,
        running=running,
        images=[one.image for one in pod.spec.ephemeral_containers],
        replaceable=pod.controller is not None,
    )
