"""Pods with containers in trouble, made by hand for the tests of the container steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.made_cases import ago, event, pod

TERMINATED = dict[str, Any]


def sick_pod(
    *statuses: dict[str, Any],
    name: str = "web-1",
    phase: str = "Running",
    started: float = 3000,
    containers: list[dict[str, Any]] | None = None,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    initialized: bool = True,
    **metadata: Any,
) -> dict[str, Any]:
    """A pod on node n1 that the kubelet reports as not ready; `containers` are the specifications."""
    specs = containers or [{"name": one["name"], "image": "shop/web:1"} for one in statuses]
    unready = {"status": "False", "reason": "ContainersNotReady", "lastTransitionTime": ago(started)}
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": ago(started)},
        {"type": "Initialized", "status": str(initialized), "lastTransitionTime": ago(started)},
        {"type": "Ready", **unready},
        {"type": "ContainersReady", **unready},
    ]
    return pod(
        name,
        phase=phase,
        containers=list(statuses),
        spec={"containers": specs, **(spec or {})},
        status={"startTime": ago(started), "conditions": conditions, **(status or {})},
        **metadata,
    )


def ran(
    code: int = 1, reason: str = "Error", *, at: float = 60, seconds: float = 30, message: str = ""
) -> TERMINATED:
    """state.terminated of a run of so many seconds that ended so many seconds ago."""
    return {
        "exitCode": code,
        "reason": reason,
        "message": message,
        "startedAt": ago(at + seconds),
        "finishedAt": ago(at),
    }


def never_ran(message: str, *, at: float = 60) -> TERMINATED:
    """state.terminated of a process the runtime could not start."""
    return {**ran(128, "StartError", at=at, message=message), "startedAt": "1970-01-01T00:00:00Z"}


def container(
    name: str = "app",
    *,
    waiting: tuple[str, str] | None = None,
    running: float | None = None,
    ended: TERMINATED | None = None,
    last: TERMINATED | None = None,
    restarts: int = 0,
    ready: bool = False,
    started: bool | None = None,
) -> dict[str, Any]:
    """A container status: waiting (reason, message), running since so many seconds, or ended."""
    state: dict[str, Any] = {}
    if waiting is not None:
        state["waiting"] = {"reason": waiting[0], "message": waiting[1]}
    if running is not None:
        state["running"] = {"startedAt": ago(running)}
    if ended is not None:
        state["terminated"] = ended
    return {
        "name": name,
        "ready": ready,
        "started": (running is not None) if started is None else started,
        "restartCount": restarts,
        "image": "shop/web:1",
        "state": state,
        "lastState": {"terminated": last} if last else {},
    }


def container_event(
    about: dict[str, Any], reason: str, message: str, *, name: str = "app", init: bool = False, **more: Any
) -> dict[str, Any]:
    """A kubelet event about one container of a pod."""
    more.setdefault("type_", "Warning")
    made = event(about, reason, message, **more)
    made["metadata"]["name"] += f".{name}.{abs(hash(message)) % 10**8}"
    made["involvedObject"]["fieldPath"] = f"spec.{'initContainers' if init else 'containers'}{{{name}}}"
    return made


def write_log(
    folder: Path,
    text: str,
    *,
    pod: str = "web-1",
    name: str = "app",
    previous: bool = False,
    namespace: str = "shop",
) -> None:
    """Puts a container's log, with timestamps as the API sends them, into a case folder."""
    path = folder / "logs" / namespace / pod / f"{name}{'.previous' if previous else ''}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = text.splitlines()
    stamped = [
        f"2026-11-23T11:58:{i // 1000 % 60:02d}.{i % 1000:03d}000000Z {line}" for i, line in enumerate(lines)
    ]
    path.write_text("\n".join(stamped) + ("\n" if stamped else ""))
