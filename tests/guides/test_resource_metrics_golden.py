"""The resource-metrics guide on the recorded incidents: what autoscalers lack, else quiet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import INCIDENTS

Diagnose = Callable[..., Any]


def guided(diagnose: Diagnose, incident: str, target: str = "", **more: Any) -> Any:
    return diagnose(incident, target, guide="resource-metrics", **more)


@pytest.mark.parametrize("target", ["", "hpa/thumbs", "deployment/thumbs"])
def test_the_missing_api_is_named_with_the_requests_that_are_missing_too(
    target: str, diagnose: Diagnose
) -> None:
    found = guided(diagnose, "autoscaling", target)
    assert found.headline.code == "MetricsApiMissing"
    assert found.headline.severity == "critical"
    assert "hpa/thumbs cannot scale: the cluster has no metrics API" in found.headline.summary
    assert "its pods have no cpu request" in found.headline.summary
    assert found.headline.since is not None
    requests = found.one("HpaMissingRequests")
    assert requests.severity == "warning"
    assert requests.confidence == "likely"
    assert (
        "container a of thumbs-56947c86d-6lg2g and thumbs-56947c86d-zcdnc has no cpu request"
        in requests.summary
    )
    assert any(
        "set resources deployment/thumbs -n autoscaling -c a" in step.command for step in requests.next
    )


def test_the_failing_autoscaler_is_explained_by_the_missing_api(diagnose: Diagnose) -> None:
    from kuberunbooks.findings import without_explained

    found = guided(diagnose, "autoscaling", "hpa/thumbs")
    assert "HpaMetricsFailing" in found.serious()
    left = without_explained([one for one in found.findings if one.severity == "critical"])
    assert [one.code for one in left] == ["MetricsApiMissing"]


def test_an_autoscaler_without_a_target_is_told_apart_from_missing_metrics(diagnose: Diagnose) -> None:
    found = guided(diagnose, "autoscaling", "hpa/ghost")
    assert found.headline.code == "HpaTargetMissing"
    assert "deployment/no-such does not exist" in found.headline.summary
    assert found.one("MetricsApiMissing").severity == "warning"
    assert "HpaMissingRequests" not in found.codes()


def test_both_autoscalers_stand_in_the_tables_with_their_reason(diagnose: Diagnose) -> None:
    found = guided(diagnose, "autoscaling")
    numbers, why = (one for one in found.steps["RM-08"].exhibits if hasattr(one, "rows"))
    assert {row[0]: row[1:9] for row in numbers.rows} == {
        "thumbs": ["deployment/thumbs", "cpu", "failed", "60 %", "2", "2", "2", "6"],
        "ghost": ["deployment/no-such", "memory", "not known", "10Mi", "0", "0", "1", "3"],
    }
    assert {row[0] for row in why.rows} == {"thumbs", "ghost"}
    assert all("hpa/" in row[1] for row in why.rows)
    assert {mark.lane for mark in found.steps["RM-08"].marks} == {"hpa/thumbs", "hpa/ghost"}


def test_without_the_api_the_usage_the_kubelets_gave_is_shown_and_marked_as_theirs(
    diagnose: Diagnose,
) -> None:
    found = guided(diagnose, "autoscaling", "deployment/thumbs")
    nodes, pods, table, _ = found.steps["RM-06"].exhibits
    assert "as the kubelets in the case said" in nodes.caption
    assert nodes.bars[0].label == "lab-node-1"
    assert "1.3Gi of 23.4Gi allocatable" in nodes.bars[0].text
    assert {bar.label for bar in pods.bars} == {row[0] for row in table.rows}
    assert all("no request" in bar.text for bar in pods.bars)
    assert found.one("KubeletMetricsOk").subject.name == "lab-node-1"
    assert found.steps["RM-03"].status == found.steps["RM-04"].status == "skipped"


QUIET = sorted(
    {path.name.removesuffix(".tar.gz") for path in INCIDENTS.glob("*.tar.gz")} - {"autoscaling", "audit"}
)


@pytest.mark.parametrize("name", QUIET)
def test_a_cluster_without_metrics_server_is_ordinary(name: str, diagnose: Diagnose) -> None:
    namespace = {"node-down": "healthy", "services-nftables": "services"}.get(name, name)
    found = guided(diagnose, name, namespace=namespace)
    assert found.serious() == set(), [(one.code, one.summary) for one in found.findings]
    assert found.headline.code == "MetricsApiMissing"
    assert "no autoscaler looked at needs it" in found.headline.summary


def test_the_pods_guide_says_of_the_same_incident_what_it_said_before(diagnose: Diagnose) -> None:
    found = diagnose("autoscaling", "deployment/thumbs")
    assert found.serious() == set()


def test_one_node_is_shown_with_what_its_pods_use(diagnose: Diagnose) -> None:
    found = guided(diagnose, "autoscaling", "node/lab-node-1")
    assert found.session.start.target_text == "node/lab-node-1"
    assert found.one("MetricsApiMissing").severity == "info"
    assert found.steps["RM-08"].status == "skipped"
    (nodes, *_) = found.steps["RM-05"].exhibits
    assert nodes.bars[0].text.startswith("157m of 2 allocatable, 8%")


@pytest.mark.parametrize(("target", "near"), [("hpa/thumb", ["thumbs"]), ("node/lab-node-2", ["lab-node-1"])])
def test_what_does_not_exist_is_said_with_names_like_it(
    target: str, near: list[str], diagnose: Diagnose
) -> None:
    found = guided(diagnose, "autoscaling", target)
    assert found.headline.code == "MetricsTargetMissing"
    assert found.headline.facts["near"] == near
