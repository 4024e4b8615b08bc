"""The cluster guide's second half on the recorded incidents: what failed, and which failure mode that is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.findings.headline import without_explained

Diagnose = Callable[..., Any]


def test_a_healthy_cluster_with_one_control_plane_node_is_no_alarm(diagnose: Diagnose) -> None:
    found = diagnose("healthy", guide="cluster")
    assert found.serious() == set()
    assert {"ApiServerHealthy", "FailureModeNone"} <= found.codes()
    assert found.one("FailureModeNone").facts["unread"]  # the case does not hold kube-system


@pytest.mark.parametrize("target", ["", "node/worker-2"])
def test_lost_nodes_are_the_headline_and_the_failure_mode_stands_beneath(
    target: str, diagnose: Diagnose
) -> None:
    found = diagnose("nodes", target, guide="cluster")
    assert found.headline.code == "NodeStatusUnknown"
    mode = found.one("FailureModeNodeDown")
    assert mode.severity == "critical"
    assert "worker-2" in mode.summary
    assert mode.since == found.headline.since
    serious = [one for one in found.findings if one.severity in ("critical", "warning")]
    assert [one.code for one in without_explained(serious)] == ["NodeStatusUnknown"]
    assert "NetworkPartition" not in str(found.codes())
    assert "several replicas" in found.one("MitigationsAdvice").summary


def test_when_every_node_is_lost_it_is_said_that_the_server_may_be_cut_off(diagnose: Diagnose) -> None:
    found = diagnose("node-down", namespace="healthy", guide="cluster")
    assert found.headline.code == "NodeStatusUnknown"
    assert "every node" in found.one("FailureModeNodeDown").title


def test_a_webhook_that_fails_closed_without_a_service_is_named(diagnose: Diagnose) -> None:
    found = diagnose("webhook", guide="cluster")
    assert found.headline.code == "WebhookBackendDown"
    assert found.headline.summary == (
        "Requests to create pods are refused in namespace webhook: admission webhook "
        "images.policy.example.com fails closed, and its Service policy-system/image-policy does not exist."
    )
    assert found.one("FailureModeOperatorError").severity == "warning"
    assert found.closing.change == "validatingwebhookconfiguration/image-policy was created 2 min ago"
    commands = [one.command for one in found.headline.next]
    assert "kubectl delete validatingwebhookconfiguration/image-policy" in commands


def test_a_cluster_without_a_metrics_api_lacks_nothing_that_is_an_alarm(diagnose: Diagnose) -> None:
    found = diagnose("autoscaling", guide="cluster")
    assert "AggregatedApiDown" not in found.codes()
