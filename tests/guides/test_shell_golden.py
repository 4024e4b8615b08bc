"""The shell guide on recorded incidents: what was run in containers there, and silence where all is well."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Diagnosis

Diagnose = Callable[..., Diagnosis]


def test_an_image_without_a_shell_is_told_with_the_way_in(diagnose: Diagnose) -> None:
    found = diagnose("debugging", "pod/ephemeral-demo", guide="shell")
    assert found.headline is not None
    assert found.headline.code == "ShellMissing"
    assert "no shell" in found.headline.summary
    assert any(
        "kubectl debug" in step.command and "--target=ephemeral-demo" in step.command
        for step in found.headline.next
    )
    assert found.serious() == set()


def test_the_debug_container_sees_the_processes_of_its_target(diagnose: Diagnose) -> None:
    one = diagnose("debugging", "pod/ephemeral-demo", guide="shell").one("InsideProcesses")
    assert one.subject.container == "debugger-c4b86"
    assert one.facts["first"] == "/pause"
    assert one.facts["shared"] is True


def test_single_commands_of_a_pod_are_told_and_no_value_of_its_environment(diagnose: Diagnose) -> None:
    found = diagnose("debugging", "pod/myapp", guide="shell")
    assert {one.facts["command"] for one in found.findings if one.code == "ExecCommandOk"} == {
        "ps aux",
        "env",
    }
    assert "KUBERNETES_SERVICE_HOST" in str(found.steps["SH-11"].exhibits)
    assert "10.96.0.1" not in str([step.exhibits for step in found.steps.values()])
    assert "10.96.0.1" not in str([one.evidence for one in found.findings])
    assert found.serious() == set()


def test_a_copy_is_read_by_its_own_containers(diagnose: Diagnose) -> None:
    found = diagnose("debugging", "pod/myapp-debug", guide="shell")
    assert found.serious() == set()
    assert "ContainerChoiceRequired" in found.codes()


def test_a_whole_namespace_tells_of_every_container_something_was_run_in(diagnose: Diagnose) -> None:
    found = diagnose("debugging", guide="shell")
    assert {one.subject.name for one in found.findings if one.code == "InsideProcesses"} == {
        "ephemeral-demo",
        "myapp",
    }
    assert found.serious() == set()


@pytest.mark.parametrize("target", ["", "deployment/frontend", "job/once"])
def test_the_healthy_namespace_is_silent(diagnose: Diagnose, target: str) -> None:
    assert diagnose("healthy", target, guide="shell").serious() == set()


def test_the_client_pods_of_the_services_incident_are_silent(diagnose: Diagnose) -> None:
    found = diagnose("services", guide="shell")
    assert not found.serious() - {"ResolvConfNameserverWrong", "ResolvConfSearchMissing"}
