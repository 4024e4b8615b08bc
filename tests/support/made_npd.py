"""Node problem detector as the API server holds it: made, not recorded.

In the form of the project's own manifests (deployment/node-problem-detector.yaml) and of the
configuration files of its config/ folder; conditions and events as it writes them.
"""

from __future__ import annotations

import json
from typing import Any

from tests.support.made_cases import ago, node, pod, running

PLACE = "kube-system"
NAME = "node-problem-detector"
CONFIG = "node-problem-detector-config"
IMAGE = "registry.k8s.io/node-problem-detector/node-problem-detector:v0.8.19"
KERNEL_CONDITIONS = {
    "KernelDeadlock": ("KernelHasNoDeadlock", "kernel has no deadlock"),
    "XfsShutdown": ("XfsHasNotShutDown", "XFS has not shutdown"),
}
OOM = r"Killed process \d+ (.+) total-vm:\d+kB, anon-rss:\d+kB, file-rss:\d+kB.*"
DOCKER_HUNG = r"task docker:\w+ blocked for more than \w+ seconds\."


def kernel_monitor(**changes: Any) -> dict[str, Any]:
    """kernel-monitor.json, short; `changes` replace keys, None takes one away."""
    config: dict[str, Any] = {
        "plugin": "kmsg",
        "logPath": "/dev/kmsg",
        "lookback": "5m",
        "bufferSize": 10,
        "source": "kernel-monitor",
        "metricsReporting": True,
        "conditions": [
            {"type": type_, "reason": reason, "message": message}
            for type_, (reason, message) in KERNEL_CONDITIONS.items()
        ],
        "rules": [
            {"type": "temporary", "reason": "OOMKilling", "pattern": OOM},
            {
                "type": "permanent",
                "condition": "KernelDeadlock",
                "reason": "DockerHung",
                "pattern": DOCKER_HUNG,
            },
        ],
    } | changes
    return {key: value for key, value in config.items() if value is not None}


def custom_plugin(**changes: Any) -> dict[str, Any]:
    """custom-plugin-monitor.json."""
    config: dict[str, Any] = {
        "plugin": "custom",
        "pluginConfig": {
            "invoke_interval": "30s",
            "timeout": "5s",
            "max_output_length": 80,
            "concurrency": 3,
        },
        "source": "ntp-custom-plugin-monitor",
        "conditions": [{"type": "NTPProblem", "reason": "NTPIsUp", "message": "ntp service is up"}],
        "rules": [
            {
                "type": "permanent",
                "condition": "NTPProblem",
                "reason": "NTPIsDown",
                "path": "/config/check_ntp.sh",
                "timeout": "3s",
            }
        ],
    } | changes
    return {key: value for key, value in config.items() if value is not None}


def config_map(
    files: dict[str, dict[str, Any] | str] | None = None, *, name: str = CONFIG, written: float = 7000
) -> dict[str, Any]:
    """The ConfigMap of the configuration, last written so many seconds ago."""
    held = {"kernel-monitor.json": kernel_monitor()} if files is None else files
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "namespace": PLACE,
            "uid": f"uid-{name}",
            "creationTimestamp": ago(7200),
            "managedFields": [{"manager": "kubectl-client-side-apply", "time": ago(written)}],
        },
        "data": {key: one if isinstance(one, str) else json.dumps(one) for key, one in held.items()},
    }


