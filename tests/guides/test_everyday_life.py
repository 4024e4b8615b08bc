"""Ordinary life of a healthy cluster: rollouts, scaling, history, pods that have only just begun.

Nothing of it deserves an alarm. Where something is a little off (`mild`), it may be said, never as critical.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.made_cases import ago, ended, event, node, owner, pod, running, stopped, workload

Examine = Callable[..., Any]
Items = list[dict[str, Any]]

PROBE = {"readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}}}
LABELS = {"app": "web", "pod-template-hash": "new"}


def begun(name: str = "app", *, ready: bool = True, seconds: float = 6000, **more: Any) -> dict[str, Any]:
    """The status of a container that runs since so many seconds."""
    one = running(name, ready=ready, **more)
    return {**one, "started": True, "state": {"running": {"startedAt": ago(seconds)}}}


def creating(name: str = "app", reason: str = "ContainerCreating") -> dict[str, Any]:
    """The status of a container that is being created."""
    return {"name": name, "ready": False, "restartCount": 0, "state": {"waiting": {"reason": reason}}}


def aged(one: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The pod, made so many seconds ago: its conditions are as old."""
    one["metadata"]["creationTimestamp"] = ago(seconds)
    one["status"]["startTime"] = ago(seconds)
    for condition in one["status"]["conditions"]:
        condition["lastTransitionTime"] = ago(seconds)
        if condition["type"] == "Ready" and condition["status"] == "False":
            condition["reason"] = "ContainersNotReady"
    return one


def member(name: str, of: str = "web-new", *, kind: str = "ReplicaSet", **more: Any) -> dict[str, Any]:
    """A pod of a workload, with an address."""
    more.setdefault("labels", {**LABELS, "pod-template-hash": of.rpartition("-")[2]})
    status = {"podIP": "10.0.0.9", **more.pop("status", {})}
    return pod(name, ownerReferences=owner(kind, of), status=status, **more)


def replica_set(name: str, replicas: int) -> dict[str, Any]:
    """A ReplicaSet of deployment/web."""
    made = {"labels": {"app": "web"}, "ownerReferences": owner("Deployment", "web")}
    return workload("ReplicaSet", name, app="web", replicas=replicas, **made)


def deployment(wanted: int = 3, *, ready: int | None = None, **status: Any) -> Items:
    """deployment/web with the ReplicaSet web-new."""
    ready = wanted if ready is None else ready
    top = workload("Deployment", "web", replicas=wanted, generation=2)
    top["status"] = {
        "observedGeneration": 2,
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
            {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"},
        ],
        **status,
    }
    below = replica_set("web-new", wanted)
    below["status"] |= {"readyReplicas": ready}
    return [top, below]


def service(name: str = "web", *, selector: Any = None, **spec: Any) -> dict[str, Any]:
    """A Service that selects app=web on port 80."""
    return {
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-svc-{name}",
            "creationTimestamp": ago(9000),
        },
        "spec": {
            "type": "ClusterIP",
            "selector": {"app": "web"} if selector is None else selector,
            "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
            **spec,
        },
    }


def slices(of: str = "web", **pods: str) -> dict[str, Any]:
    """An EndpointSlice; `web_1="ready"`, `"unready"` or `"terminating"` for pod web-1."""
    endpoints = [
        {
            "addresses": [f"10.0.0.{number}"],
            "conditions": {
                "ready": how == "ready",
                "serving": how == "ready",
                "terminating": how == "terminating",
            },
            "targetRef": {"kind": "Pod", "namespace": "shop", "name": name.replace("_", "-")},
        }
        for number, (name, how) in enumerate(pods.items())
    ]
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{of}-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": of}},
        "addressType": "IPv4",
        "endpoints": endpoints or None,
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
    }


def leaving(one: dict[str, Any], left: float = 20) -> dict[str, Any]:
    """The pod, being deleted with so many seconds of its grace period left."""
    one["metadata"] |= {"deletionTimestamp": ago(-left), "deletionGracePeriodSeconds": 30}
    return one


