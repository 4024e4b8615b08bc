"""Nodes and what belongs to them, as a cluster holds them (made, not recorded)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .made_cases import ago, node, pod

BUILT_IN = {
    "MemoryPressure": "KubeletHasSufficientMemory",
    "DiskPressure": "KubeletHasNoDiskPressure",
    "PIDPressure": "KubeletHasSufficientPID",
}


def sound_node(name: str = "n1", *, age: float = 7200, **spec: Any) -> dict[str, Any]:
    """A Ready node of kubelet v1.36.2 with containerd 2; `spec` is its spec, `labels` its labels."""
    made = node(name)
    made["metadata"]["creationTimestamp"] = ago(age)
    made["metadata"]["labels"] = spec.pop("labels", {})
    made["spec"] = spec
    made["status"]["conditions"] += [condition(type_, "False", reason) for type_, reason in BUILT_IN.items()]
    made["status"]["allocatable"] = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    made["status"]["nodeInfo"] = {
        "kubeletVersion": "v1.36.2",
        "containerRuntimeVersion": "containerd://2.1.4",
        "osImage": "Debian GNU/Linux 12 (bookworm)",
        "kernelVersion": "6.1.0-18-amd64",
        "architecture": "amd64",
    }
    return made


def condition(
    type_: str, status: str, reason: str = "", message: str = "", *, since: float = 7200
) -> dict[str, Any]:
    """One entry of status.conditions."""
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(since),
        "lastHeartbeatTime": ago(60),
    }


def not_ready(made: dict[str, Any], message: str, *, since: float = 600) -> dict[str, Any]:
    """The node, whose kubelet says that it is not ready."""
    return _with_ready(made, condition("Ready", "False", "KubeletNotReady", message, since=since))


def silent(made: dict[str, Any], *, since: float = 600, tainted: bool = True) -> dict[str, Any]:
    """The node, whose kubelet has stopped reporting: all its conditions are Unknown."""
    text = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
    _with_ready(made, condition("Ready", "Unknown", *text, since=since))
    for one in made["status"]["conditions"]:
        if one["type"] in BUILT_IN:
            one.update(condition(one["type"], "Unknown", *text, since=since))
    if tainted:
        key = "node.kubernetes.io/unreachable"
        made["spec"].setdefault("taints", []).extend(
            {"key": key, "effect": effect, "timeAdded": ago(since)} for effect in ("NoSchedule", "NoExecute")
        )
    return made


def _with_ready(made: dict[str, Any], ready: dict[str, Any]) -> dict[str, Any]:
    others = [one for one in made["status"]["conditions"] if one["type"] != "Ready"]
    made["status"]["conditions"] = [*others, ready]
    return made


def reporting(made: dict[str, Any], type_: str, *, since: float = 600, message: str = "") -> dict[str, Any]:
    """The node, with this condition True."""
    others = [one for one in made["status"]["conditions"] if one["type"] != type_]
    made["status"]["conditions"] = [
        *others,
        condition(type_, "True", f"Because{type_}", message, since=since),
    ]
    return made


def lease(name: str, *, ago_: float = 5) -> dict[str, Any]:
    """The lease of a node's kubelet, renewed so many seconds ago."""
    return {
        "kind": "Lease",
        "apiVersion": "coordination.k8s.io/v1",
        "metadata": {"name": name, "namespace": "kube-node-lease", "creationTimestamp": ago(7200)},
        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": ago(ago_)},
    }


def with_leases(nodes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The nodes, each with a lease that was just renewed."""
    return [item for one in nodes for item in (one, lease(one["metadata"]["name"]))]


def asking(
    name: str, *, cpu: str = "", memory: str = "", limit: str = "", on: str = "n1", **more: Any
) -> dict[str, Any]:
    """A running pod with these requests, and `limit` as its memory limit."""
    made = pod(name, on=on, **more)
    requests = {key: value for key, value in (("cpu", cpu), ("memory", memory)) if value}
    made["spec"]["containers"][0]["resources"] = {
        "requests": requests,
        "limits": {"memory": limit} if limit else {},
    }
    return made


def unplaced(name: str, message: str, *, cpu: str = "1", age: float = 600) -> dict[str, Any]:
    """A pod the scheduler finds no node for."""
    made = asking(name, cpu=cpu, on="", phase="Pending", ready=False, containers=[])
    made["metadata"]["creationTimestamp"] = ago(age)
    made["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    ]
    return made
