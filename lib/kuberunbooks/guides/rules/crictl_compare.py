"""The runtime's sandboxes and containers side by side with what the API says of the node's pods.

Static pods have another uid there than in the API: the hash of their file, which their
mirror notes. Lists cut by a filter prove no absence. Called by the crictl guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from kuberunbooks.objects import ContainerView, Pod

from .crictl_read import Seen
from .crictl_values import RuntimeContainer, Sandbox, same_id
from .thresholds import RUNTIME_LISTS_APART, RUNTIME_SETTLING

_STATIC_UID = "kubernetes.io/config.hash"


class PodIndex:
    """The pods of a node, found by the uid or by the name a runtime knows them by."""

    def __init__(self, pods: Iterable[Pod]) -> None:
        self.pods = list(pods)
        self._by_uid: dict[str, Pod] = {}
        self._by_name: dict[tuple[str, str], Pod] = {}
        for pod in self.pods:
            self._by_name[(pod.namespace, pod.name)] = pod
            for uid in (pod.uid, pod.metadata.annotations.get(_STATIC_UID, "")):
                if uid:
                    self._by_uid[uid] = pod

    def of(self, uid: str, namespace: str, name: str) -> Pod | None:
        """By uid where there is one (a pod made anew has the name of the old one), else by name."""
        if uid:
            return self._by_uid.get(uid)
        return self._by_name.get((namespace, name))

    def of_sandbox(self, one: Sandbox) -> Pod | None:
        """The pod of a sandbox."""
        return self.of(one.uid, one.namespace, one.name)


class Clocks(NamedTuple):
    """When the runtime was asked (None: nobody noted it) and when the API was, in seconds since 1970."""

    heard: float | None
    api: float

    @property
    def comparable(self) -> bool:
        """The two are near enough to be compared."""
        return self.heard is None or abs(self.api - self.heard) <= RUNTIME_LISTS_APART

    @property
    def first(self) -> float:
        """The earlier of the two: what is younger one of them cannot know."""
        return self.api if self.heard is None else min(self.api, self.heard)


def clocks(seen: Seen[Any], now: datetime) -> Clocks:
    """The times to compare a list of the runtime by."""
    return Clocks(seen.at.timestamp() if seen.at is not None else None, now.timestamp())


def covers(seen: Seen[list[Sandbox]], running: Sequence[Pod], index: PodIndex) -> bool:
    """Whether a list of sandboxes is all there is: by its words, else when most running pods are in it."""
    if seen.whole is not None:
        return seen.whole
    known = {pod.key for one in seen.value if (pod := index.of_sandbox(one)) is not None}
    return bool(running) and sum(pod.key in known for pod in running) * 2 >= len(running)


def newest_attempts(sandboxes: Iterable[Sandbox]) -> dict[tuple[str, str, str], Sandbox]:
    """Of each pod its newest sandbox, by (uid, namespace, name)."""
    newest: dict[tuple[str, str, str], Sandbox] = {}
    for one in sandboxes:
        key = (one.uid, one.namespace, one.name)
        if key not in newest or one.attempt >= newest[key].attempt:
            newest[key] = one
    return newest


def is_settled(pod: Pod, at: float) -> bool:
    """Whether its containers have run for a while at that time, so that the runtime must know them."""
    starts = [
        view.status.state.running.started_at for view in pod.containers("app") if view.status.state.running
    ]
    started = pod.status.start_time
    known = [one.timestamp() for one in (started, *starts) if one is not None]
    return bool(known) and at - max(known) > RUNTIME_SETTLING


def expects_sandbox(pod: Pod) -> bool:
    """Whether the API says that it runs here now, and not that it is going."""
    return (
        pod.phase == "Running"
        and pod.metadata.deletion_timestamp is None
        and any(view.status.state.running is not None for view in pod.containers("app"))
    )


class Difference(NamedTuple):
    """A container of which API and runtime say different things; `likely`: it may just have changed."""

    pod: Pod
    view: ContainerView
    container: RuntimeContainer
    says: str
    likely: bool


def differences(index: PodIndex, seen: Seen[list[RuntimeContainer]], times: Clocks) -> Iterator[Difference]:
    """Containers the API calls running and the runtime exited, and the other way round, by their id."""
    for pod in index.pods:
        if pod.metadata.deletion_timestamp is not None:
            continue
        for view in pod.containers():
            container = container_of(view.status.container_id, seen.value)
            if container is None:
                continue
            state = view.status.state
            if state.running is not None and container.state == "exited":
                # It had not ended when the API was asked, unless the API was asked long after the runtime.
                later = times.heard is not None and times.api - times.heard > RUNTIME_SETTLING
                yield Difference(pod, view, container, "running", not later)
            elif state.running is None and container.state == "running":
                ended = state.terminated.finished_at if state.terminated is not None else None
                if ended is None or times.heard is None:
                    continue
                if times.heard - ended.timestamp() > RUNTIME_SETTLING:
                    yield Difference(pod, view, container, "ended", False)


def container_of(id_: str, containers: Iterable[RuntimeContainer]) -> RuntimeContainer | None:
    """The container an id of the API (`containerd://…`) means."""
    return next((one for one in containers if id_ and same_id(id_, one.id)), None)
