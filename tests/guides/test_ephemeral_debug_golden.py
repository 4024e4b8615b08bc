"""The ephemeral-debug guide on the recorded incidents and on made pods: one way each, and no false alarm."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from tests.support.made_cases import ago, ended, node, pod, running
from tests.test_golden_headlines import GOLDEN, QUIET, Golden

Diagnose = Callable[..., Any]
Examine = Callable[..., Any]
GUIDE = "ephemeral-debug"


def test_a_container_without_a_shell_is_entered_by_its_debug_container(diagnose: Diagnose) -> None:
    found = diagnose("debugging", "pod/ephemeral-demo", guide=GUIDE)
    assert found.headline.code == "DebugWayRecommended"
    for word in ("no shell", "sh was tried there", "debugger-c4b86", "process namespace"):
        assert word in found.headline.summary
    assert found.headline.next[0].command.endswith("-c debugger-c4b86 -- sh")
    runs = found.one("EphemeralContainerRunning")
    assert runs.facts["sees"] is True
    assert "/pause" in runs.summary
    assert found.one("EphemeralLeftBehind").subject.name == "ephemeral-demo"
    assert found.serious() == set()


def test_a_copy_with_shared_processes_is_found_beside_its_original(diagnose: Diagnose) -> None:
    found = diagnose("debugging", "pod/myapp", guide=GUIDE)
    assert found.headline.code == "DebugWayRecommended"
    assert found.headline.facts["way"] == "exec"
    copy = found.one("DebugCopyRunning")
    assert copy.subject.name == "myapp-debug"
    assert "share their processes" in copy.summary
    assert {one.subject.name for one in found.findings if one.code == "DebugPodLeftBehind"} == {
        "myapp-debug",
        "node-debugger-lab-node-1-qh8r8",
    }
    assert found.serious() == set()


def test_a_node_shell_that_runs_is_used_and_its_commands_are_given(diagnose: Diagnose) -> None:
    found = diagnose("debugging", "node/lab-node-1", guide=GUIDE)
    assert found.headline.facts["reason"] == "node shell"
    assert "node-debugger-lab-node-1-qh8r8" in found.headline.summary
    shell = found.one("NodeDebugRunning")
    assert "/host" in shell.summary
    rows = repr(found.steps["RP-18"].exhibits)
    inside = "kubectl exec node-debugger-lab-node-1-qh8r8 -n debugging -c debugger -- chroot /host"
    assert f"{inside} journalctl -u kubelet" in rows
    assert "uname" in rows  # what was run there before
    assert found.serious() == set()


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: f"{golden.incident}:{golden.target}")
def test_every_incident_has_one_way_or_a_reason_for_none_and_no_alarm(
    golden: Golden, diagnose: Diagnose
) -> None:
    found = diagnose(golden.incident, golden.target, namespace=golden.namespace, guide=GUIDE)
    assert found.headline is not None
    assert found.headline.code in ("DebugWayRecommended", "DebugNotPossible", "CrashDependsOnCommand")
    assert found.serious() == set(), [(one.code, one.summary) for one in found.findings]
    for one in found.findings:
        assert one.title != one.code
        assert one.summary
        assert "{{" not in one.summary + one.title + one.explanation
        assert all("None" not in step.command.split() for step in one.next)


@pytest.mark.parametrize(
    ("recorded", "target", "way", "reason"),
    [
        ("crashloop", "pod/typo", "copy-command", "command"),
        ("crashloop", "deployment/payments", "copy-command", "crash"),
        ("image-pull", "deployment/storefront", "copy-image", "image"),
        ("probes", "deployment/gateway", "copy", "probe"),
        ("probes", "pod/slowstart", "copy", "probe"),
        ("probes", "deployment/catalog", "exec", "shell"),
        ("config-missing", "pod/mailer", "", "config"),
        ("config-missing", "pod/vault-client", "", "config"),
        ("init-containers", "pod/init-fails", "copy-command", "crash"),
        ("pending-volume", "pod/ledger", "", "pending"),
        ("nodes", "pod/stranded", "", "node lost"),
        ("statefulsets", "pod/cache-1", "", "terminating"),
        ("controllers", "deployment/api", "", "no pods"),
        ("healthy", "deployment/frontend", "exec", "shell"),
    ],
)
def test_the_way_fits_the_state(
    recorded: str, target: str, way: str, reason: str, diagnose: Diagnose
) -> None:
    found = diagnose(recorded, target, guide=GUIDE)
    assert (found.headline.facts.get("way", ""), found.headline.facts["reason"]) == (way, reason)


@pytest.mark.parametrize(("name", "target", "namespace"), QUIET)
def test_what_is_well_raises_no_alarm(name: str, target: str, namespace: str, diagnose: Diagnose) -> None:
    found = diagnose(name, target, namespace=namespace, guide=GUIDE)
    assert found.serious() == set(), [(one.code, one.summary) for one in found.findings]


def _namespace(level: str = "") -> dict[str, Any]:
    labels = {"pod-security.kubernetes.io/enforce": level} if level else {}
    return {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "shop", "labels": labels}}


def _distroless(**changes: Any) -> dict[str, Any]:
    return pod(spec={"containers": [{"name": "app", "image": "gcr.io/distroless/static"}]}, **changes)


def _node(**info: Any) -> dict[str, Any]:
    made = node()
    made["status"]["nodeInfo"] = {
        "operatingSystem": "linux",
        "containerRuntimeVersion": "containerd://1.7.13",
        **info,
    }
    return made


@pytest.mark.parametrize(
    ("level", "profile"), [("", "general"), ("baseline", "baseline"), ("restricted", "restricted")]
)
def test_the_profile_is_the_most_useful_one_the_namespace_lets_through(
    level: str, profile: str, examine: Examine
) -> None:
    found = examine([_namespace(level), _distroless(), _node()], "pod/web-1", guide=GUIDE)
    command = found.headline.next[0]
    assert command.command == (
        f"kubectl debug -it web-1 -n shop --image=busybox:1.37 --target=app --profile={profile}"
    )
    assert command.changes
    assert "never be removed" in found.headline.explanation
    assert found.serious() == set()


def test_a_profile_the_namespace_refuses_is_told_before_it_is_tried(examine: Examine) -> None:
    items = [_namespace("baseline"), _distroless(), _node()]
    blocked = examine(items, "pod/web-1", guide=GUIDE, profile="general").one("DebugProfileBlocked")
    assert blocked.confidence == "likely"
    assert blocked.facts["fitting"] == ["baseline", "restricted"]
    assert "DebugProfileBlocked" not in examine(items, "pod/web-1", guide=GUIDE, profile="baseline").codes()


def test_a_capture_a_namespace_refuses_is_told_too(examine: Examine) -> None:
    items = [_namespace("restricted"), pod(), _node()]
    blocked = examine(items, "pod/web-1", guide=GUIDE, capture_seconds=20).one("DebugProfileBlocked")
    assert blocked.facts["profile"] == "netadmin"


@pytest.mark.parametrize(("level", "blocked"), [("baseline", True), ("privileged", False), ("", False)])
def test_a_node_shell_needs_a_namespace_that_lets_it_through(
    level: str, blocked: bool, examine: Examine
) -> None:
    found = examine([_namespace(level), pod(), _node()], "node/n1", guide=GUIDE)
    assert ("NodeDebugBlocked" in found.serious()) is blocked
    assert found.steps["RP-18"].exhibits


def test_what_was_not_read_of_a_namespace_is_not_claimed(examine: Examine) -> None:
    found = examine(
        [_distroless(), _node()], "pod/web-1", guide=GUIDE, profile="sysadmin", without=("Namespace",)
    )
    assert "DebugProfileBlocked" not in found.codes()
    assert "not known" in repr(found.steps["RP-20"].exhibits)


@pytest.mark.parametrize(
    ("version", "way"),
    [
        ("containerd://1.4.9", "copy"),
        ("containerd://1.5.0", "ephemeral"),
        ("cri-o://1.22.1", "copy"),
        ("", "ephemeral"),
    ],
)
def test_a_runtime_that_cannot_join_a_process_namespace_makes_a_copy_the_way(
    version: str, way: str, examine: Examine
) -> None:
    found = examine([_distroless(), _node(containerRuntimeVersion=version)], "pod/web-1", guide=GUIDE)
    assert found.headline.facts["way"] == way


def test_a_windows_pod_is_entered_with_cmd(examine: Examine) -> None:
    found = examine([pod(), _node(operatingSystem="windows")], "pod/web-1", guide=GUIDE)
    assert found.headline.next[0].command == "kubectl exec -it web-1 -n shop -c app -- cmd"
    assert "HostProcess" in repr(found.steps["RP-13"].exhibits)


def test_a_static_pod_takes_no_debug_container(examine: Examine) -> None:
    made = _distroless(annotations={"kubernetes.io/config.mirror": "x"})
    found = examine([made, _node()], "pod/web-1", guide=GUIDE)
    assert found.headline.facts["way"] == "node"
    assert "static pod" in repr(found.steps["RP-13"].exhibits)


def _crashing(**changes: Any) -> dict[str, Any]:
    status = {
        "name": "app",
        "restartCount": 5,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": ended(1)},
    }
    spec = {"containers": [{"name": "app", "image": "shop/web:2", "command": ["/web"]}]}
    return pod(ready=False, containers=[status], spec=spec, **changes)


def _copy(image: str, command: list[str], since: float = 100) -> dict[str, Any]:
    made = {**running(), "state": {"running": {"startedAt": ago(since)}}}
    return pod(
        "web-1-debug",
        containers=[made],
        spec={"containers": [{"name": "app", "image": image, "command": command}]},
    )


@pytest.mark.parametrize(
    ("image", "command", "code"),
    [
        ("shop/web:2", ["sleep", "1d"], "CrashDependsOnCommand"),
        ("shop/web:1", ["/web"], "CrashDependsOnImage"),
        ("shop/web:1", ["sleep", "1d"], ""),
    ],
)
def test_a_copy_that_stays_up_says_what_the_crash_depends_on(
    image: str, command: list[str], code: str, examine: Examine
) -> None:
    found = examine([_crashing(), _copy(image, command), _node()], "pod/web-1", guide=GUIDE)
    assert found.codes() & {"CrashDependsOnCommand", "CrashDependsOnImage"} == ({code} - {""})
    assert found.one("DebugCopyRunning").subject.name == "web-1-debug"


def test_of_a_pod_that_does_not_crash_a_copy_proves_nothing(examine: Examine) -> None:
    found = examine([pod(), _copy("shop/web:1", ["sleep", "1d"]), _node()], "pod/web-1", guide=GUIDE)
    assert "CrashDependsOnCommand" not in found.codes()


def test_a_copy_that_does_not_start_is_told_with_the_runbook_that_says_why(examine: Examine) -> None:
    stuck = pod("web-1-debug", phase="Pending", on="", containers=[], creationTimestamp=ago(600))
    stuck["spec"]["containers"] = [{"name": "app", "image": "x"}]
    failed = examine([_crashing(), stuck, _node()], "pod/web-1", guide=GUIDE).one("DebugCopyFailed")
    assert failed.next[0].command == "runbook run pods -n shop -p target=pod/web-1-debug"


def test_a_debug_container_whose_image_is_not_there_is_told(examine: Examine) -> None:
    waiting = {"reason": "ErrImagePull", "message": "manifest unknown"}
    made = _distroless(
        status={"ephemeralContainerStatuses": [{"name": "debugger-x7k2p", "state": {"waiting": waiting}}]}
    )
    made["spec"]["ephemeralContainers"] = [
        {"name": "debugger-x7k2p", "image": "nope:1", "targetContainerName": "app"}
    ]
    found = examine([made, _node()], "pod/web-1", guide=GUIDE)
    assert "nope:1" in found.one("EphemeralImagePullFailed").summary


def _given(tmp_path: Path, *transcripts: dict[str, Any]) -> str:
    place = tmp_path / "given.json"
    place.write_text(json.dumps(list(transcripts)))
    return str(place)


def test_a_refusal_somebody_pasted_is_explained(tmp_path: Path, examine: Examine) -> None:
    said = (
        'Error from server (Forbidden): pods "web-1" is forbidden: User "jane" cannot patch resource "pods"'
    )
    given = _given(
        tmp_path,
        {
            "argv": ["kubectl", "debug", "-it", "web-1", "-n", "shop", "--image=busybox"],
            "stderr": said,
            "exit_code": 1,
        },
    )
    found = examine([_distroless(), _node()], "pod/web-1", guide=GUIDE, transcripts=given)
    refused = found.one("EphemeralNotAllowed")
    assert "jane" in refused.summary
    assert (
        refused.next[0].command == "kubectl auth can-i patch pods --subresource=ephemeralcontainers -n shop"
    )


def test_a_debug_container_that_sees_only_itself_is_told(tmp_path: Path, examine: Examine) -> None:
    made = _distroless(
        status={"ephemeralContainerStatuses": [{"name": "d", "state": {"running": {"startedAt": ago(9)}}}]}
    )
    made["spec"]["ephemeralContainers"] = [
        {"name": "d", "image": "busybox", "command": ["sleep", "60"], "targetContainerName": "app"}
    ]
    listing = "PID   USER     COMMAND\n    1 root     sleep 60\n    7 root     ps aux\n"
    target = {"kind": "pod", "namespace": "shop", "pod": "web-1", "container": "d"}
    given = _given(tmp_path, {"target": target, "argv": ["ps", "aux"], "stdout": listing, "exit_code": 0})
    found = examine([made, _node()], "pod/web-1", guide=GUIDE, transcripts=given)
    assert "sleep 60" in found.one("EphemeralTargetUnsupported").summary
    assert found.headline.code == "EphemeralTargetUnsupported"


def test_a_pasted_capture_is_read(tmp_path: Path, examine: Examine) -> None:
    line = "12:00:01.0 IP 10.0.0.9.40002 > 10.0.0.2.5432: Flags [S], seq 1, win 64240, length 0\n"
    target = {"kind": "pod", "namespace": "shop", "pod": "web-1", "container": "capture-1"}
    given = _given(
        tmp_path, {"target": target, "argv": ["tcpdump", "-n", "-r", "-"], "stdout": line, "exit_code": 0}
    )
    found = examine([pod(), _node()], "pod/web-1", guide=GUIDE, transcripts=given)
    assert "10.0.0.2.5432" in found.one("TrafficCaptured").summary


@pytest.mark.parametrize(
    ("options", "word"),
    [({"way": "telnet"}, "way"), ({"profile": "root"}, "profile"), ({"command": "sh -c 'x"}, "command")],
)
def test_a_parameter_that_means_nothing_is_refused_at_once(
    options: dict[str, str], word: str, incident: Callable[[str], Path]
) -> None:
    session = notebook.open(GUIDE, case=str(incident("healthy")), namespace="healthy", **options)
    assert session.start.failure is not None
    assert word in session.start.failure.sentence


def test_of_several_pods_the_one_that_is_worst_off_is_looked_into(examine: Examine) -> None:
    found = examine([pod("web-0"), _crashing(), _node()], "", guide=GUIDE)
    assert found.headline.subject.name == "web-1"


def test_without_permission_nothing_is_done_and_what_would_be_is_shown(examine: Examine) -> None:
    found = examine([_distroless(), _node()], "pod/web-1", guide=GUIDE, allow_actions=True)
    shown = repr(found.steps["RP-14"].exhibits)
    assert "patch pods/web-1/ephemeralcontainers" in shown
    assert "SYS_PTRACE" in shown
    assert "cannot be undone" in shown


def test_hostile_names_and_commands_stay_one_word_of_the_shell(examine: Examine) -> None:
    made = _crashing()
    made["spec"]["containers"][0]["command"] = ["sh", "-c", "$(rm -rf /); `id`"]
    found = examine([made, _node()], "pod/web-1", guide=GUIDE)
    command = next(step.command for step in found.headline.next if "rm -rf" in step.command)
    assert "'$(rm -rf /); `id`'" in command
