"""A small cluster written down as a case folder, and the scheduling steps run on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.findings import Finding, Table, headline
from kuberunbooks.guides.pods.host_ports import host_ports
from kuberunbooks.guides.pods.placement import placement
from kuberunbooks.guides.pods.resolve import resolve
from kuberunbooks.guides.pods.resources import resources
from kuberunbooks.guides.pods.scheduling import scheduling
from kuberunbooks.guides.registry import Request
from kuberunbooks.guides.step import run_step
from kuberunbooks.redaction import Redactor

NOW = "2026-11-23T12:00:00Z"
LONG_AGO = "2026-11-23T11:00:00Z"
STEPS = (scheduling, resources, host_ports, placement)
_PATHS = {
    "Node": "api/v1/nodes",
    "Pod": "api/v1/namespaces/{ns}/pods",
    "Event": "api/v1/namespaces/{ns}/events",
    "PersistentVolumeClaim": "api/v1/namespaces/{ns}/persistentvolumeclaims",
    "PersistentVolume": "api/v1/persistentvolumes",
    "StorageClass": "apis/storage.k8s.io/v1/storageclasses",
    "ReplicaSet": "apis/apps/v1/namespaces/{ns}/replicasets",
    "Deployment": "apis/apps/v1/namespaces/{ns}/deployments",
    "StatefulSet": "apis/apps/v1/namespaces/{ns}/statefulsets",
    "DaemonSet": "apis/apps/v1/namespaces/{ns}/daemonsets",
    "Job": "apis/batch/v1/namespaces/{ns}/jobs",
    "CronJob": "apis/batch/v1/namespaces/{ns}/cronjobs",
    "ReplicationController": "api/v1/namespaces/{ns}/replicationcontrollers",
}


def node(
    name: str, *, taints: Any = (), labels: Any = None, cordoned: bool = False, **allocatable: str
) -> Any:
    """A ready node; taints as `key=value:Effect` texts, allocatable with `_` for `-` and `__` for `/`."""
    amounts = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi", "pods": "110"}
    amounts |= {key.replace("__", "/").replace("_", "-"): value for key, value in allocatable.items()}
    return {
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": {"taints": [_taint(text) for text in taints], "unschedulable": cordoned},
        "status": {"allocatable": amounts, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def _taint(text: str) -> dict[str, str]:
    pair, _, effect = text.rpartition(":")
    key, _, value = pair.partition("=")
    return {"key": key, "value": value, "effect": effect}


def pod(
    name: str,
    *,
    refused: str = "",
    on: str = "",
    namespace: str = "shop",
    owner: tuple[str, str] | None = None,
    created: str = LONG_AGO,
    requests: Any = None,
    ports: Any = None,
    labels: Any = None,
    status: Any = None,
    **spec: Any,
) -> Any:
    """A pod: running on a node, or refused by the scheduler with a message, or neither."""
    container: dict[str, Any] = {
        "name": "app",
        "resources": {"requests": requests or {}},
        "ports": ports or [],
    }
    conditions = []
    if refused:
        conditions.append(
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": refused,
                "lastTransitionTime": created,
            }
        )
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "creationTimestamp": created,
        "labels": labels or {},
    }
    if owner is not None:
        kind, owner_name = owner
        metadata["ownerReferences"] = [
            {"kind": kind, "name": owner_name, "uid": f"uid-{owner_name}", "controller": True}
        ]
    phase = "Running" if on else "Pending"
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], "nodeName": on, **spec},
        "status": {"phase": phase, "conditions": conditions, **(status or {})},
    }


def event(reason: str, about: str, message: str, *, kind: str = "Pod", uid: str = "", at: str = NOW) -> Any:
    """A Warning event in namespace shop."""
    return {
        "kind": "Event",
        "metadata": {"name": f"{about}.{reason.lower()}", "namespace": "shop", "creationTimestamp": at},
        "involvedObject": {"kind": kind, "namespace": "shop", "name": about, "uid": uid},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "lastTimestamp": at,
    }


def thing(kind: str, name: str, namespace: str = "shop", **fields: Any) -> Any:
    """Any other object."""
    return {
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            **fields.pop("metadata", {}),
        },
        **fields,
    }


def deployment(name: str, replicas: int, *, ready: int = 0) -> list[Any]:
    """A Deployment and its ReplicaSet `NAME-5b7fcd598f`."""
    selector = {"matchLabels": {"app": name}}
    spec = {"replicas": replicas, "selector": selector}
    owner = {"kind": "Deployment", "name": name, "uid": f"uid-{name}", "controller": True}
    return [
        thing("Deployment", name, spec=spec, status={"readyReplicas": ready}),
        thing("ReplicaSet", f"{name}-5b7fcd598f", spec=spec, metadata={"ownerReferences": [owner]}),
    ]


def write_case(folder: Path, *objects: Any, whole: bool = True) -> Path:
    """The objects as a case folder; `whole` False: it holds one namespace of two."""
    lists: dict[str, list[Any]] = {path.format(ns="shop"): [] for path in _PATHS.values()}
    namespaces = {"shop"}
    for one in objects:
        namespace = one["metadata"].get("namespace", "")
        namespaces |= {namespace} - {""}
        lists.setdefault(_PATHS[one["kind"]].format(ns=namespace), []).append(one)
    for path, items in lists.items():
        target = folder / f"{path}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({"items": items}))
    names = sorted(namespaces | (set() if whole else {"elsewhere"}))
    listed = {"items": [{"metadata": {"name": name}} for name in names]}
    (folder / "api/v1/namespaces.json").write_text(json.dumps(listed))
    (folder / "manifest.json").write_text(json.dumps({"recorded_at": NOW}))
    return folder


class Scheduling:
    """The four scheduling steps, run on a case."""

    def __init__(self, case: Path, target: str = "", namespace: str = "shop") -> None:
        self.cluster = Cluster(CaseSource(case))
        self.target = resolve(self.cluster, Request(namespace, target, 3600.0, {}))
        self.steps = [
            run_step(one, self.target, self.cluster, Redactor(), guide="pods", language="en") for one in STEPS
        ]
        assert not [one.error for one in self.steps if one.error]
        self.findings: list[Finding] = [found for one in self.steps for found in one.findings]
        for found in self.findings:
            assert found.summary, found.code
            assert found.evidence, found.code
            assert "{{" not in found.summary + found.explanation
            assert all("None" not in one.command for one in found.next), found.next
        self.headline = headline(self.findings)

    @property
    def codes(self) -> list[str]:
        """The codes found, without the one that only says that the scheduler refused."""
        return [one.code for one in self.findings if one.code != "PodUnschedulable"]

    def one(self, code: str) -> Finding:
        """The only finding of a code."""
        (found,) = [one for one in self.findings if one.code == code]
        return found

    def tables(self, word: str) -> list[Table]:
        """The tables whose caption has the word."""
        return [
            one
            for step in self.steps
            for one in step.exhibits
            if isinstance(one, Table) and word in one.caption
        ]
