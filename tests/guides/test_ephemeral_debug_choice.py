"""Exactly one way is recommended, by the pod's state; every rule fires and stays silent."""

from __future__ import annotations

from typing import Any

import pytest

from kuberunbooks.cluster import Transcript, TranscriptTarget
from kuberunbooks.guides.rules.debug_choice import WAYS, Choice, Situation, choose, trouble_of
from kuberunbooks.guides.rules.debug_shell import Shell, shell_in
from kuberunbooks.objects import Container, ContainerState, ContainerStatus, Pod, PodSpec
from kuberunbooks.objects.base import Meta
from kuberunbooks.objects.container import Running
from kuberunbooks.objects.pod import PodStatus

SHELL, LIKELY = (
    Shell(True, why="sh was run there before"),
    Shell(True, True, "images like nginx have a shell"),
)
NONE, PROBABLY_NONE = Shell(False, why="sh was tried there"), Shell(False, True, "distroless")


def _choice(**changes: Any) -> Choice:
    return choose(Situation(container="app", **changes))


@pytest.mark.parametrize(
    ("situation", "way", "reason", "likely"),
    [
        ({"shell": SHELL}, "exec", "shell", False),
        ({"shell": LIKELY}, "exec", "shell", True),
        ({}, "exec", "shell unknown", True),
        ({"shell": NONE, "target_supported": True}, "ephemeral", "no shell", False),
        ({"shell": PROBABLY_NONE}, "ephemeral", "no shell", True),
        ({"shell": NONE, "target_supported": False}, "copy", "no target", False),
        ({"shell": NONE, "target_supported": False, "shared": True}, "ephemeral", "no shell", False),
        ({"shell": NONE, "debugger": "debugger-x"}, "exec", "debugger", False),
        ({"trouble": "crash", "shell": SHELL}, "copy-command", "crash", False),
        ({"trouble": "crash"}, "copy-command", "crash", True),
        ({"trouble": "command", "shell": LIKELY}, "copy-command", "command", True),
        ({"trouble": "crash", "shell": PROBABLY_NONE}, "copy-image", "no shell to start", True),
        ({"trouble": "ended", "shell": SHELL}, "copy-command", "ended", False),
        ({"trouble": "image", "shell": SHELL}, "copy-image", "image", False),
        ({"trouble": "probe", "shell": SHELL}, "copy", "probe", False),
        ({"trouble": "sandbox"}, "node", "sandbox", False),
        ({"trouble": "sandbox", "windows": True}, "", "sandbox windows", False),
        ({"trouble": "config"}, "", "config", False),
        ({"trouble": "starting"}, "", "starting", False),
        ({"place": "pending", "shell": SHELL}, "", "pending", False),
        ({"place": "terminating", "shell": SHELL}, "", "terminating", False),
        ({"place": "node lost", "shell": SHELL}, "", "node lost", False),
        ({"place": "node sick", "shell": SHELL}, "node", "node sick", False),
        ({"place": "node sick", "windows": True}, "", "node windows", False),
        ({"static": True, "shell": SHELL}, "exec", "shell", False),
        ({"static": True, "shell": PROBABLY_NONE}, "node", "static", False),
        ({"static": True, "trouble": "crash", "shell": SHELL}, "node", "static", False),
        ({"static": True, "shell": NONE, "windows": True}, "", "static windows", False),
        ({"windows": True, "shell": SHELL}, "exec", "shell", False),
        ({"windows": True, "shell": NONE, "target_supported": False}, "ephemeral", "no shell", False),
        ({"role": "init", "trouble": "crash", "shell": SHELL}, "copy-command", "crash", False),
    ],
)
def test_the_state_of_a_pod_decides_the_way(
    situation: dict[str, Any], way: str, reason: str, likely: bool
) -> None:
    found = _choice(**situation)
    assert (found.way, found.reason, found.likely) == (way, reason, likely)
    assert {one.way for one in found.others} == set(WAYS) - {way}
    assert all(one.why for one in found.others)
    if not way:
        assert not any(one.possible for one in found.others)


def test_of_a_node_there_is_its_shell_and_nothing_else() -> None:
    assert choose(Situation(place="node")).way == "node"
    assert choose(Situation(place="node", debugger="node-debugger-n1-bcdfg"))[:2] == ("exec", "node shell")
    assert choose(Situation(place="node", windows=True)).way == ""
    assert choose(Situation(place="node lost", debugger="node-debugger-n1-bcdfg")).way == ""


@pytest.mark.parametrize(
    ("situation", "way", "word"),
    [
        ({"shell": NONE}, "exec", "no shell"),
        ({"trouble": "crash", "shell": SHELL}, "exec", "not running"),
        ({"static": True, "shell": SHELL}, "ephemeral", "static pod"),
        ({"static": True, "shell": SHELL}, "copy", "static pod"),
        ({"trouble": "ended", "shell": SHELL}, "ephemeral", "has ended"),
        ({"trouble": "sandbox"}, "ephemeral", "sandbox"),
        ({"windows": True, "shell": SHELL}, "copy", "Windows"),
        ({"windows": True, "shell": SHELL}, "node", "HostProcess"),
    ],
)
def test_what_does_not_work_at_all_is_told_from_what_is_only_not_best(
    situation: dict[str, Any], way: str, word: str
) -> None:
    other = next(one for one in _choice(**situation).others if one.way == way)
    assert not other.possible
    assert word in other.why


def test_with_a_shell_all_other_ways_would_work_but_are_not_needed() -> None:
    assert all(one.possible for one in _choice(shell=SHELL).others)


