"""What a container runtime says of itself, as crictl prints it: sandboxes, containers, images, its state.

Plain data, read by `crictl_json` and `crictl_tables`, compared by `crictl_compare`. Called
by the crictl guide.
"""

from __future__ import annotations

from typing import NamedTuple

SHORT_ID = 13
"""Characters of an id in crictl's tables (getTruncatedID of cri-tools)."""

_UID_LABEL = "io.kubernetes.pod.uid"


class Sandbox(NamedTuple):
    """A pod sandbox; `created` is in seconds since 1970, None where only a table said `2 days ago`.

    `uid` is empty in a table. `labelled` is False when it was not the kubelet who made it: then
    the kubelet's labels are missing. In a table that cannot be seen.
    """

    id: str
    ready: bool
    name: str
    namespace: str
    uid: str = ""
    attempt: int = 0
    created: float | None = None
    labelled: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, name) of its pod."""
        return (self.namespace, self.name)


class RuntimeContainer(NamedTuple):
    """A container; `state` is running, exited, created or unknown; `image` the image's id or name."""

    id: str
    sandbox: str
    name: str
    state: str
    attempt: int = 0
    image: str = ""
    created: float | None = None
    pod_uid: str = ""
    pod: str = ""
    namespace: str = ""


class RuntimeImage(NamedTuple):
    """An image; `size` in bytes as the runtime counts it: containerd packed, CRI-O unpacked."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0
    pinned: bool = False

    @property
    def text(self) -> str:
        """Its first tag, else its first digest, else its id."""
        return next(iter((*self.tags, *self.digests)), self.id)


class ImageFs(NamedTuple):
    """The file system images are in: what images use of it, in bytes and inodes."""

    mountpoint: str
    used: int
    inodes: int = 0


class RuntimeCondition(NamedTuple):
    """A condition of `crictl info`."""

    type: str
    status: bool
    reason: str = ""
    message: str = ""


class RuntimeInfo(NamedTuple):
    """`crictl info`: its conditions, and what came of reading the network's configuration last."""

    conditions: tuple[RuntimeCondition, ...]
    network_load: str = ""


class RuntimeVersion(NamedTuple):
    """`crictl version`: the runtime's name and version."""

    name: str
    version: str


class ContainerUse(NamedTuple):
    """What a container uses: memory (working set) and its writable layer, in bytes; cpu in cores, if said."""

    id: str
    name: str
    pod: str
    namespace: str
    memory: int
    disk: int
    cpu: float | None = None


class Inspection(NamedTuple):
    """`crictl inspect`: how a container ended; times in seconds since 1970, None when they are not set."""

    id: str
    name: str
    state: str
    exit_code: int
    reason: str
    message: str
    finished: float | None


def same_id(one: str, other: str) -> bool:
    """Whether two ids mean the same; tables cut them, and some have `sha256:` or `containerd://` before."""
    first, second = (text.rpartition(":")[2].lstrip("/") for text in (one, other))
    if len(first) < SHORT_ID or len(second) < SHORT_ID:
        return False
    return first.startswith(second) or second.startswith(first)


def is_labelled(labels: dict[str, str]) -> bool:
    """Whether the kubelet made it."""
    return bool(labels.get(_UID_LABEL))


def pod_uid(labels: dict[str, str]) -> str:
    """The uid of the pod it belongs to, as the kubelet noted it: of a static pod the hash of its file."""
    return labels.get(_UID_LABEL, "")
