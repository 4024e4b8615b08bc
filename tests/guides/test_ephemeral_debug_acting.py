"""The ephemeral-debug guide with permission to act, on an API server that takes writes and runs commands.

What it finds then, a case of the same run finds too.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.guides.ephemeral_debug import copies
from kuberunbooks.notebook import Session
from tests.support.api_server import ApiServer, serve_case
from tests.support.exec_server import Asked, Said
from tests.support.made_cases import ago, ended, make_case, node, pod

_MISSING = 'failed to start exec: exec: "{}": executable file not found in $PATH: unknown'
_PS = b"PID   USER     COMMAND\n    1 root     /web\n   14 root     sleep 3600\n   26 root     ps aux\n"
_PACKET = b"12:00:01.0 IP 10.0.0.9.40002 > 10.0.0.2.5432: Flags [S], seq 1, win 64240, length 0\n"


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[ApiServer, Session]]:
    """`looked([pod()], "pod/web-1", run=..., enforce=...)`: all steps, live and with permission to act."""

    def look(
        items: list[dict[str, Any]], target: str, server: dict[str, Any] | None = None, **options: Any
    ) -> tuple[ApiServer, Session]:
        folder = make_case(tmp_path / "case", [*items, node()])
        monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))
        with serve_case(folder, **(server or {})) as api:
            monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig(tmp_path / "kubeconfig")))
            session = notebook.open(
                "ephemeral-debug", namespace="shop", target=target, **{"allow_actions": True, **options}
            )
            assert session.start.failure is None, session.start.failure
            for name in session.step_names:
                getattr(session, name)()
            session.summary()
        return api, session

    return look


def _findings(session: Session) -> dict[str, Any]:
    failed = [f"{step.id}: {step.error}" for step in session.steps if step.status == "failed"]
    assert not failed, failed
    return {one.code: one for step in session.steps for one in step.findings}


def _again(tmp_path: Path, target: str) -> dict[str, Any]:
    """The same guide on the case that the run left."""
    session = notebook.open(
        "ephemeral-debug", case=str(tmp_path / "case.zip"), namespace="shop", target=target
    )
    assert session.start.failure is None, session.start.failure
    for name in session.step_names:
        getattr(session, name)()
    return _findings(session)


def _distroless() -> dict[str, Any]:
    return pod(spec={"containers": [{"name": "app", "image": "gcr.io/distroless/static"}]})


def _inside(asked: Asked) -> Said:
    if asked.container.startswith(("debugger", "capture")):
        if asked.argv[0] == "ps":
            return Said(_PS)
        if "-w" in asked.argv:
            return Said(bytes(range(256)), b"1 packet captured\n")
        if "-r" in asked.argv:
            return Said(_PACKET, b"reading from file -, link-type LINUX_SLL2\n")
        return Said(b"ok\n")
    return Said(missing=_MISSING.format(asked.argv[0]))


def test_a_debug_container_is_added_waited_for_and_looked_into(
    looked: Callable[..., Any], tmp_path: Path
) -> None:
    api, session = looked([_distroless()], "pod/web-1", {"run": _inside})
    found = _findings(session)
    runs = found["EphemeralContainerRunning"]
    assert runs.facts["sees"] is True
    assert "/web" in runs.summary
    assert "EphemeralLeftBehind" in found
    added = api.writes.find("shop", "web-1")
    held = added["spec"]["ephemeralContainers"]
    assert [one["targetContainerName"] for one in held] == ["app"]
    assert api.writes.made == []
    again = _again(tmp_path, "pod/web-1")
    assert again["EphemeralContainerRunning"].summary == runs.summary


def test_a_shell_nobody_knows_of_is_tried_before_anything_is_added(looked: Callable[..., Any]) -> None:
    api, session = looked([pod()], "pod/web-1", {"run": _inside})
    way = _findings(session)["DebugWayRecommended"]
    assert (way.facts["way"], way.facts["reason"], way.confidence) == ("ephemeral", "no shell", "confirmed")
    assert api.exec.asked[0].argv == ("sh", "-c", "exit 0")


def test_where_there_is_a_shell_only_the_command_is_run(looked: Callable[..., Any]) -> None:
    api, session = looked([pod()], "pod/web-1", {"run": lambda _: Said(b"uid=0\n")}, command="id -u")
    assert _findings(session)["DebugWayRecommended"].facts["way"] == "exec"
    assert [one.argv for one in api.exec.asked] == [("sh", "-c", "exit 0"), ("id", "-u")]
    assert "uid=0" in repr(session.steps[0].exhibits)
    assert "ephemeralContainers" not in api.writes.find("shop", "web-1")["spec"]


def test_what_the_namespace_refuses_is_not_done_and_explained(
    looked: Callable[..., Any], tmp_path: Path
) -> None:
    server = {"run": _inside, "enforce": {"shop": "baseline"}}
    api, session = looked([_distroless()], "pod/web-1", server, profile="general")
    assert "DebugProfileBlocked" in _findings(session)
    assert not api.writes.find("shop", "web-1")["spec"].get("ephemeralContainers")
    assert "DebugProfileBlocked" in _again(tmp_path, "pod/web-1")


def test_a_right_that_is_lacking_is_told_in_the_servers_words(looked: Callable[..., Any]) -> None:
    server = {"run": _inside, "deny": ["patch pods/ephemeralcontainers"]}
    _, session = looked([_distroless()], "pod/web-1", server)
    assert _findings(session)["EphemeralNotAllowed"].facts["why"] == "forbidden"


def _crashing() -> dict[str, Any]:
    status = {
        "name": "app",
        "restartCount": 5,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": ended(1)},
    }
    spec = {
        "containers": [
            {
                "name": "app",
                "image": "shop/web:2",
                "command": ["/web"],
                "livenessProbe": {"exec": {"command": ["x"]}},
            }
        ]
    }
    return pod(ready=False, containers=[status], spec=spec, labels={"app": "web"})


def _steady(made: dict[str, Any]) -> None:
    """A new pod that has run for a while already: tests do not wait."""
    made["status"] = {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": one["name"],
                "restartCount": 0,
                "ready": True,
                "state": {"running": {"startedAt": ago(100)}},
            }
            for one in made["spec"]["containers"]
        ],
    }


def test_a_copy_with_another_command_is_made_compared_and_removed(
    looked: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "DEBUG_STEADY", -1.0)
    api, session = looked([_crashing()], "pod/web-1", {"run": _inside, "becomes": _steady})
    found = _findings(session)
    assert api.writes.made == ["web-1-debug"]
    assert api.writes.deleted == ["web-1-debug"]
    assert found["CrashDependsOnCommand"].subject.name == "web-1"
    assert "was deleted again" in found["DebugCopyRunning"].summary
    again = _again(tmp_path, "pod/web-1")
    assert again["CrashDependsOnCommand"].summary == found["CrashDependsOnCommand"].summary


def test_a_copy_that_cannot_be_made_leaves_nothing_and_says_why(looked: Callable[..., Any]) -> None:
    api, session = looked([_crashing()], "pod/web-1", {"run": _inside, "deny": ["create pods"]})
    assert _findings(session)["DebugCopyFailed"].facts["why"] == "forbidden"
    assert api.writes.made == []


def test_a_nodes_logs_are_read_by_a_pod_that_is_removed(looked: Callable[..., Any], tmp_path: Path) -> None:
    said = lambda asked: Said(f"{' '.join(asked.argv)} said\n".encode())  # noqa: E731
    api, session = looked([pod()], "node/n1", {"run": said})
    found = _findings(session)
    assert len(api.writes.made) == 1
    assert api.writes.deleted == api.writes.made
    assert "deleted again" in found["NodeDebugRunning"].summary
    shown = repr([step.exhibits for step in session.steps if step.id == "RP-18"])
    assert "chroot /host journalctl -u kubelet -n 200 --no-pager said" in shown
    assert "NodeDebugRunning" in _again(tmp_path, "node/n1")


def test_a_node_shell_that_is_refused_is_told(looked: Callable[..., Any]) -> None:
    api, session = looked([pod()], "node/n1", {"run": _inside, "enforce": {"shop": "baseline"}})
    blocked = _findings(session)["NodeDebugBlocked"]
    assert "violates PodSecurity" in blocked.summary
    assert api.writes.made == []


def test_a_capture_is_kept_beside_the_report_and_counted(looked: Callable[..., Any], tmp_path: Path) -> None:
    _, session = looked([pod()], "pod/web-1", {"run": _inside}, way="exec", capture_seconds=3)
    found = _findings(session)
    assert "10.0.0.2.5432" in found["TrafficCaptured"].summary
    assert (tmp_path / "capture.pcap").read_bytes() == bytes(range(256))
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        assert not any("pcap" in name for name in archive.namelist())
    assert "TrafficCaptured" in _again(tmp_path, "pod/web-1")


def test_a_capture_without_tcpdump_says_so(looked: Callable[..., Any], tmp_path: Path) -> None:
    def without(asked: Asked) -> Said:
        return Said(missing=_MISSING.format("timeout")) if "tcpdump" in asked.argv else _inside(asked)

    _, session = looked([pod()], "pod/web-1", {"run": without}, way="exec", capture_seconds=3)
    assert _findings(session)["TrafficCaptureFailed"].facts["trouble"] == "tool"
    assert not (tmp_path / "capture.pcap").exists()


def test_without_allow_actions_nothing_is_written_or_run(looked: Callable[..., Any]) -> None:
    api, session = looked(
        [_distroless()], "pod/web-1", {"run": _inside}, allow_actions=False, capture_seconds=3
    )
    assert _findings(session)["DebugWayRecommended"].facts["way"] == "ephemeral"
    assert api.exec.asked == []
    assert {one.method for one in api.requests if "reviews" not in one.path} == {"GET"}
    assert api.count() <= 30
