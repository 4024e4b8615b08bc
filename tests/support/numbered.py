"""StatefulSets made by hand: `statefulset()`, its pods, claims, volumes, revisions, and the nodes' leases."""

from __future__ import annotations

from typing import Any

from tests.support.made_cases import ago, node, pod, running, workload

Item = dict[str, Any]
NEW, OLD = "db-new", "db-old"


def statefulset(
    name: str = "db",
    *,
    replicas: int = 3,
    ready: int | None = None,
    created: int | None = None,
    update: str = NEW,
    current: str = NEW,
    spec: Item | None = None,
    template: Item | None = None,
    age: float = 90_000,
    **metadata: Any,
) -> Item:
    """statefulset/NAME with Service NAME; `ready` and `created` are what its status counts."""
    one = workload("StatefulSet", name, replicas=replicas, creationTimestamp=ago(age), **metadata)
    one["spec"] |= {
        "serviceName": name,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        **(spec or {}),
    }
    one["spec"]["template"]["spec"] |= template or {}
    one["status"] = {
        "replicas": replicas if created is None else created,
        "readyReplicas": replicas if ready is None else ready,
        "currentRevision": current,
        "updateRevision": update,
    }
    return one


def member(
    ordinal: int,
    *,
    of: str = "db",
    revision: str = NEW,
    ready: bool = True,
    since: float = 6900,
    label: bool = True,
    uid: str = "",
    age: float = 0,
    **more: Any,
) -> Item:
    """Pod OF-ORDINAL; one that is not ready was made so many seconds ago, unless `age` says otherwise."""
    labels = {"app": of, "controller-revision-hash": revision}
    if label:
        labels["apps.kubernetes.io/pod-index"] = str(ordinal)
    made_by = [{"kind": "StatefulSet", "name": of, "uid": uid or f"uid-{of}", "controller": True}]
    more.setdefault("containers", [running(ready=ready)])
    more.setdefault("creationTimestamp", ago(age or (86_400 if ready else since)))
    if not ready:
        probed = {"name": "app", "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}}
        more["spec"] = {"containers": [probed], **more.get("spec", {})}
    one = pod(f"{of}-{ordinal}", ready=ready, ownerReferences=made_by, labels=labels, **more)
    for condition in one["status"]["conditions"]:
        if condition["type"] == "Ready":
            condition["lastTransitionTime"] = ago(since)
            if not ready:
                condition["reason"] = "ContainersNotReady"
    one["status"]["startTime"] = ago(since)
    return one


def crashing(ordinal: int, *, since: float = 1500, **more: Any) -> Item:
    """A member whose container ends with exit code 1 again and again."""
    end = {"exitCode": 1, "reason": "Error", "startedAt": ago(80), "finishedAt": ago(70)}
    status = {
        "name": "app",
        "ready": False,
        "restartCount": 6,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting"}},
        "lastState": {"terminated": {**end, "message": "cannot open tablespace"}},
    }
    return member(ordinal, ready=False, since=since, containers=[status], **more)


def pending(ordinal: int, message: str, *, since: float = 1500, **more: Any) -> Item:
    """A member the scheduler refuses with these words."""
    one = member(ordinal, ready=False, since=since, on="", phase="Pending", containers=[], **more)
    one["status"]["conditions"] = [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": ago(since),
        }
    ]
    return one


def deleted(one: Item, *, overdue: float, finalizers: list[str] | None = None) -> Item:
    """The pod, whose deletion should have been done so many seconds ago."""
    one["metadata"] |= {"deletionTimestamp": ago(overdue), "deletionGracePeriodSeconds": 30}
    if finalizers:
        one["metadata"]["finalizers"] = finalizers
    return one


def on_lost_node(one: Item, *, since: float = 1200) -> Item:
    """The pod as the node controller leaves it: Ready=False without a reason."""
    for condition in one["status"]["conditions"]:
        if condition["type"] == "Ready":
            condition.pop("reason", None)
            condition |= {"status": "False", "lastTransitionTime": ago(since)}
    return one