def rolling_update() -> Items:
    """maxSurge 1: the new pod starts and fails its readiness probe, as it must; an old one ends."""
    top, new = deployment(3, ready=3, replicas=4, updatedReplicas=1)
    new["spec"]["replicas"] = new["status"]["replicas"] = 1
    new["status"]["readyReplicas"] = 0
    old = replica_set("web-old", 3)
    fresh = aged(member("web-new-1", containers=[begun(ready=False, seconds=35)], ready=False), 40)
    fresh["spec"]["containers"][0] |= PROBE
    return [
        node(),
        top,
        new,
        old,
        fresh,
        *(member(f"web-old-{number}", "web-old", containers=[begun()]) for number in (1, 2, 3)),
        leaving(member("web-old-4", "web-old", containers=[begun(ready=False)], ready=False)),
        event(
            fresh,
            "Unhealthy",
            "Readiness probe failed: Get: connection refused",
            type_="Warning",
            at=5,
            count=3,
            first=30,
        ),
        service(),
        slices(
            web_old_1="ready",
            web_old_2="ready",
            web_old_3="ready",
            web_new_1="unready",
            web_old_4="terminating",
        ),
    ]


def rolling_update_without_surge() -> Items:
    """maxUnavailable 1, maxSurge 0: one pod fewer is ready while the update goes on."""
    top, new = deployment(3, ready=2, updatedReplicas=1)
    new["spec"]["replicas"] = 1
    new["status"] |= {"replicas": 1, "readyReplicas": 0}
    old = replica_set("web-old", 2)
    fresh = aged(
        member("web-new-1", containers=[creating()], ready=False, phase="Pending", status={"podIP": ""}), 8
    )
    stay = [member(f"web-old-{number}", "web-old", containers=[begun()]) for number in (1, 2)]
    return [node(), top, new, old, fresh, *stay, service(), slices(web_old_1="ready", web_old_2="ready")]


def recreate() -> Items:
    """Strategy Recreate with one replica: the old pod ends, the new one is not there yet."""
    top, new = deployment(1, ready=0, replicas=1)
    return [
        node(),
        top,
        new,
        replica_set("web-old", 0),
        leaving(member("web-old-1", "web-old", containers=[begun(ready=False)], ready=False)),
        service(),
        slices(web_old_1="terminating"),
    ]


def only_replica_restarted() -> Items:
    """`kubectl rollout restart` of one replica with Recreate: its pod is 25 s old."""
    fresh = aged(member("web-new-1", containers=[begun(ready=False, seconds=20)], ready=False), 25)
    fresh["spec"]["containers"][0] |= PROBE
    return [node(), *deployment(1, ready=0), fresh, service(), slices(web_new_1="unready")]


def slow_starter() -> Items:
    """A Java program without a startup probe needs 100 s until it is ready for the first time."""
    fresh = aged(member("web-new-1", containers=[begun(ready=False, seconds=90)], ready=False), 95)
    fresh["spec"]["containers"][0] |= PROBE
    others = [member(f"web-new-{number}", containers=[begun()]) for number in (2, 3)]
    said = event(
        fresh, "Unhealthy", "Readiness probe failed: connection refused", type_="Warning", at=4, count=8
    )
    return [
        node(),
        *deployment(3, ready=2),
        fresh,
        *others,
        said,
        service(),
        slices(web_new_1="unready", web_new_2="ready", web_new_3="ready"),
    ]


def just_applied() -> Items:
    """Deployment, Service and pod are seconds old."""
    items = deployment(1, ready=0)
    for one in items:
        one["metadata"]["creationTimestamp"] = ago(6)
    young = service()
    young["metadata"]["creationTimestamp"] = ago(6)
    return [
        node(),
        *items,
        young,
        aged(member("web-new-1", on="", phase="Pending", ready=False, containers=[]), 5),
    ]


