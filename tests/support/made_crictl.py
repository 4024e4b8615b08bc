"""What crictl prints, made and not recorded: in the form of crictl 1.36 with containerd 2.

The JSON is that of the CRI's protobuf messages (64-bit numbers as text, times in
nanoseconds); tables have the headings and widths of cri-tools.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .made_cases import NOW, ago

DIGEST = "sha256:" + "ab" * 32
IMAGE_ID = "sha256:" + "cd" * 32


def identifier(text: str) -> str:
    """An id of 64 hexadecimal digits, the same for the same text."""
    return (text.encode().hex() * 8)[:64].rjust(64, "0")


def nanoseconds(seconds_ago: float) -> str:
    """A time before NOW as lists have it."""
    return str(int((NOW - timedelta(seconds=seconds_ago)).timestamp() * 1e9))


def sandbox(
    pod: dict[str, Any],
    *,
    ready: bool = True,
    attempt: int = 0,
    created: float = 7000,
    uid: str = "",
    labelled: bool = True,
) -> dict[str, Any]:
    """items[] of `crictl pods -o json`."""
    meta = pod["metadata"]
    uid = uid or meta["uid"]
    labels = {
        "io.kubernetes.pod.name": meta["name"],
        "io.kubernetes.pod.namespace": meta["namespace"],
        "io.kubernetes.pod.uid": uid,
    }
    return {
        "id": identifier(f"box{meta['name']}{attempt}"),
        "metadata": {"name": meta["name"], "uid": uid, "namespace": meta["namespace"], "attempt": attempt},
        "state": "SANDBOX_READY" if ready else "SANDBOX_NOTREADY",
        "createdAt": nanoseconds(created),
        "labels": labels if labelled else {},
        "annotations": {"kubernetes.io/config.source": "api"},
        "runtimeHandler": "",
    }


def container(
    pod: dict[str, Any],
    name: str = "app",
    *,
    state: str = "RUNNING",
    attempt: int = 0,
    created: float = 6900,
    image: str = IMAGE_ID,
    box: str = "",
) -> dict[str, Any]:
    """containers[] of `crictl ps -a -o json`."""
    meta = pod["metadata"]
    return {
        "id": container_id(pod, name, attempt),
        "podSandboxId": box or identifier(f"box{meta['name']}0"),
        "metadata": {"name": name, "attempt": attempt},
        "image": {"image": image, "annotations": {}, "userSpecifiedImage": "", "runtimeHandler": ""},
        "imageRef": image,
        "state": f"CONTAINER_{state}",
        "createdAt": nanoseconds(created),
        "labels": {
            "io.kubernetes.container.name": name,
            "io.kubernetes.pod.name": meta["name"],
            "io.kubernetes.pod.namespace": meta["namespace"],
            "io.kubernetes.pod.uid": meta["uid"],
        },
        "annotations": {"io.kubernetes.container.restartCount": str(attempt)},
        "imageId": image,
    }


def container_id(pod: dict[str, Any], name: str = "app", attempt: int = 0) -> str:
    """The id this container has in the runtime; the API has it behind `containerd://`."""
    return identifier(f"{name}{attempt}{pod['metadata']['name']}")


def image(
    tag: str = "docker.io/shop/web:1",
    *,
    id_: str = IMAGE_ID,
    digest: str = DIGEST,
    size: int = 60_000_000,
    pinned: bool = False,
) -> dict[str, Any]:
    """images[] of `crictl images -o json`."""
    return {
        "id": id_,
        "repoTags": [tag] if tag else [],
        "repoDigests": [f"{tag.rpartition(':')[0]}@{digest}"] if digest else [],
        "size": str(size),
        "uid": None,
        "username": "",
        "spec": None,
        "pinned": pinned,
    }


def info(*, ready: bool = True, network: bool = True, message: str = "", deprecated: str = "") -> str:
    """`crictl info --quiet`."""
    conditions = [
        {"type": "RuntimeReady", "status": ready, "reason": "", "message": "" if ready else message},
        {
            "type": "NetworkReady",
            "status": network,
            "reason": "" if network else "NetworkPluginNotReady",
            "message": "" if network else message,
        },
        {
            "type": "ContainerdHasNoDeprecationWarnings",
            "status": not deprecated,
            "reason": "ContainerdHasDeprecationWarnings" if deprecated else "",
            "message": deprecated,
        },
    ]
    return json.dumps({"status": {"conditions": conditions}}, indent=2)


def image_fs(used: int) -> str:
    """`crictl imagefsinfo`, as crictl prints it since 1.29."""
    system = {
        "timestamp": nanoseconds(10),
        "fsId": {"mountpoint": "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs"},
        "usedBytes": {"value": str(used)},
        "inodesUsed": {"value": "38517"},
    }
    return json.dumps({"status": {"imageFilesystems": [system], "containerFilesystems": [system]}}, indent=2)


def inspected(
    pod: dict[str, Any], name: str = "app", *, attempt: int = 0, code: int = 1, reason: str = "Error"
) -> str:
    """`crictl inspect --quiet` of a container that ended a minute ago."""
    status = {
        "id": container_id(pod, name, attempt),
        "metadata": {"attempt": attempt, "name": name},
        "state": "CONTAINER_EXITED",
        "createdAt": ago(130),
        "startedAt": ago(120),
        "finishedAt": ago(60).replace("Z", ".123456789Z"),
        "exitCode": code,
        "reason": reason,
        "message": "",
    }
    return json.dumps({"status": status}, indent=2)


def use(pod: dict[str, Any], name: str = "app", *, memory: int, disk: int) -> dict[str, Any]:
    """stats[] of `crictl stats -o json`."""
    return {
        "attributes": {
            "id": container_id(pod, name),
            "metadata": {"name": name, "attempt": 0},
            "labels": {
                "io.kubernetes.pod.name": pod["metadata"]["name"],
                "io.kubernetes.pod.namespace": pod["metadata"]["namespace"],
            },
            "annotations": {},
        },
        "cpu": {
            "timestamp": nanoseconds(1),
            "usageCoreNanoSeconds": {"value": "1000000000"},
            "usageNanoCores": {"value": "25000000"},
        },
        "memory": {"timestamp": nanoseconds(1), "workingSetBytes": {"value": str(memory)}},
        "writableLayer": {"timestamp": nanoseconds(1), "usedBytes": {"value": str(disk)}, "inodesUsed": None},
    }


VERSION = "Version:  0.1.0\nRuntimeName:  containerd\nRuntimeVersion:  v2.1.3\nRuntimeApiVersion:  v1\n"
CONFIG = """runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
timeout: 10
debug: false
"""


class Outputs:
    """A folder of transcripts, as a case or the parameter `transcripts` holds them."""

    def __init__(self, folder: Path, node: str = "n1", at: datetime | None = NOW) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._node = node
        self._at = at.strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else None
        self._count = 0

    def add(
        self, command: str, stdout: str = "", *, stderr: str = "", code: int = 0, node: str = ""
    ) -> Outputs:
        """One command, as words separated by blanks."""
        self._count += 1
        made = {
            "target": {"kind": "node", "node": node or self._node},
            "argv": command.split(),
            "stdout": stdout,
            "stderr": stderr,
            "exit_code": code,
            "at": self._at,
        }
        (self.folder / f"{self._count:03}.json").write_text(json.dumps(made))
        return self

    def pods(
        self, items: Iterable[dict[str, Any]], command: str = "crictl pods -o json", **more: str
    ) -> Outputs:
        """`crictl pods -o json`."""
        return self.add(command, json.dumps({"items": list(items)}, indent=2), **more)

    def ps(self, items: Iterable[dict[str, Any]], command: str = "crictl ps -a -o json") -> Outputs:
        """`crictl ps -a -o json`."""
        return self.add(command, json.dumps({"containers": list(items)}, indent=2))

    def images(self, items: Iterable[dict[str, Any]], node: str = "") -> Outputs:
        """`crictl images -o json`."""
        return self.add("crictl images -o json", json.dumps({"images": list(items)}, indent=2), node=node)
