"""What became of debug containers, copies, node shells and captures: every code fires and stays silent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kuberunbooks.cluster import Transcript
from kuberunbooks.cluster.decode import decode_item
from kuberunbooks.guides.rules.debug_capture import capture_command, capture_trouble, read_capture
from kuberunbooks.guides.rules.debug_commands import Debug, copy_name, twin
from kuberunbooks.guides.rules.debug_outcome import (
    compare,
    copy_outcome,
    ephemeral_outcome,
    heard_refusal,
    refusal,
    sees_target,
)
from kuberunbooks.objects import Container, ContainerView, Pod
from tests.support.made_cases import NOW, ago, ended, pod, running


def _pod(**changes: Any) -> Pod:
    found, _ = decode_item(Pod, json.dumps(pod(**changes)).encode(), "made")
    return found


def _ephemeral(state: dict[str, Any]) -> ContainerView:
    made = _pod(status={"ephemeralContainerStatuses": [{"name": "debugger-x", "state": state}]})
    return made.containers("ephemeral")[0]


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"running": {"startedAt": ago(5)}}, "EphemeralContainerRunning"),
        (
            {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}},
            "EphemeralImagePullFailed",
        ),
        ({"waiting": {"reason": "InvalidImageName"}}, "EphemeralImagePullFailed"),
        (
            {"waiting": {"reason": "CreateContainerConfigError", "message": "image will run as root"}},
            "EphemeralContainerFailed",
        ),
        (
            {
                "waiting": {
                    "reason": "CreateContainerError",
                    "message": "invalid target container: not running",
                }
            },
            "EphemeralTargetUnsupported",
        ),
        (
            {"terminated": {"exitCode": 127, "startedAt": ago(9), "finishedAt": ago(9)}},
            "EphemeralContainerFailed",
        ),
        (
            {"terminated": {"exitCode": 128, "reason": "StartError", "message": "no such file"}},
            "EphemeralContainerFailed",
        ),
        ({"waiting": {"reason": "ContainerCreating"}}, ""),
        ({}, ""),
        ({"terminated": {"exitCode": 0, "startedAt": ago(90), "finishedAt": ago(9)}}, ""),
        # A shell somebody worked in and left: its code is that of the last command.
        ({"terminated": {"exitCode": 130, "startedAt": ago(90), "finishedAt": ago(9)}}, ""),
    ],
)
def test_the_state_of_an_ephemeral_container_says_what_became_of_it(state: dict[str, Any], code: str) -> None:
    found = ephemeral_outcome(_ephemeral(state))
    assert (found.code if found else "") == code


def _ps(stdout: str, **changes: Any) -> Transcript:
    return Transcript(argv=["ps", "aux"], stdout=stdout, exit_code=0, **changes)


_OWN = Container(name="debugger-x", command=["sleep", "600"])


@pytest.mark.parametrize(
    ("stdout", "sees"),
    [
        ("PID   USER     COMMAND\n    1 root     /pause\n   14 root     sleep 600\n", True),
        ("PID   USER     COMMAND\n    1 root     sleep 600\n   14 root     ps aux\n", False),
        ("USER       PID %CPU COMMAND\nroot         1  0.0 /web --port 80\n", True),
        ("ps: not found\n", None),
        ("", None),
        ("PID   USER     COMMAND\n", None),
    ],
)
def test_process_1_tells_whether_a_debug_container_sees_its_target(stdout: str, sees: bool | None) -> None:
    assert sees_target(_OWN, _ps(stdout)) is sees


def test_a_debug_container_that_runs_its_images_own_shell_does_not_tell() -> None:
    listing = "PID   USER     COMMAND\n    1 root     sh\n   14 root     ps aux\n"
    assert sees_target(Container(name="d"), _ps(listing)) is None
    assert sees_target(Container(name="d"), _ps(listing.replace("sh\n", "/web\n"))) is True
    assert sees_target(_OWN, Transcript(argv=["ls"], stdout=listing, exit_code=0)) is None


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (_pod(), "running"),
        (
            _pod(
                phase="Pending",
                containers=[{"name": "app", "state": {"waiting": {"reason": "ErrImagePull"}}}],
            ),
            "failed",
        ),
        (_pod(phase="Failed", containers=[{"name": "app", "state": {"terminated": ended(3)}}]), "failed"),
        (_pod(phase="Pending", on="", containers=[], creationTimestamp=ago(300)), "failed"),
        (_pod(phase="Pending", on="", containers=[], creationTimestamp=ago(30)), ""),
        (_pod(phase="Succeeded", containers=[{"name": "app", "state": {"terminated": ended(0)}}]), ""),
        (
            _pod(
                phase="Pending",
                containers=[{"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}],
                creationTimestamp=ago(30),
            ),
            "",
        ),
    ],
)
def test_the_state_of_a_copy_says_whether_it_runs(made: Pod, code: str) -> None:
    found = copy_outcome(made, NOW)
    assert (found.code if found else "") == code


def _crashed(ran: float = 2) -> ContainerView:
    last = {"exitCode": 1, "reason": "Error", "startedAt": ago(60 + ran), "finishedAt": ago(60)}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    made = _pod(
        containers=[{"name": "app", "restartCount": 4, "state": state, "lastState": {"terminated": last}}]
    )
    return made.containers("app")[0]


def _copy(since: float, restarts: int = 0) -> ContainerView:
    made = {**running(restarts=restarts), "state": {"running": {"startedAt": ago(since)}}}
    return _pod(containers=[made]).containers("app")[0]


_ORIGINAL = Container(name="app", image="shop/web:2", command=["/web"])


@pytest.mark.parametrize(
    ("changed", "view", "crashed", "code"),
    [
        (
            Container(name="app", image="shop/web:2", command=["sleep", "1d"]),
            _copy(40),
            _crashed(),
            "CrashDependsOnCommand",
        ),
        (
            Container(name="app", image="shop/web:1", command=["/web"]),
            _copy(40),
            _crashed(),
            "CrashDependsOnImage",
        ),
        # Both were changed, or neither: nothing follows.
        (Container(name="app", image="shop/web:1", command=["sleep", "1d"]), _copy(40), _crashed(), ""),
        (Container(name="app", image="shop/web:2", command=["/web"]), _copy(40), _crashed(), ""),
        # Not long enough yet, for what the original lives between two crashes; or it was restarted too.
        (Container(name="app", image="shop/web:1", command=["/web"]), _copy(20), _crashed(), ""),
        (Container(name="app", image="shop/web:1", command=["/web"]), _copy(40), _crashed(30), ""),
        (Container(name="app", image="shop/web:1", command=["/web"]), _copy(40, restarts=1), _crashed(), ""),
        (Container(name="app", image="shop/web:1", command=["/web"]), _crashed(), _crashed(), ""),
    ],
)
def test_a_copy_that_differs_in_one_thing_and_stays_up_names_the_cause(
    changed: Container, view: ContainerView, crashed: ContainerView, code: str
) -> None:
    found = compare(_ORIGINAL, crashed, changed, view, NOW)
    assert (found.code if found else "") == code


_SECURITY = (
    'pods "web-1" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (container '
    '"debugger-x" must not include "SYS_PTRACE" in securityContext.capabilities.add)'
)


@pytest.mark.parametrize(
    ("kind", "message", "status", "code", "why"),
    [
        ("ephemeral", _SECURITY, 403, "DebugProfileBlocked", "security"),
        ("copy", _SECURITY, 403, "DebugProfileBlocked", "security"),
        ("node", _SECURITY, 403, "NodeDebugBlocked", "security"),
        (
            "ephemeral",
            'pods "web-1" is forbidden: User "jane" cannot patch resource',
            403,
            "EphemeralNotAllowed",
            "forbidden",
        ),
        (
            "ephemeral",
            "[]: Forbidden: static pods do not support ephemeral containers",
            422,
            "EphemeralNotAllowed",
            "static",
        ),
        (
            "ephemeral",
            'spec.ephemeralContainers[1].name: Duplicate value: "debugger"',
            422,
            "EphemeralNotAllowed",
            "taken",
        ),
        ("ephemeral", "the server could not find the requested resource", 404, "EphemeralNotAllowed", "old"),
        ("copy", 'pods "web-1-debug" already exists', 409, "DebugCopyFailed", "taken"),
        ("copy", "exceeded quota: team", 403, "DebugCopyFailed", "forbidden"),
        (
            "node",
            'pods is forbidden: User "jane" cannot create resource "pods"',
            403,
            "NodeDebugBlocked",
            "forbidden",
        ),
        ("copy", "admission webhook denied the request", 400, "DebugCopyFailed", "other"),
    ],
)
def test_a_refusal_says_what_refused_it(kind: Any, message: str, status: int, code: str, why: str) -> None:
    found = refusal(kind, message, status)
    assert (found.code, found.why) == (code, why)
    assert found.level == ("baseline" if why == "security" else "")


def _kubectl(argv: list[str], stderr: str = "", exit_code: int = 1) -> Transcript:
    return Transcript(argv=["kubectl", "debug", *argv], stderr=stderr, exit_code=exit_code)


def test_a_refused_kubectl_debug_is_recognised_by_what_it_was_to_make() -> None:
    said = f"Error from server (Forbidden): {_SECURITY}\n"
    for argv, kind in (
        (["pod/web-1", "--image=busybox"], "ephemeral"),
        (["web-1", "--copy-to=web-1-debug", "--image=busybox"], "copy"),
        (["-it", "node/n1", "--image=busybox"], "node"),
    ):
        found = heard_refusal(_kubectl(argv, said))
        assert found is not None
        assert (found[0], found[1].why) == (kind, "security")
    assert heard_refusal(_kubectl(["pod/web-1"], "", 0)) is None
    assert heard_refusal(_kubectl(["pod/web-1"], "error: timed out waiting")) is None
    assert heard_refusal(Transcript(argv=["sh"], stderr=said, exit_code=1)) is None


_CAPTURE = """\
12:00:00.000001 eth0  Out IP 10.0.0.9.40001 > 10.0.0.1.80: Flags [S], seq 1, win 64240, length 0
12:00:00.000101 eth0  In  IP 10.0.0.1.80 > 10.0.0.9.40001: Flags [S.], seq 1, ack 2, win 64240, length 0
12:00:01.000001 eth0  Out IP 10.0.0.9.40002 > 10.0.0.2.5432: Flags [S], seq 1, win 64240, length 0
12:00:02.000001 eth0  Out IP 10.0.0.9.40002 > 10.0.0.2.5432: Flags [S], seq 1, win 64240, length 0
12:00:03.000001 eth0  Out IP 10.0.0.9.40003 > 10.0.0.3.81: Flags [S], seq 1, win 64240, length 0
12:00:03.000002 eth0  In  IP 10.0.0.3.81 > 10.0.0.9.40003: Flags [R.], seq 0, ack 2, win 0, length 0
12:00:04.000001 eth0  In  IP 10.0.0.10.53 > 10.0.0.9.41000: 4242 NXDomain*- 0/1/0 (96)
12:00:05.000001 eth0  In  IP 10.0.0.254 > 10.0.0.9: ICMP host 10.9.9.9 unreachable, length 36
12:00:06.000001 eth0  Out IP6 fd00::9.40004 > fd00::1.80: Flags [P.], seq 1:9, ack 1, win 64, length 8
"""


def test_a_capture_is_told_in_what_points_to_trouble() -> None:
    heard = Transcript(
        argv=["tcpdump", "-n", "-r", "-"],
        stdout=_CAPTURE,
        exit_code=0,
        stderr="2 packets dropped by kernel\n",
    )
    found = read_capture(heard)
    assert found is not None
    assert found.packets == 9
    assert found.unanswered == ("10.0.0.9 > 10.0.0.2.5432",)
    assert found.reset == ("10.0.0.9 > 10.0.0.3.81",)
    assert (found.unreachable, found.nxdomain, found.dropped, found.quiet) == (1, 1, 2, False)


def test_a_capture_with_nothing_wrong_is_quiet_and_other_output_is_none() -> None:
    fine = "\n".join(_CAPTURE.splitlines()[:2])
    found = read_capture(Transcript(argv=["tcpdump", "-n", "-r", "x.pcap"], stdout=fine, exit_code=0))
    assert found is not None
    assert found.quiet
    assert found.packets == 2
    empty = Transcript(argv=["tcpdump", "-n"], stderr="0 packets captured\n", exit_code=0)
    assert read_capture(empty) is not None
    assert read_capture(Transcript(argv=["cat", "x"], stdout=_CAPTURE, exit_code=0)) is None
    assert (
        read_capture(
            Transcript(argv=["timeout", "9", "tcpdump", "-w", "-"], stdout="(24 bytes)", exit_code=0)
        )
        is None
    )


@pytest.mark.parametrize(
    ("stderr", "exit_code", "trouble"),
    [
        ('exec failed: exec: "timeout": executable file not found in $PATH: unknown', 1, "tool"),
        ("timeout: failed to run command: tcpdump: not found", 127, "tool"),
        ("tcpdump: any: You don't have permission to capture on that device", 1, "permission"),
        ("tcpdump: syntax error", 1, "other"),
        ("12 packets captured\n", 0, ""),
        ("12 packets captured\n", 124, ""),
    ],
)
def test_a_capture_that_failed_says_why(stderr: str, exit_code: int, trouble: str) -> None:
    one = Transcript(argv=list(capture_command(5)), stderr=stderr, exit_code=exit_code)
    assert capture_trouble(one) == trouble
    assert capture_trouble(Transcript(argv=["sh"], stderr=stderr, exit_code=exit_code)) == ""


def test_a_capture_is_bounded_in_time_packets_and_bytes() -> None:
    argv = capture_command(20)
    assert argv[:4] == ("timeout", "-s", "INT", "20")
    assert argv[argv.index("-s", 5) + 1] == "256"
    assert "-c" in argv


def test_the_name_of_a_copy_is_free_and_short_enough() -> None:
    assert copy_name("web-1", ()) == "web-1-debug"
    assert copy_name("web-1", {"web-1-debug", "web-1-debug-2"}) == "web-1-debug-3"
    assert len(copy_name("x" * 63, ("x" * 54 + "-debug",))) <= 63


@pytest.mark.parametrize("way", ["copy", "copy-command", "copy-image"])
@pytest.mark.parametrize("container", ["app", "*"])
def test_no_command_changes_images_alone_and_all_name_the_profile(way: str, container: str) -> None:
    argv = twin(way, Debug("shop", "web-1", container, "busybox", "baseline", "web-1-debug"))
    assert "--profile=baseline" in argv
    assert "--share-processes" in argv
    assert not any(word.startswith("--set-image") for word in argv) or any(
        word.startswith("--image=") for word in argv
    )