def silent_node(name: str = "n2", *, since: float = 1200, **spec: Any) -> Item:
    """A node whose kubelet stopped reporting so many seconds ago."""
    return {**node(name, ready="Unknown", reason="NodeStatusUnknown", since=since), "spec": spec}


def _thing(kind: str, version: str, name: str, *, namespaced: bool = True, **more: Any) -> Item:
    meta = {"name": name, "uid": f"uid-{kind}-{name}", "creationTimestamp": ago(more.pop("age", 80_000))}
    meta |= more.pop("metadata", {})
    if namespaced:
        meta["namespace"] = "shop"
    return {"kind": kind, "apiVersion": version, "metadata": meta, **more}


def lease(name: str = "n2", *, renewed: float = 1200) -> Item:
    """The lease of a node, renewed so many seconds ago."""
    one = _thing("Lease", "coordination.k8s.io/v1", name, spec={"renewTime": ago(renewed)})
    one["metadata"]["namespace"] = "kube-node-lease"
    return one


def service(name: str = "db", *, selector: Any = None, **spec: Any) -> Item:
    """A headless Service that selects app=NAME."""
    wanted = {"app": name} if selector is None else selector
    return _thing("Service", "v1", name, spec={"clusterIP": "None", "selector": wanted, **spec})


def claim_template(name: str = "data", *, of_class: str | None = "fast", size: str = "5Gi") -> Item:
    """An entry of volumeClaimTemplates."""
    spec: Item = {"resources": {"requests": {"storage": size}}}
    if of_class is not None:
        spec["storageClassName"] = of_class
    return {"metadata": {"name": name}, "spec": spec}


def claim(
    name: str,
    *,
    phase: str = "Bound",
    of_class: str = "fast",
    size: str = "5Gi",
    volume: str = "",
    age: float = 80_000,
    **metadata: Any,
) -> Item:
    """A claim of namespace shop."""
    spec = {
        "storageClassName": of_class,
        "resources": {"requests": {"storage": size}},
        "volumeName": volume or (f"pv-{name}" if phase == "Bound" else ""),
    }
    return _thing(
        "PersistentVolumeClaim", "v1", name, age=age, metadata=metadata, spec=spec, status={"phase": phase}
    )


def volume(name: str, *, zone: str = "", of_class: str = "fast", phase: str = "Bound") -> Item:
    """A volume, tied to a zone when one is given."""
    key = "topology.kubernetes.io/zone"
    terms = [{"matchExpressions": [{"key": key, "operator": "In", "values": [zone]}]}]
    spec: Item = {"storageClassName": of_class, "capacity": {"storage": "5Gi"}}
    if zone:
        spec["nodeAffinity"] = {"required": {"nodeSelectorTerms": terms}}
    return _thing("PersistentVolume", "v1", name, namespaced=False, spec=spec, status={"phase": phase})


def storage_class(
    name: str = "fast", *, mode: str = "Immediate", provisioner: str = "csi.example.com"
) -> Item:
    """A StorageClass."""
    one = _thing("StorageClass", "storage.k8s.io/v1", name, namespaced=False)
    return {**one, "provisioner": provisioner, "volumeBindingMode": mode}


def mounts(ordinal: int, *, of: str = "db", template: str = "data") -> Item:
    """spec of a member that mounts its claim; for `member(…, spec=mounts(0))`."""
    name = f"{template}-{of}-{ordinal}"
    return {"volumes": [{"name": template, "persistentVolumeClaim": {"claimName": name}}]}


def revision(name: str, number: int, *, of: str = "db", age: float = 5000, image: str = "shop/db:1") -> Item:
    """A ControllerRevision of a StatefulSet."""
    metadata = {
        "labels": {"app": of},
        "ownerReferences": [{"kind": "StatefulSet", "name": of, "uid": f"uid-{of}", "controller": True}],
    }
    template = {"spec": {"containers": [{"name": "app", "image": image}]}, "$patch": "replace"}
    one = _thing("ControllerRevision", "apps/v1", name, age=age, metadata=metadata)
    return {**one, "revision": number, "data": {"spec": {"template": template}}}
