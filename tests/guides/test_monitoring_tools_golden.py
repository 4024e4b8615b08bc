"""The monitoring-tools guide on recorded incidents: pipelines, and silence where all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

GUIDE = "monitoring-tools"


def test_autoscalers_without_a_metrics_api_are_the_headline(diagnose: Callable[..., Any]) -> None:
    found = diagnose("autoscaling", guide=GUIDE)
    assert found.headline.code == "HpaMetricUnserved"
    assert found.headline.severity == "critical"
    assert "autoscaling/thumbs and autoscaling/ghost" in found.headline.summary
    assert "needs the API" not in found.headline.summary
    assert "metrics.k8s.io" in found.headline.summary
    assert found.headline.since is not None
    assert found.serious() == {"HpaMetricUnserved"}
    assert found.one("ResourcePipelineAbsent").severity == "info"


def test_one_autoscaler_is_judged_alone(diagnose: Callable[..., Any]) -> None:
    found = diagnose("autoscaling", "hpa/thumbs", guide=GUIDE)
    assert found.headline.subject.name == "thumbs"
    assert found.headline.count == 1
    assert found.headline.evidence[-1].value.startswith("the HPA was unable to compute the replica count")


def test_the_autoscaler_of_a_workload_is_found_by_its_target(diagnose: Callable[..., Any]) -> None:
    found = diagnose("autoscaling", "deployment/thumbs", guide=GUIDE)
    assert found.headline.facts["names"] == ["autoscaling/thumbs"]


def test_a_healthy_namespace_is_silent_and_what_is_missing_is_only_said(diagnose: Callable[..., Any]) -> None:
    found = diagnose("healthy", guide=GUIDE)
    assert found.serious() == set()
    assert found.headline is None
    assert found.codes() == {"ResourcePipelineAbsent", "CustomMetricsAbsent", "ExternalMetricsAbsent"}


@pytest.mark.parametrize("step", ["MT-05", "MT-07", "MT-08", "MT-09"])
def test_tools_that_the_recording_cannot_show_are_not_said_to_be_absent(
    diagnose: Callable[..., Any], step: str
) -> None:
    found = diagnose("healthy", guide=GUIDE)
    assert found.steps[step].status == "skipped"
    assert "not all pods" in found.steps[step].verdict
    assert "PrometheusNotFound" not in found.codes()


def test_a_node_is_a_target(diagnose: Callable[..., Any]) -> None:
    found = diagnose("nodes", "node/worker-2", guide=GUIDE)
    assert found.session.start.target_text == "node/worker-2"
    assert found.serious() == set()
