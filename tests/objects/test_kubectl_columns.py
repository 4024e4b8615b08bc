"""STATUS, READY, RESTARTS and AGE are what `kubectl get pods` prints, in all cases the server tells apart."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from kuberunbooks.cluster.decode import decode_item
from kuberunbooks.objects import Pod, human_duration
from tests.support.made_cases import NOW, ago, ended


def view(
    *,
    apps: list[dict[str, Any]] | None = None,
    inits: list[dict[str, Any]] | None = None,
    sidecars: tuple[str, ...] = (),
    conditions: dict[str, str] | None = None,
    reasons: dict[str, str] | None = None,
    phase: str = "Running",
    reason: str = "",
    deleted: bool = False,
) -> Pod:
    """A pod whose containers have these statuses; `sidecars` are init containers that keep running."""
    apps, inits = apps or [], inits or []
    document = {
        "metadata": {"name": "p", **({"deletionTimestamp": ago(5)} if deleted else {})},
        "spec": {
            "containers": [{"name": one["name"]} for one in apps],
            "initContainers": [
                {"name": one["name"], **({"restartPolicy": "Always"} if one["name"] in sidecars else {})}
                for one in inits
            ],
        },
        "status": {
            "phase": phase,
            "reason": reason,
            "conditions": [
                {"type": type_, "status": status, "reason": (reasons or {}).get(type_, "")}
                for type_, status in (conditions or {}).items()
            ],
            "containerStatuses": apps,
            "initContainerStatuses": inits,
        },
    }
    pod, lost = decode_item(Pod, json.dumps(document).encode(), "api/v1/namespaces/shop/pods/p")
    assert not lost
    return pod


def up(name: str = "app", *, ready: bool = True, restarts: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": {"running": {}}, **more}


def waits(name: str, reason: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "ready": False, "state": {"waiting": {"reason": reason}}, **more}


def over(name: str, code: int, reason: str = "", signal: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "ready": False,
        "state": {"terminated": {"exitCode": code, "reason": reason, "signal": signal}},
        **more,
    }


CASES: list[tuple[str, Pod, str, str]] = [
    ("not scheduled", view(phase="Pending"), "Pending", "0/0"),
    (
        "held by a gate",
        view(
            phase="Pending", conditions={"PodScheduled": "False"}, reasons={"PodScheduled": "SchedulingGated"}
        ),
        "SchedulingGated",
        "0/0",
    ),
    ("running", view(apps=[up()]), "Running", "1/1"),
    ("running, not ready", view(apps=[up(ready=False)]), "Running", "0/1"),
    (
        "being created",
        view(phase="Pending", apps=[waits("app", "ContainerCreating")]),
        "ContainerCreating",
        "0/1",
    ),
    ("crash loop", view(apps=[waits("app", "CrashLoopBackOff")]), "CrashLoopBackOff", "0/1"),
    (
        "the first container listed decides",
        view(apps=[waits("a", "ErrImagePull"), waits("b", "CrashLoopBackOff")]),
        "ErrImagePull",
        "0/2",
    ),
    ("ended with a reason", view(apps=[over("app", 1, "Error")]), "Error", "0/1"),
    ("killed for memory", view(apps=[over("app", 137, "OOMKilled")]), "OOMKilled", "0/1"),
    ("ended without a reason", view(apps=[over("app", 3)]), "ExitCode:3", "0/1"),
    ("ended by a signal", view(apps=[over("app", 137, signal=9)]), "Signal:9", "0/1"),
    (
        "one completed, the other runs and the pod is ready",
        view(apps=[over("a", 0, "Completed"), up("b")], conditions={"Ready": "True"}),
        "Running",
        "1/2",
    ),
    (
        "one completed, the other runs and the pod is not ready",
        view(apps=[over("a", 0, "Completed"), up("b")], conditions={"Ready": "False"}),
        "NotReady",
        "1/2",
    ),
    ("completed", view(phase="Succeeded", apps=[over("a", 0, "Completed")]), "Completed", "0/1"),
    ("evicted", view(phase="Failed", reason="Evicted"), "Evicted", "0/0"),
    (
        "evicted, a container tells its end",
        view(phase="Failed", reason="Evicted", apps=[over("a", 137, "Error")]),
        "Error",
        "0/1",
    ),
    (
        "first of two init containers runs",
        view(inits=[up("i"), waits("j", "")], apps=[waits("a", "PodInitializing")]),
        "Init:0/2",
        "0/1",
    ),
    (
        "second waits its turn",
        view(inits=[over("i", 0), waits("j", "PodInitializing")], apps=[waits("a", "PodInitializing")]),
        "Init:1/2",
        "0/1",
    ),
    ("init failed with a reason", view(inits=[over("i", 1, "Error")]), "Init:Error", "0/0"),
    ("init failed without a reason", view(inits=[over("i", 4)]), "Init:ExitCode:4", "0/0"),
    ("init killed by a signal", view(inits=[over("i", 137, signal=9)]), "Init:Signal:9", "0/0"),
    ("init in back-off", view(inits=[waits("i", "CrashLoopBackOff")]), "Init:CrashLoopBackOff", "0/0"),
    (
        "a started sidecar counts as ready and is no waiting init container",
        view(inits=[up("side", started=True)], sidecars=("side",), apps=[up()]),
        "Running",
        "2/2",
    ),
    (
        "a sidecar that has not started holds the pod",
        view(
            inits=[up("side", started=False, ready=False)],
            sidecars=("side",),
            apps=[waits("a", "PodInitializing")],
        ),
        "Init:0/1",
        "0/2",
    ),
    (
        "a sidecar that fails later does not hide the app",
        view(
            inits=[waits("side", "CrashLoopBackOff")],
            sidecars=("side",),
            apps=[up()],
            conditions={"Initialized": "True"},
        ),
        "Init:CrashLoopBackOff",
        "1/2",
    ),
    ("being deleted", view(apps=[up()], deleted=True), "Terminating", "1/1"),
    (
        "being deleted and over",
        view(apps=[over("a", 1, "Error")], phase="Failed", deleted=True),
        "Error",
        "0/1",
    ),
    (
        "lost with its node, old control planes",
        view(apps=[up()], reason="NodeLost", deleted=True),
        "Unknown",
        "1/1",
    ),
    ("a reason of the future", view(apps=[waits("app", "NobodyKnowsThis")]), "NobodyKnowsThis", "0/1"),
]


@pytest.mark.parametrize(
    ("pod", "status", "ready"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_status_and_ready(pod: Pod, status: str, ready: str) -> None:
    assert (pod.status_text, pod.ready_text) == (status, ready)


def test_restarts_are_those_of_the_app_and_sidecars_once_the_pod_is_initialized() -> None:
    pod = view(
        inits=[over("i", 0, restartCount=3), up("side", started=True, restarts=1)],
        sidecars=("side",),
        apps=[up(restarts=2)],
        conditions={"Initialized": "True"},
    )
    assert pod.restarts_text(NOW) == "3"


def test_restarts_while_initializing_are_those_of_the_init_containers() -> None:
    assert view(inits=[waits("i", "CrashLoopBackOff", restartCount=5)]).restarts_text(NOW) == "5"


def test_restarts_tell_how_long_ago_the_newest_was() -> None:
    pod = view(
        apps=[
            up("a", restarts=2, lastState={"terminated": ended(1, at=200)}),
            up("b", restarts=1, lastState={"terminated": ended(1, at=4000)}),
        ]
    )
    assert pod.restarts_text(NOW) == "3 (3m20s ago)"


def test_no_restart_is_a_plain_zero() -> None:
    assert view(apps=[up()]).restarts_text(NOW) == "0"


# The table of apimachinery's own test (pkg/util/duration), and the edges between its formats.
DURATIONS = [
    (timedelta(seconds=1), "1s"),
    (timedelta(seconds=70), "70s"),
    (timedelta(seconds=119), "119s"),
    (timedelta(seconds=120), "2m"),
    (timedelta(seconds=190), "3m10s"),
    (timedelta(minutes=10, seconds=59), "10m"),
    (timedelta(minutes=70), "70m"),
    (timedelta(minutes=179), "179m"),
    (timedelta(hours=3), "3h"),
    (timedelta(hours=5, minutes=10), "5h10m"),
    (timedelta(hours=8, minutes=10), "8h"),
    (timedelta(hours=47), "47h"),
    (timedelta(hours=49), "2d1h"),
    (timedelta(days=8, hours=2), "8d"),
    (timedelta(days=367), "367d"),
    (timedelta(days=365 * 2 + 1, hours=1), "2y1d"),
    (timedelta(days=365 * 8 + 2), "8y"),
    (timedelta(seconds=-1), "0s"),
    (timedelta(seconds=-2), "<invalid>"),
]


@pytest.mark.parametrize(("duration", "text"), DURATIONS)
def test_ages_are_written_as_kubectl_writes_them(duration: timedelta, text: str) -> None:
    assert human_duration(duration.total_seconds()) == text
