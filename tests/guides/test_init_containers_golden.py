"""The init-containers guide on the recorded incidents, and on the ordinary life of a healthy cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.guides import test_everyday_life as everyday
from tests.support.made_cases import ago

GUIDE = "init-containers"
CASE = "init-containers"


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("pod/init-fails", "InitCrashLoop", ("migrate", "code 4", "column price missing")),
        (
            "pod/init-waits",
            "InitProgress",
            ("wait-for-queue", "waiting for queue", "No container has failed"),
        ),
        ("pod/init-image", "ImageRegistryUnreachable", ("container tools", "cannot be pulled")),
        ("pod/init-never", "InitPodFailed", ("failed for good", "check", "restartPolicy Never")),
        ("pod/sidecar-init", "ContainerExitedError", ("Container app", "code 1")),
        ("", "InitPodFailed", ("failed for good",)),
    ],
)
def test_the_headline_is_what_a_person_found(
    target: str, code: str, words: tuple[str, ...], diagnose: Callable[..., Any]
) -> None:
    found = diagnose(CASE, target, guide=GUIDE)
    assert found.headline.code == code, found.headline.summary
    for word in words:
        assert word in found.headline.summary, found.headline.summary


def test_waiting_is_no_alarm_and_the_address_and_the_broken_tool_are_named(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose(CASE, "pod/init-waits", guide=GUIDE)
    assert found.serious() == set()
    wait = found.one("InitWaitsFor")
    assert "waits for 10.96.99.99:5672" in wait.summary
    assert "no Service and no pod of namespace init-containers has that address" in wait.summary
    assert any(cited.path == "spec.initContainers[0].command[2]" for cited in wait.evidence)
    tool = found.one("InitWaitToolFails")
    assert "nc: invalid option -- 'z'" in tool.summary
    assert "10.96.99.99:5672" in tool.summary


def test_a_sidecar_that_is_fine_is_said_to_be_fine(diagnose: Callable[..., Any]) -> None:
    found = diagnose(CASE, "pod/sidecar-init", guide=GUIDE)
    assert "sidecar proxy runs" in found.one("InitComplete").summary
    assert not any(one.subject.container == "proxy" for one in found.findings if one.severity != "ok")


def test_no_finding_and_no_log_stands_in_two_steps(diagnose: Callable[..., Any]) -> None:
    found = diagnose(CASE, guide=GUIDE)
    seen = [(one.code, one.subject, one.group) for one in found.findings]
    assert len(seen) == len(set(seen))
    logs = [
        exhibit.source
        for step in found.session.steps
        for exhibit in step.exhibits
        if hasattr(exhibit, "total_lines")
    ]
    assert logs
    assert len(logs) == len(set(logs))


@pytest.mark.parametrize("target", ["", "deployment/frontend", "job/once"])
def test_a_healthy_namespace_raises_no_alarm(target: str, diagnose: Callable[..., Any]) -> None:
    found = diagnose("healthy", target, guide=GUIDE)
    assert found.serious() == set()
    assert found.headline.code == "InitNone"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("crashloop", "deployment/payments"),
        ("oom", "deployment/indexer"),
        ("statefulsets", ""),
        ("probes", ""),
        ("termination-messages", "pod/many"),
    ],
)
def test_pods_without_init_containers_are_passed_over_and_that_is_said(
    name: str, target: str, diagnose: Callable[..., Any]
) -> None:
    found = diagnose(name, target, guide=GUIDE)
    assert {one.code for one in found.findings} == {"InitNone"}
    assert found.headline.code == "InitNone"
    for step in found.session.steps[1:]:
        assert [one.text for one in step.exhibits] == ["There is no pod with init containers to look at."]
    assert "has no init container" in found.headline.summary or "None of the" in found.headline.summary


def test_a_target_that_is_not_there_is_said_to_be_missing(diagnose: Callable[..., Any]) -> None:
    assert diagnose(CASE, "pod/init-gone", guide=GUIDE).headline.code == "PodMissing"


def with_init(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same objects; every pod has a sidecar and an init container, through where it has come that far."""
    for one in items:
        if one["kind"] == "Pod":
            spec, status = one["spec"], one["status"]
            spec["initContainers"] = [
                {"name": "proxy", "image": "shop/proxy:1", "restartPolicy": "Always"},
                {"name": "prepare", "image": "shop/prepare:1", "command": ["nc", "-z", "db", "5432"]},
                *spec.get("initContainers", []),
            ]
            if spec.get("nodeName") and status.get("containerStatuses"):
                done = {"exitCode": 0, "reason": "Completed", "startedAt": ago(7000), "finishedAt": ago(6990)}
                alive = status["phase"] not in ("Succeeded", "Failed")
                proxy = {"running": {"startedAt": ago(7000)}} if alive else {"terminated": done}
                status["initContainerStatuses"] = [
                    {"name": "proxy", "ready": alive, "started": alive, "restartCount": 0, "state": proxy},
                    {"name": "prepare", "ready": True, "restartCount": 0, "state": {"terminated": done}},
                    *status.get("initContainerStatuses", []),
                ]
                status["conditions"] = [
                    *(each for each in status["conditions"] if each["type"] != "Initialized"),
                    {"type": "Initialized", "status": "True", "lastTransitionTime": ago(6980)},
                ]
    return items


@pytest.mark.parametrize("situation", everyday.QUIET, ids=lambda one: one.__name__)
def test_ordinary_life_raises_no_alarm(
    situation: Callable[[], list[dict[str, Any]]], examine: Callable[..., Any]
) -> None:
    for target in everyday.targets(situation()):
        found = examine(with_init(situation()), target, guide=GUIDE)
        assert not found.serious(), (target, [(one.code, one.summary) for one in found.findings])


@pytest.mark.parametrize("situation", everyday.MILD, ids=lambda one: one.__name__)
def test_what_may_pass_by_itself_is_never_critical(
    situation: Callable[[], list[dict[str, Any]]], examine: Callable[..., Any]
) -> None:
    for target in everyday.targets(situation()):
        found = examine(with_init(situation()), target, guide=GUIDE)
        critical = [(one.code, one.summary) for one in found.findings if one.severity == "critical"]
        assert not critical, (target, critical)


def test_no_alarm_is_raised_that_the_pods_guide_does_not_raise(examine: Callable[..., Any]) -> None:
    for situation in everyday.MILD:
        ours = examine(with_init(situation()), guide=GUIDE).serious()
        theirs = examine(with_init(situation())).serious()
        # That init containers have not begun is said beside the reason, never alone.
        assert ours - theirs <= ({"InitNotStarted"} if theirs else set()), situation.__name__
