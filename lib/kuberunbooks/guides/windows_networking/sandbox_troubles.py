"""What keeps Windows pods from getting a sandbox, by their newest events; worked out once a run.

Called by the steps about sandboxes and flannel, and to leave out what the pods guide's
steps would say of the same pods.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import Event, Pod

from ..pods.containers import pod_case
from ..rules.patterns import RX_SANDBOX_IMG
from ..rules.settling import is_starting
from ..rules.superseded import started_since
from ..rules.thresholds import CREATING_GRACE, REPEATED_WARNINGS
from ..rules.windows_builds import RX_WIN_OS
from ..rules.windows_flannel import RX_FLANNEL_ENV
from .lost_nodes import lost_nodes
from .target import WindowsNetworking

Kind = Literal["system", "image", "flannel", "other", "changed"]
_MEMO = "sandbox troubles"


class SandboxTrouble(NamedTuple):
    """A pod without a sandbox. `kind` is what its newest event says: the pause image does not fit the
    node (system) or cannot be had (image), flannel has no subnet, something else, or the sandbox goes
    again and again (changed). `starting`: the pod is so young that it may pass.
    """

    pod: Pod
    event: Event
    kind: Kind
    image: str
    starting: bool


def sandbox_troubles(target: WindowsNetworking, cluster: Cluster) -> list[SandboxTrouble]:
    """Those of the pods for Windows, on nodes that report."""
    found: list[SandboxTrouble] | None = target.memo.get(_MEMO)
    if found is None:
        target.memo[_MEMO] = found = list(_find(target, cluster))
    return found


def _find(target: WindowsNetworking, cluster: Cluster) -> Iterator[SandboxTrouble]:
    lost = lost_nodes(target)
    for pod in target.windows.suspects:
        if (
            not pod.spec.node_name
            or pod.spec.node_name in lost
            or pod.is_terminal
            or pod.metadata.deletion_timestamp
        ):
            continue
        events = pod_case(pod, target.windows, cluster).events
        failed = _newest(events, "FailedCreatePodSandBox")
        changed = _newest(events, "SandboxChanged")
        if failed is not None and not started_since(pod, failed):
            yield from _judged(pod, failed, cluster)
        elif (
            changed is not None
            and changed.occurrences >= REPEATED_WARNINGS
            and not pod.is_ready
            and not started_since(pod, changed)
        ):
            yield SandboxTrouble(pod, changed, "changed", "", is_starting(pod, cluster.now))


def _newest(events: list[Event], reason: str) -> Event | None:
    return next((event for event in reversed(events) if event.reason == reason), None)


def _judged(pod: Pod, event: Event, cluster: Cluster) -> Iterator[SandboxTrouble]:
    starting = is_starting(pod, cluster.now)
    image = RX_SANDBOX_IMG.search(event.text)
    if RX_FLANNEL_ENV.search(event.text):
        yield SandboxTrouble(pod, event, "flannel", "", starting)
    elif RX_WIN_OS.search(event.text):
        yield SandboxTrouble(pod, event, "system", image["img"] if image else "", starting)
    elif image is not None:
        yield SandboxTrouble(pod, event, "image", image["img"], starting)
    elif pod.age(cluster.now) >= CREATING_GRACE:
        yield SandboxTrouble(pod, event, "other", "", starting)
