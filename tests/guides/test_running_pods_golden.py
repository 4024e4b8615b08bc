"""The running-pods guide on the recorded incidents: the cause the pods guide names, else quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.test_golden_headlines import GOLDEN, QUIET, Golden

# Why a Service has no ready endpoint, and whether a Job's backlog is over, is not what this guide asks.
PODS = [golden for golden in GOLDEN if golden.code]


@pytest.mark.parametrize("golden", PODS, ids=lambda golden: f"{golden.incident}:{golden.target}")
def test_it_names_the_same_cause_as_the_pods_guide(golden: Golden, diagnose: Callable[..., Any]) -> None:
    found = diagnose(golden.incident, golden.target, namespace=golden.namespace, guide="running-pods")
    assert found.headline is not None
    assert found.headline.code == golden.code, (found.headline.summary, found.serious())
    for word in golden.words:
        assert word in found.headline.summary
    for one in found.findings:
        assert one.title != one.code, one.code
        assert "{{" not in one.summary + one.title + one.explanation
        if one.severity in ("critical", "warning"):
            assert one.evidence, one.code
            assert one.next, one.code


@pytest.mark.parametrize(("name", "target", "namespace"), QUIET)
def test_what_is_well_raises_no_alarm(
    name: str, target: str, namespace: str, diagnose: Callable[..., Any]
) -> None:
    found = diagnose(name, target, namespace=namespace, guide="running-pods")
    assert found.serious() == set(), [(one.code, one.summary) for one in found.findings]


def test_debugging_leaves_a_node_shell_a_copy_and_a_container_behind(diagnose: Callable[..., Any]) -> None:
    found = diagnose("debugging", guide="running-pods")
    left = {one.subject.name: one for one in found.findings if one.code == "DebugPodLeftBehind"}
    assert set(left) == {"myapp-debug", "node-debugger-lab-node-1-qh8r8"}
    assert "node lab-node-1" in left["node-debugger-lab-node-1-qh8r8"].summary
    assert found.headline.subject.name == "node-debugger-lab-node-1-qh8r8"
    assert found.one("EphemeralLeftBehind").subject.name == "ephemeral-demo"
    # They are seven minutes old: somebody may be at work.
    assert found.serious() == set()


def test_secrets_of_an_incident_are_in_no_table_object_or_log(diagnose: Callable[..., Any]) -> None:
    found = diagnose("crashloop", "deployment/payments", guide="running-pods")
    shown = repr(found.session.steps) + repr(found.closing)
    assert "s3cr3tpw" not in shown
    assert "hunter2-not-a-real-one" not in shown
    assert "DB_PASSWORD" in shown
