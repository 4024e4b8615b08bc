"""IC-02: the state of every init container, in the order in which they run.

What `kubectl describe pod` and `status.initContainerStatuses` hold, side by side. Of
pods of one workload that look alike one is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Note, Table
from kuberunbooks.objects import Container, ContainerStatus, Pod, Terminated, human_duration

from ..pods.target import Pods
from ..step import Yielded, step
from .resolve import say_if_idle

_MOST_TABLES = 8
_COLUMNS = ("#", "NAME", "KIND", "STATE", "SINCE", "LAST END", "RESTARTS", "READY", "STARTED")


@step("IC-02", title="What is the state of every init container?")
def states(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """State, last end, restarts and readiness of each init container, in the order in which they run."""
    yield from say_if_idle(target)
    fine = {id(pod) for pod in target.fine}
    examples: dict[tuple[str, ...], Pod] = {}
    for pod in [*(pod for pod in target.pods if id(pod) not in fine), *target.fine]:
        examples.setdefault(_look(pod, target), pod)
    for pod in list(examples.values())[:_MOST_TABLES]:
        yield _table(pod, target, cluster.now)
    left = len(target.pods) - min(len(examples), _MOST_TABLES)
    if left:
        yield Note(
            text=f"{left} more {'pods are' if left > 1 else 'pod is'} not shown: of pods of one workload in "
            f"the same state one stands for all, and at most {_MOST_TABLES} tables are made, the sick first."
        )


def _look(pod: Pod, target: Pods) -> tuple[str, ...]:
    """Equal for pods of one workload whose init containers are in the same states."""
    said = (_state(one) for one in pod.status.init_container_statuses)
    return (pod.namespace, target.owner_name(pod) or pod.name, *said)


def _table(pod: Pod, target: Pods, now: datetime) -> Table:
    reported = {one.name: one for one in pod.status.init_container_statuses}
    return Table(
        caption=f"Init containers of {target.label_of(pod)}, in the order in which they run",
        columns=[Column(name=name, numeric=name in ("#", "RESTARTS")) for name in _COLUMNS],
        rows=[
            _row(place, one, reported.get(one.name), now)
            for place, one in enumerate(pod.spec.init_containers, start=1)
        ],
    )


def _row(place: int, asked: Container, status: ContainerStatus | None, now: datetime) -> list[str]:
    kind = "sidecar" if asked.is_sidecar else "init"
    if status is None:
        return [str(place), asked.name, kind, "not reported yet", "", "", "", "", ""]
    running, ended = status.state.running, status.state.terminated
    since = running.started_at if running else ended.finished_at if ended else None
    return [
        str(place),
        asked.name,
        kind,
        _state(status),
        _moment(since, now),
        _end(status.last_state.terminated, now),
        str(status.restart_count),
        "yes" if status.ready else "no",
        _started(status) if asked.is_sidecar else "",
    ]


def _started(status: ContainerStatus) -> str:
    return "" if status.started is None else "yes" if status.started else "no"


def _state(status: ContainerStatus) -> str:
    state = status.state
    if state.running is not None:
        return "running"
    if state.terminated is not None:
        return f"ended: {_how(state.terminated)}"
    return f"waiting: {state.waiting.reason}" if state.waiting and state.waiting.reason else "waiting"


def _end(end: Terminated | None, now: datetime) -> str:
    return f"{_how(end)}, {_moment(end.finished_at, now)}" if end is not None else "none"


def _how(end: Terminated) -> str:
    return f"exit code {end.exit_code} ({end.reason})" if end.reason else f"exit code {end.exit_code}"


def _moment(time: datetime | None, now: datetime) -> str:
    if time is None:
        return ""
    form = "%H:%M:%S" if time.date() == now.date() else "%Y-%m-%d %H:%M:%S"
    return f"{time:{form}} UTC ({human_duration((now - time).total_seconds())} ago)"