@pytest.mark.parametrize(
    ("situation", "cautions"),
    [
        ({"shell": NONE, "target_supported": True}, {"permanent"}),
        ({"shell": NONE}, {"permanent", "target unknown"}),
        ({"shell": NONE, "windows": True}, {"permanent", "windows target"}),
        ({"trouble": "crash", "shell": SHELL}, set()),
        ({"trouble": "crash", "shell": SHELL, "claims": True, "host_ports": True}, {"claims", "host ports"}),
        ({"trouble": "crash", "shell": SHELL, "killed_from_outside": True}, {"killed from outside"}),
        ({"trouble": "probe", "shell": SHELL}, {"works twice"}),
        ({"place": "node sick"}, {"node files"}),
        ({"shell": SHELL, "claims": True}, set()),
    ],
)
def test_what_to_beware_of_is_said(situation: dict[str, Any], cautions: set[str]) -> None:
    assert set(_choice(**situation).cautions) == cautions


@pytest.mark.parametrize(
    ("codes", "running", "trouble"),
    [
        ({"CrashLoop", "ContainerExitedError"}, False, "crash"),
        ({"CrashLoop", "ContainerExitedError"}, True, "crash"),
        ({"ContainerExitedError"}, True, ""),
        ({"CommandNotFound", "CrashLoop"}, False, "command"),
        ({"ImageNotFound"}, False, "image"),
        ({"ImagePullSecretMissing"}, False, "config"),
        ({"ContainerConfigMissing"}, False, "config"),
        ({"LivenessProbeFailing", "CrashLoop"}, False, "probe"),
        ({"SandboxCreateFailed"}, False, "sandbox"),
        ({"InitCrashLoop"}, False, "crash"),
        (set(), True, ""),
        (set(), False, "starting"),
    ],
)
def test_what_the_pods_guide_finds_says_what_troubles_the_container(
    codes: set[str], running: bool, trouble: str
) -> None:
    assert trouble_of(frozenset(codes), running=running, ended=False) == trouble


def test_a_container_that_ended_without_fault_has_ended() -> None:
    assert trouble_of(frozenset(), running=False, ended=True) == "ended"


def _pod(image: str = "shop/web:1", command: tuple[str, ...] = (), *, running: bool = True) -> Pod:
    state = ContainerState(running=Running()) if running else ContainerState()
    return Pod(
        metadata=Meta(name="web-1", namespace="shop"),
        spec=PodSpec(containers=[Container(name="app", image=image, command=list(command))]),
        status=PodStatus(container_statuses=[ContainerStatus(name="app", state=state)]),
    )


def _heard(
    argv: list[str], exit_code: int | None = 0, stdout: str = "", stderr: str = "", **target: str
) -> Transcript:
    where = TranscriptTarget(
        kind="pod", **{"namespace": "shop", "pod": "web-1", "container": "app", **target}
    )
    return Transcript(
        target=where, argv=argv, stdout=stdout, stderr=stderr, exit_code=exit_code, source="t/1"
    )


_MISSING = (
    'exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown'
)


def test_what_was_tried_in_the_container_proves_whether_it_has_a_shell() -> None:
    assert shell_in(_pod(), "app", [_heard(["sh", "-c", "id"])])[:2] == (True, False)
    assert shell_in(_pod("nginx"), "app", [_heard(["sh", "-c", "id"], 1, stderr=_MISSING)])[:2] == (
        False,
        False,
    )
    # A shell that ran and failed in what it was told, or was not allowed in, says nothing about the shell.
    assert shell_in(_pod(), "app", [_heard(["sh", "-c", "x"], 3)]).present is None
    assert shell_in(_pod(), "app", [_heard(["sh"], 1, stderr='pods "web-1" is forbidden')]).present is None


def test_only_what_was_tried_in_this_container_counts() -> None:
    for elsewhere in ({"container": "other"}, {"pod": "web-2"}, {"namespace": "other"}):
        assert shell_in(_pod(), "app", [_heard(["sh"], **elsewhere)]).present is None
    assert shell_in(_pod(), "app", [_heard(["sh"], container="")]).present is True
    assert shell_in(_pod(), "app", [_heard(["cat", "/etc/passwd"])]).present is None


def test_a_container_that_runs_a_script_has_the_shell_that_runs_it() -> None:
    assert shell_in(_pod(command=("/bin/sh", "-c", "sleep 9")), "app", [])[:2] == (True, False)
    assert shell_in(_pod(command=("/bin/sh", "-c", "sleep 9"), running=False), "app", []).present is None
    assert shell_in(_pod(command=("/web",)), "app", []).present is None


@pytest.mark.parametrize(
    ("image", "present"),
    [
        ("busybox:1.36", True),
        ("docker.io/library/nginx:1.25@sha256:00", True),
        ("public.ecr.aws/docker/library/python:3", True),
        ("gcr.io/distroless/static-debian12:nonroot", False),
        ("gcr.io/distroless/base:debug", True),
        ("registry.k8s.io/pause:3.1", False),
        ("registry.k8s.io/kube-apiserver:v1.36.2", False),
        ("cgr.dev/chainguard/nginx:latest", False),
        ("cgr.dev/chainguard/nginx:latest-dev", True),
        ("shop/web:1", None),
        ("registry.shop.test/team/nginx:1", None),
        ("registry.shop.test/pauser:1", None),
        ("", None),
    ],
)
def test_an_image_known_by_name_makes_a_shell_likely_or_unlikely(image: str, present: bool | None) -> None:
    found = shell_in(_pod(image), "app", [])
    assert found.present is present
    assert found.likely is (present is not None)