def daemon_set(
    nodes: int = 1,
    *,
    ready: int | None = None,
    image: str = IMAGE,
    files: str = "/config/kernel-monitor.json",
    flags: tuple[str, ...] = (),
    spec: dict[str, Any] | None = None,
    container: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    config: str = CONFIG,
) -> dict[str, Any]:
    """The DaemonSet, wanted on so many nodes, ready on all of them unless said otherwise."""
    one = {
        "name": NAME,
        "image": image,
        "command": [f"/{NAME}", "--logtostderr", f"--config.system-log-monitor={files}", *flags],
        "resources": {
            "limits": {"cpu": "10m", "memory": "80Mi"},
            "requests": {"cpu": "10m", "memory": "80Mi"},
        },
        "securityContext": {"privileged": True},
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "volumeMounts": [
            {"name": "log", "mountPath": "/var/log", "readOnly": True},
            {"name": "kmsg", "mountPath": "/dev/kmsg", "readOnly": True},
            {"name": "config", "mountPath": "/config", "readOnly": True},
        ],
    } | (container or {})
    template = {
        "containers": [one],
        "volumes": [
            {"name": "log", "hostPath": {"path": "/var/log/"}},
            {"name": "kmsg", "hostPath": {"path": "/dev/kmsg"}},
            {"name": "config", "configMap": {"name": config}},
        ],
        "tolerations": [{"operator": "Exists"}],
    } | (spec or {})
    status = {
        "desiredNumberScheduled": nodes,
        "currentNumberScheduled": nodes,
        "updatedNumberScheduled": nodes,
        "numberReady": nodes if ready is None else ready,
    }
    return {
        "kind": "DaemonSet",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": NAME,
            "namespace": PLACE,
            "uid": f"uid-{NAME}",
            "creationTimestamp": ago(7200),
            "labels": {"app": NAME, **(labels or {})},
        },
        "spec": {
            "selector": {"matchLabels": {"app": NAME}},
            "template": {"metadata": {"labels": {"app": NAME}}, "spec": template},
        },
        "status": status,
    }


def detector(on: str = "n1", *, began: float = 3600, **more: Any) -> dict[str, Any]:
    """Its pod on a node, whose container began so many seconds ago."""
    status = running(NAME, ready=more.get("ready", True))
    status["state"] = {"running": {"startedAt": ago(began)}}
    more.setdefault("containers", [status])
    made = pod(f"npd-{on}", PLACE, on=on, labels={"app": NAME}, **more)
    made["metadata"]["ownerReferences"] = [
        {"kind": "DaemonSet", "name": NAME, "uid": f"uid-{NAME}", "controller": True}
    ]
    return made


def condition(
    type_: str,
    status: str = "False",
    reason: str = "",
    message: str = "",
    *,
    since: float = 3000,
    beat: float = 60,
) -> dict[str, Any]:
    """A node's condition that turned, and was last renewed, so many seconds ago."""
    usual = KERNEL_CONDITIONS.get(type_, (f"No{type_}", "fine"))
    return {
        "type": type_,
        "status": status,
        "reason": reason or usual[0],
        "message": message or usual[1],
        "lastTransitionTime": ago(since),
        "lastHeartbeatTime": ago(beat),
    }


def watched(name: str = "n1", *conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A node that has these conditions, and those of the kernel monitor as they are when all is well."""
    made = node(name, **more)
    given = {one["type"] for one in conditions}
    made["status"]["conditions"] += [
        *conditions,
        *(condition(type_) for type_ in KERNEL_CONDITIONS if type_ not in given),
    ]
    made["status"]["nodeInfo"] = {"operatingSystem": "linux"}
    return made


def problem(
    on: str, reason: str, message: str, *, source: str = "kernel-monitor", at: float = 300, count: int = 1
) -> dict[str, Any]:
    """An event it writes: about the node by name, in namespace default, by the monitor's source."""
    return {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {
            "name": f"{on}.{reason}.{at}",
            "namespace": "default",
            "uid": f"uid-{on}-{reason}-{at}",
            "creationTimestamp": ago(at),
        },
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": on, "uid": on},
        "reason": reason,
        "message": message,
        "source": {"component": source, "host": on},
        "firstTimestamp": ago(at),
        "lastTimestamp": ago(at),
        "count": count,
        "type": "Warning",
    }


def well() -> list[dict[str, Any]]:
    """One node with a detector that works, and its configuration."""
    return [watched(), daemon_set(), config_map(), detector()]


LOG = """\
[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)
[ 7201.100000] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=936
[ 7201.200000] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=cri-containerd-3f.scope,\
mems_allowed=0,oom_memcg=/kubepods.slice/kubepods-burstable-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice,\
task_memcg=/kubepods.slice/kubepods-burstable-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice/\
cri-containerd-3f.scope,task=java,pid=4242,uid=1000
[ 7201.300000] Memory cgroup out of memory: Killed process 4242 (java) total-vm:927385kB, anon-rss:52428kB, \
file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:1400kB oom_score_adj:936
[ 7260.000000] INFO: task jbd2/sda1-8:512 blocked for more than 120 seconds.
[ 7261.000000] eth0: link up
"""
"""A kernel log as dmesg prints it: a kill at a container's limit, then a task that hangs."""