def pending_for_ten_seconds() -> Items:
    """The scheduler found no room at its first try; that is ten seconds ago."""
    one = aged(pod(on="", phase="Pending", ready=False, containers=[]), 10)
    one["status"]["conditions"][0] |= {
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: "
        "1 No preemption victims found for incoming pod.",
    }
    return [node(), one]


def scaled_up() -> Items:
    """The autoscaler asked for four instead of two, twelve seconds ago."""
    fresh = [
        aged(member(f"web-new-{number}", containers=[creating()], ready=False, phase="Pending"), 12)
        for number in (3, 4)
    ]
    old = [member(f"web-new-{number}", containers=[begun()]) for number in (1, 2)]
    return [
        node(),
        *deployment(4, ready=2),
        *old,
        *fresh,
        service(),
        slices(web_new_1="ready", web_new_2="ready"),
    ]


def scaled_down() -> Items:
    """From three to one: two pods take their 30 s for preStop, failing their probes meanwhile."""
    going = [
        leaving(member(f"web-new-{number}", containers=[begun(ready=False)], ready=False))
        for number in (2, 3)
    ]
    said = [
        event(one, "Unhealthy", "Readiness probe failed: connection refused", type_="Warning", at=3)
        for one in going
    ] + [event(one, "Killing", "Stopping container app", at=10) for one in going]
    return [
        node(),
        *deployment(1),
        member("web-new-1", containers=[begun()]),
        *going,
        *said,
        service(),
        slices(web_new_1="ready", web_new_2="terminating", web_new_3="terminating"),
    ]


def scaled_to_zero() -> Items:
    """Switched off on purpose, its Service too has nothing behind it."""
    return [node(), *deployment(0), service(), slices()]


def paused() -> Items:
    """`kubectl rollout pause`, with a changed template that is not rolled out."""
    items = deployment(1, updatedReplicas=0)
    items[0]["spec"]["paused"] = True
    items[0]["status"]["conditions"][1] |= {"status": "Unknown", "reason": "DeploymentPaused"}
    return [node(), *items, member("web-new-1", containers=[begun()])]


def update_not_seen_yet() -> Items:
    """Applied a moment ago: the controller has not looked at it."""
    items = deployment(1)
    items[0]["metadata"]["generation"] = 3
    return [node(), *items, member("web-new-1", containers=[begun()])]


