"""The telepresence guide on the recorded incidents, none of which has Telepresence: one info, and silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.guides import guide


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("healthy", ""),
        ("services", ""),
        ("services", "service/hostnames"),
        ("crashloop", "deployment/payments"),
        ("webhook", ""),
    ],
)
def test_a_cluster_without_telepresence_is_silent(
    name: str, target: str, diagnose: Callable[..., Any]
) -> None:
    found = diagnose(name, target, guide="telepresence")
    assert found.serious() == set()
    assert found.codes() == {"TrafficManagerMissing"}
    one = found.one("TrafficManagerMissing")
    assert one.evidence
    # The recording holds not every namespace: no trace was found, and more is not claimed.
    assert one.confidence == "likely"


def test_it_reads_no_more_than_the_reader_role_permits() -> None:
    assert {verb for verb, _, _ in guide("telepresence").rights} <= {"get", "list"}
    assert all(resource != "secrets" for _, _, resource in guide("telepresence").rights)
