"""The node-problems guide on the recorded incidents: what their README says of nodes, else quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Diagnose = Callable[..., Any]


@pytest.mark.parametrize("target", ["", "worker-2", "node/worker-2"])
def test_the_deadlock_a_lost_node_last_reported_is_the_headline(target: str, diagnose: Diagnose) -> None:
    found = diagnose("nodes", target, guide="node-problems")
    assert found.headline is not None
    assert (found.headline.code, found.headline.severity) == ("KernelDeadlock", "critical")
    assert found.headline.subject.name == "worker-2"
    for word in ("worker-2", "last reported", "KernelDeadlock", "DockerHung", "before it went silent"):
        assert word in found.headline.summary
    assert "reports a hung kernel" not in found.headline.summary
    assert found.headline.evidence
    # Draining a machine that does not answer leads nowhere.
    assert all("drain" not in step.command for step in found.headline.next)
    assert found.serious() == {"KernelDeadlock"}


def test_the_other_lost_node_reported_nothing(diagnose: Diagnose) -> None:
    found = diagnose("nodes", "win-1", guide="node-problems")
    assert found.serious() == set()


@pytest.mark.parametrize("name", ["healthy", "crashloop", "oom", "services", "debugging"])
def test_where_no_agent_reports_trouble_of_a_node_in_use_nothing_is_said(
    name: str, diagnose: Diagnose
) -> None:
    found = diagnose(name, "lab-node-1", guide="node-problems")
    assert found.serious() == set(), [(one.code, one.summary) for one in found.findings]


def test_healthy_as_a_whole_is_quiet_and_claims_no_absence(diagnose: Diagnose) -> None:
    found = diagnose("healthy", guide="node-problems")
    assert found.serious() == set()
    # The case holds the DaemonSets of one namespace only.
    assert "NpdNotDeployed" not in found.codes()
    assert found.steps["NP-01"].status == "skipped"