def job_that_needed_two_tries() -> Items:
    """The first pod failed, the second succeeded: the Job is complete."""
    job = workload("Job", "load")
    job["status"] = {"succeeded": 1, "failed": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    made = {"labels": {"job-name": "load"}, "kind": "Job"}
    return [
        node(),
        job,
        member("load-a", "load", phase="Failed", ready=False, containers=[stopped(at=900)], **made),
        member(
            "load-b",
            "load",
            phase="Succeeded",
            ready=False,
            containers=[stopped(code=0, reason="Completed")],
            **made,
        ),
    ]


def job_that_restarted_in_place() -> Items:
    """restartPolicy OnFailure: the container failed once, then ended well."""
    done = {**stopped(code=0, reason="Completed", restarts=1), "lastState": {"terminated": ended(1, at=200)}}
    job = workload("Job", "load")
    job["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    return [
        node(),
        job,
        member(
            "load-b",
            "load",
            kind="Job",
            labels={"job-name": "load"},
            phase="Succeeded",
            ready=False,
            containers=[done],
            spec={"restartPolicy": "OnFailure"},
        ),
    ]


def job_suspended() -> Items:
    """Held back by a queue."""
    job = workload("Job", "load")
    job["spec"]["suspend"] = True
    job["status"] = {"conditions": [{"type": "Suspended", "status": "True"}]}
    return [node(), job]


def cron_job_with_history() -> Items:
    """Yesterday's run failed and is kept, those since succeeded, one runs now."""
    cron = workload("CronJob", "nightly")
    cron["spec"] = {"schedule": "0 * * * *"}
    cron["status"] = {"lastSuccessfulTime": ago(1800), "lastScheduleTime": ago(30)}
    items = [node(), cron]
    for name, type_, at in (
        ("nightly-1", "Failed", 86400),
        ("nightly-2", "Complete", 1800),
        ("nightly-3", "", 30),
    ):
        job = workload("Job", name, ownerReferences=owner("CronJob", "nightly"))
        condition = {
            "type": type_,
            "status": "True",
            "reason": "BackoffLimitExceeded",
            "lastTransitionTime": ago(at),
        }
        job["status"] = {"conditions": [condition] if type_ else [], "active": 0 if type_ else 1}
        made = {"kind": "Job", "labels": {"job-name": name}}
        if type_ == "Failed":
            items.append(
                member(f"{name}-x", name, phase="Failed", ready=False, containers=[stopped(at=at)], **made)
            )
        elif not type_:
            items.append(aged(member(f"{name}-x", name, containers=[begun(seconds=20)], **made), 25))
        items.append(job)
    return items


def daemon_on_a_cordoned_node() -> Items:
    """A node is drained for maintenance; DaemonSet pods stay."""
    closed = node("n2")
    closed["spec"] = {
        "unschedulable": True,
        "taints": [{"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}],
    }
    top = workload("DaemonSet", "agent")
    top["status"] = {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberReady": 2}
    made = {"kind": "DaemonSet", "labels": {"app": "agent"}}
    return [
        node(),
        closed,
        top,
        *(member(f"agent-{on}", "agent", on=on, containers=[begun()], **made) for on in ("n1", "n2")),
    ]


def daemon_set_updating() -> Items:
    """One node at a time: the new pod is ten seconds old."""
    top = workload("DaemonSet", "agent")
    top["status"] = {
        "desiredNumberScheduled": 2,
        "currentNumberScheduled": 2,
        "numberReady": 1,
        "updatedNumberScheduled": 1,
    }
    made = {"kind": "DaemonSet", "labels": {"app": "agent"}}
    fresh = aged(
        member("agent-b", "agent", containers=[creating()], ready=False, phase="Pending", **made), 10
    )
    return [node(), top, member("agent-a", "agent", containers=[begun()], **made), fresh]


def stateful_set_on_delete() -> Items:
    """updateStrategy OnDelete: a new revision waits until somebody deletes the pods."""
    top = workload("StatefulSet", "db", replicas=2)
    top["status"] |= {
        "currentRevision": "db-1",
        "updateRevision": "db-2",
        "updatedReplicas": 0,
        "currentReplicas": 2,
    }
    made = {"kind": "StatefulSet", "labels": {"app": "db"}}
    headless = service("db", selector={"app": "db"}, clusterIP="None", ports=[])
    pods = [member(f"db-{number}", "db", containers=[begun()], **made) for number in (0, 1)]
    return [node(), top, *pods, headless, {**slices("db", db_0="ready", db_1="ready"), "ports": None}]


def stateful_set_updating() -> Items:
    """The highest ordinal ends before its successor is made."""
    top = workload("StatefulSet", "db", replicas=2)
    top["status"] |= {"readyReplicas": 1, "updatedReplicas": 0}
    made = {"kind": "StatefulSet", "labels": {"app": "db"}}
    return [
        node(),
        top,
        member("db-0", "db", containers=[begun()], **made),
        leaving(member("db-1", "db", containers=[begun(ready=False)], ready=False, **made)),
    ]


def leftovers() -> Items:
    """Old ReplicaSets kept for a rollback, a standalone one scaled to 0, an evicted pod of days ago."""
    old = [replica_set(f"web-old{number}", 0) for number in range(3)]
    alone = workload("ReplicaSet", "legacy", replicas=0)
    gone = member(
        "web-new-9",
        phase="Failed",
        ready=False,
        containers=[stopped(code=137, at=200_000)],
        status={"reason": "Evicted", "message": "The node was low on resource: memory. "},
    )
    return [
        node(),
        *deployment(1),
        *old,
        alone,
        member("web-new-1", containers=[begun()]),
        aged(gone, 300_000),
    ]


def services_without_selectors() -> Items:
    """ExternalName, endpoints kept by hand, a Service for a workload that is off."""
    outside = service("outside", selector={}, type="ExternalName", externalName="db.example.com", ports=[])
    by_hand = service("by-hand", selector={})
    return [
        node(),
        *deployment(1),
        member("web-new-1", containers=[begun()]),
        outside,
        by_hand,
        slices("by-hand", x="ready"),
        workload("Deployment", "canary", replicas=0),
        service("canary", selector={"app": "canary"}),
        slices("canary"),
    ]


def readiness_gate_just_now() -> Items:
    """The load balancer takes half a minute to register a new pod."""
    one = aged(member("web-new-1", containers=[begun(seconds=30)], ready=False), 40)
    one["spec"]["readinessGates"] = [{"conditionType": "target-health.elb.k8s.aws/web"}]
    one["status"]["conditions"] += [
        {"type": "ContainersReady", "status": "True", "lastTransitionTime": ago(28)}
    ]
    return [node(), *deployment(1, ready=0), one]


def readiness_gate_met() -> Items:
    """Registered."""
    one = member("web-new-1", containers=[begun()])
    one["spec"]["readinessGates"] = [{"conditionType": "lb"}]
    one["status"]["conditions"] += [{"type": "lb", "status": "True"}]
    return [node(), *deployment(1), one]


def restarted_days_ago() -> Items:
    """One restart, three days back."""
    last = ended(1, at=260_000)
    return [
        node(),
        *deployment(1),
        aged(member("web-new-1", containers=[begun(seconds=259_000, restarts=1, last=last)]), 600_000),
    ]


def static_pod() -> Items:
    """The mirror of a static pod: its owner is the node."""
    one = pod(
        "etcd-n1",
        ownerReferences=owner("Node", "n1"),
        containers=[begun("etcd", restarts=2, last=ended(255, at=500_000))],
        annotations={"kubernetes.io/config.source": "file"},
        spec={"tolerations": [{"operator": "Exists"}]},
    )
    return [node(), aged(one, 900_000)]


def sidecars() -> Items:
    """An init container that ended, one that keeps running, a mesh proxy among the containers."""
    one = member("web-new-1", containers=[begun(), begun("proxy")])
    one["spec"]["initContainers"] = [{"name": "migrate"}, {"name": "logs", "restartPolicy": "Always"}]
    one["status"]["initContainerStatuses"] = [
        stopped("migrate", 0, "Completed", at=6100) | {"ready": True},
        begun("logs"),
    ]
    one["status"]["conditions"].append({"type": "Initialized", "status": "True"})
    return [node(), *deployment(1), one]


def init_container_that_waited() -> Items:
    """It failed twice until the database was there, then it ended well; everything runs."""
    one = member("web-new-1", containers=[begun(seconds=300)])
    one["spec"]["initContainers"] = [{"name": "wait-for-db"}]
    done = stopped("wait-for-db", 0, "Completed", at=310, restarts=2) | {"ready": True}
    one["status"]["initContainerStatuses"] = [{**done, "lastState": {"terminated": ended(1, at=340)}}]
    one["status"]["conditions"].append({"type": "Initialized", "status": "True"})
    return [node(), *deployment(1), one]


def past_trouble_in_the_events() -> Items:
    """Everything that may go wrong before a start, overcome: events stay for an hour."""
    one = member("web-new-1", containers=[begun(seconds=1500)])
    texts = {
        "FailedScheduling": "0/1 nodes are available: 1 Insufficient cpu.",
        "FailedMount": 'MountVolume.SetUp failed for volume "cfg" : configmap "web" not found',
        "FailedAttachVolume": 'Multi-Attach error for volume "pvc-1" Volume is used by pod(s) web-old-1',
        "FailedCreatePodSandBox": 'Failed to create pod sandbox: plugin type="calico" failed (add): timeout',
        "Failed": 'Failed to pull image "shop/web:1": 429 Too Many Requests',
        "BackOff": 'Back-off pulling image "shop/web:1"',
        "Unhealthy": "Readiness probe failed: connection refused",
    }
    return [
        node(),
        *deployment(1),
        one,
        *(event(one, reason, text, type_="Warning", at=1600) for reason, text in texts.items()),
    ]


def drained_away() -> Items:
    """An API eviction during a drain, the replacement being made elsewhere."""
    going = leaving(member("web-new-1", on="n2", containers=[begun()]))
    going["status"]["conditions"].append(
        {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    )
    fresh = aged(member("web-new-2", containers=[creating()], ready=False, phase="Pending"), 6)
    closed = node("n2")
    closed["spec"] = {"unschedulable": True}
    return [node(), closed, *deployment(2, ready=1), going, fresh, member("web-new-3", containers=[begun()])]


def replaced_after_a_reboot() -> Items:
    """The kubelet refused a pod after its node's restart; the ReplicaSet made another, which runs."""
    refused = member(
        "web-new-1",
        phase="Failed",
        ready=False,
        containers=[],
        status={"reason": "NodeAffinity", "message": "Predicate NodeAffinity failed"},
    )
    ended_ = member(
        "web-new-3",
        phase="Failed",
        ready=False,
        containers=[],
        status={
            "reason": "Terminated",
            "message": "Pod was terminated in response to imminent node shutdown.",
        },
    )
    return [
        node(),
        *deployment(1),
        aged(refused, 8000),
        aged(ended_, 8000),
        member("web-new-2", containers=[begun()]),
    ]


def node_being_added() -> Items:
    """No room for a moment, and the cluster autoscaler has asked for a node a minute ago."""
    one = aged(pod(on="", phase="Pending", ready=False, containers=[]), 100)
    text = "0/1 nodes are available: 1 Insufficient cpu."
    one["status"]["conditions"][0] |= {"reason": "Unschedulable", "message": text}
    return [
        node(),
        one,
        event(one, "TriggeredScaleUp", "pod triggered scale-up: [{pool 1->2 (max: 5)}]", at=60),
    ]


def volume_being_made() -> Items:
    """WaitForFirstConsumer: the scheduler chose a node and silently waits for the disk."""
    one = aged(pod(on="", phase="Pending", ready=False, containers=[]), 90)
    one["status"]["conditions"] = []
    one["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "data",
            "namespace": "shop",
            "uid": "uid-claim",
            "creationTimestamp": ago(90),
            "annotations": {"volume.kubernetes.io/selected-node": "n1"},
        },
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Pending"},
    }
    class_ = {
        "kind": "StorageClass",
        "metadata": {"name": "fast"},
        "provisioner": "csi.example.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    return [node(), one, claim, class_]


def job_between_two_tries() -> Items:
    """The first try failed, the second runs: it may still succeed."""
    job = workload("Job", "load")
    job["status"] = {"active": 1, "failed": 1}
    made = {"kind": "Job", "labels": {"job-name": "load"}}
    return [
        node(),
        job,
        member(
            "load-a",
            "load",
            phase="Failed",
            ready=False,
            containers=[stopped(at=60)],
            spec={"restartPolicy": "Never"},
            **made,
        ),
        aged(member("load-b", "load", containers=[begun(seconds=20)], **made), 30),
    ]


def leader_election_by_readiness() -> Items:
    """Two replicas of which only the leader is ready, for hours."""
    standby = aged(member("web-new-2", containers=[begun(ready=False)], ready=False), 7000)
    standby["spec"]["containers"][0] |= PROBE
    return [
        node(),
        *deployment(2, ready=1),
        member("web-new-1", containers=[begun()]),
        standby,
        service(),
        slices(web_new_1="ready", web_new_2="unready"),
    ]


def volume_moves_with_the_pod() -> Items:
    """A rescheduled pod waits some seconds until its disk is free."""
    one = aged(member("web-new-1", containers=[creating()], ready=False, phase="Pending"), 30)
    said = 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-old-1'
    return [
        node(),
        *deployment(1, ready=0),
        one,
        event(one, "FailedAttachVolume", said, type_="Warning", at=25),
    ]


def first_mount_failed_once() -> Items:
    """The kubelet's caches were not filled yet; it tries again."""
    one = aged(member("web-new-1", containers=[creating()], ready=False, phase="Pending"), 12)
    said = (
        'MountVolume.SetUp failed for volume "kube-api-access-x" : '
        "failed to sync configmap cache: timed out waiting for the condition"
    )
    return [node(), *deployment(1, ready=0), one, event(one, "FailedMount", said, type_="Warning", at=8)]


QUIET = [
    rolling_update,
    rolling_update_without_surge,
    recreate,
    only_replica_restarted,
    slow_starter,
    just_applied,
    pending_for_ten_seconds,
    scaled_up,
    scaled_down,
    scaled_to_zero,
    paused,
    update_not_seen_yet,
    job_that_needed_two_tries,
    job_that_restarted_in_place,
    job_suspended,
    cron_job_with_history,
    daemon_on_a_cordoned_node,
    daemon_set_updating,
    stateful_set_on_delete,
    stateful_set_updating,
    leftovers,
    services_without_selectors,
    readiness_gate_just_now,
    readiness_gate_met,
    restarted_days_ago,
    static_pod,
    sidecars,
    init_container_that_waited,
    past_trouble_in_the_events,
    drained_away,
    replaced_after_a_reboot,
    first_mount_failed_once,
]
MILD = [
    node_being_added,
    volume_being_made,
    job_between_two_tries,
    leader_election_by_readiness,
    volume_moves_with_the_pod,
]


def targets(items: Items) -> list[str]:
    """The whole namespace, each workload at the top, each pod."""
    tops = [
        f"{one['kind'].lower()}/{one['metadata']['name']}"
        for one in items
        if one["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
        and not one["metadata"].get("ownerReferences")
    ]
    return ["", *tops, *(f"pod/{one['metadata']['name']}" for one in items if one["kind"] == "Pod")]


@pytest.mark.parametrize("situation", QUIET, ids=lambda one: one.__name__)
def test_ordinary_life_raises_no_alarm(situation: Callable[[], Items], examine: Examine) -> None:
    for target in targets(situation()):
        found = examine(situation(), target)
        assert not found.serious(), (
            target,
            [(one.code, one.severity, one.summary) for one in found.findings if one.code in found.serious()],
        )


def suits(guide: str, target: str) -> bool:
    """Whether the guide takes such a target."""
    kind = target.partition("/")[0]
    if guide == "services":
        return kind not in ("job", "cronjob")
    if guide in ("cluster", "node-problems"):
        return kind == ""
    return guide != "statefulsets" or kind in ("", "statefulset")


@pytest.mark.parametrize(
    "guide",
    [
        "services",
        "running-pods",
        "statefulsets",
        "init-containers",
        "termination-messages",
        "start-here",
        "cluster",
        "resource-metrics",
        "monitoring-tools",
        "node-problems",
        "windows-networking",
        "telepresence",
    ],
)
@pytest.mark.parametrize("situation", QUIET, ids=lambda one: one.__name__)
def test_ordinary_life_raises_no_alarm_in_other_guides(
    situation: Callable[[], Items], guide: str, examine: Examine
) -> None:
    for target in targets(situation()):
        if not suits(guide, target):
            continue
        found = examine(situation(), target, guide=guide)
        assert not found.serious(), (
            target,
            [(one.code, one.severity, one.summary) for one in found.findings if one.code in found.serious()],
        )


@pytest.mark.parametrize("situation", MILD, ids=lambda one: one.__name__)
def test_what_may_pass_by_itself_is_never_critical(situation: Callable[[], Items], examine: Examine) -> None:
    for target in targets(situation()):
        found = examine(situation(), target)
        critical = [(one.code, one.summary) for one in found.findings if one.severity == "critical"]
        assert not critical, (target, critical)
