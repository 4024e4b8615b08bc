"""Cases made by hand: a few objects as dictionaries, written in the layout of a recorded case.

    case = make_case(tmp_path, [pod("web-1"), node("n1")])
    found = diagnose_case(case, "pod/web-1")

Lists of every kind a guide reads exist for every namespace, empty where nothing
was given: in a made case nothing is unknown, unless `without` leaves it out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kuberunbooks import objects
from kuberunbooks.objects import Api, KubernetesObject

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

_APIS: dict[str, Api] = {
    view.api.kind: view.api
    for view in vars(objects).values()
    if isinstance(view, type) and issubclass(view, KubernetesObject) and hasattr(view, "api")
}


def ago(seconds: float) -> str:
    """The time this many seconds before NOW, as the API writes it."""
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_case(folder: Path, items: Iterable[dict[str, Any]], *, without: Iterable[str] = ()) -> Path:
    """Writes a case folder; `without` names kinds (`Node`) whose lists the case does not hold."""
    lists: dict[str, list[dict[str, Any]]] = {}
    items = list(items)
    spaces = {one["metadata"].get("namespace", "") for one in items} - {""} | {"shop"}
    spaces |= {one["metadata"]["name"] for one in items if one["kind"] == "Namespace"}
    for kind, api in _APIS.items():
        for space in sorted(spaces) if api.namespaced else [""]:
            if kind not in without:
                lists[api.path(space)] = []
    for one in items:
        api = _APIS[one["kind"]]
        path = api.path(one["metadata"].get("namespace", ""))
        if path in lists:
            lists[path].append(one)
    known = {one["metadata"]["name"] for one in lists.get("api/v1/namespaces", [])}
    if "api/v1/namespaces" in lists:
        lists["api/v1/namespaces"] += [_plain("Namespace", name) for name in sorted(spaces - known)]
    for path, found in lists.items():
        target = folder / f"{path}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps({"kind": "List", "items": found}))
    (folder / "version.json").write_text(json.dumps({"gitVersion": "v1.36.2"}))
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "recorded_at": ago(0)}))
    return folder


def _plain(kind: str, name: str, namespace: str = "", **metadata: Any) -> dict[str, Any]:
    meta = {"name": name, "uid": f"uid-{name}", "creationTimestamp": ago(7200), **metadata}
    if namespace:
        meta["namespace"] = namespace
    return {"kind": kind, "apiVersion": _APIS[kind].group_version, "metadata": meta}


def owner(kind: str, name: str) -> list[dict[str, Any]]:
    """metadata.ownerReferences of something this controller made."""
    return [{"kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}]


def node(
    name: str = "n1", *, ready: str = "True", reason: str = "KubeletReady", since: float = 7200
) -> dict[str, Any]:
    """A node whose Ready condition is `ready` since so many seconds."""
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": reason,
        "message": "as the kubelet says",
        "lastTransitionTime": ago(since),
    }
    return {
        **_plain("Node", name),
        "status": {"conditions": [condition], "allocatable": {"cpu": "4", "pods": "110"}},
    }


def pod(
    name: str = "web-1",
    namespace: str = "shop",
    *,
    on: str = "n1",
    phase: str = "Running",
    ready: bool = True,
    containers: Iterable[dict[str, Any]] | None = None,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """A pod with one container `app`, running and ready unless said otherwise."""
    statuses = list(containers) if containers is not None else [running()]
    scheduled = {"type": "PodScheduled", "status": "True" if on else "False", "lastTransitionTime": ago(7000)}
    turned = {"type": "Ready", "status": str(ready), "lastTransitionTime": ago(6900)}
    return {
        **_plain("Pod", name, namespace, **metadata),
        "spec": {
            **({"nodeName": on} if on else {}),
            "containers": [{"name": one["name"], "image": "shop/web:1"} for one in statuses]
            or [{"name": "app"}],
            **(spec or {}),
        },
        "status": {
            "phase": phase,
            "conditions": [scheduled, turned],
            "containerStatuses": statuses,
            **(status or {}),
        },
    }


def running(
    name: str = "app", *, ready: bool = True, restarts: int = 0, last: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The status of a running container; `last` is lastState.terminated."""
    return {
        "name": name,
        "ready": ready,
        "restartCount": restarts,
        "state": {"running": {"startedAt": ago(60)}},
        "lastState": {"terminated": last} if last else {},
    }


def ended(code: int, reason: str = "Error", *, at: float = 60) -> dict[str, Any]:
    """state.terminated of a run that ended so many seconds ago."""
    return {"exitCode": code, "reason": reason, "startedAt": ago(at + 30), "finishedAt": ago(at)}


def stopped(
    name: str = "app", code: int = 1, reason: str = "Error", *, at: float = 60, restarts: int = 0
) -> dict[str, Any]:
    """The status of a container that has ended."""
    return {
        "name": name,
        "ready": False,
        "restartCount": restarts,
        "state": {"terminated": ended(code, reason, at=at)},
    }


def workload(
    kind: str,
    name: str,
    namespace: str = "shop",
    *,
    replicas: int = 1,
    image: str = "shop/web:1",
    **metadata: Any,
) -> dict[str, Any]:
    """A Deployment, ReplicaSet, StatefulSet, DaemonSet or Job that selects `app=NAME`."""
    app = metadata.pop("app", name)
    template = {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "app", "image": image}]},
    }
    return {
        **_plain(kind, name, namespace, **metadata),
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": app}}, "template": template},
        "status": {"replicas": replicas, "readyReplicas": replicas},
    }


def event(
    about: dict[str, Any],
    reason: str,
    message: str = "",
    *,
    type_: str = "Normal",
    at: float = 60,
    count: int = 1,
    first: float | None = None,
) -> dict[str, Any]:
    """An event about one of the objects above, last seen so many seconds ago."""
    meta = about["metadata"]
    made = _plain("Event", f"{meta['name']}.{reason}.{at}", meta.get("namespace", "default"))
    made["metadata"]["creationTimestamp"] = ago(first if first is not None else at)
    return {
        **made,
        "involvedObject": {
            "kind": about["kind"],
            "namespace": meta.get("namespace", ""),
            "name": meta["name"],
            "uid": meta["uid"],
        },
        "reason": reason,
        "message": message,
        "type": type_,
        "count": count,
        "firstTimestamp": ago(first if first is not None else at),
        "lastTimestamp": ago(at),
    }
