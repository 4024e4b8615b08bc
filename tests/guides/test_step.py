"""A step turned into a result: what it could not look at, and steps made of others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.errors import NotCollected
from kuberunbooks.findings import StepResult, finding
from kuberunbooks.guides import NotChecked, Step, run_step, step
from kuberunbooks.guides.pods.target import Pods
from kuberunbooks.guides.step import combined
from kuberunbooks.redaction import Redactor
from tests.support.made_cases import make_case, node, pod


@step("T-01", title="Quiet")
def quiet(target: Any, cluster: Cluster) -> Iterator[Any]:
    """Says nothing."""
    yield from ()


@step("T-02", title="Blind")
def blind(target: Any, cluster: Cluster) -> Iterator[Any]:
    """Has nothing to look at."""
    yield NotChecked("No password=hunter2hunter2 was given.")


@step("T-03", title="Loud")
def loud(target: Any, cluster: Cluster) -> Iterator[Any]:
    """Finds something."""
    yield finding("PodNotReady", target.subject, severity="warning")


@step("T-04", title="Refused")
def refused(target: Any, cluster: Cluster) -> Iterator[Any]:
    """May not read."""
    raise NotCollected("The case does not hold it.", path="api/v1/nodes")
    yield


@step("T-05", title="Broken")
def broken(target: Any, cluster: Cluster) -> Iterator[Any]:
    """Has a bug."""
    raise KeyError("x")
    yield


@pytest.fixture
def run(tmp_path: Path) -> Any:
    """`run(step)`: its result on a small case."""
    cluster = Cluster(CaseSource(make_case(tmp_path / "case", [pod(), node()])))

    def result(one: Step) -> StepResult:
        return run_step(one, Pods("", "shop"), cluster, Redactor(), guide="pods", language="en")

    return result


def of(*parts: Step) -> Step:
    """A step made of these."""
    return combined("T-10", "all", parts, title="All", question="What do they say?")


def test_a_step_that_had_nothing_to_look_at_is_not_shown_as_fine(run: Any) -> None:
    result = run(blind)
    assert result.status == "skipped"
    assert result.verdict.startswith("No password=")
    assert "hunter2" not in result.verdict
    assert run(quiet).status == "ok"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ((quiet, blind), "ok"),
        ((blind, blind), "skipped"),
        ((blind, loud), "warning"),
        ((refused, loud), "warning"),
        ((refused, quiet), "refused"),
        ((blind, refused), "refused"),
        ((broken, loud), "failed"),
    ],
)
def test_a_step_made_of_others_is_as_bad_as_the_worst_and_looked_at_when_one_of_them_looked(
    run: Any, parts: tuple[Step, ...], status: str
) -> None:
    assert run(of(*parts)).status == status


def test_a_part_that_may_not_read_costs_the_others_nothing(run: Any) -> None:
    assert {one.code for one in run(of(refused, loud)).findings} == {"EvidenceUnavailable", "PodNotReady"}
