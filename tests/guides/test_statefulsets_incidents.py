"""The recorded incidents give the root cause a person found, and the healthy one gives nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.findings import Words

Diagnose = Callable[..., Any]


def diagnosed(diagnose: Diagnose, name: str, target: str = "", **more: Any) -> Any:
    return diagnose(name, target, guide="statefulsets", **more)


@pytest.mark.parametrize(
    ("name", "target", "code", "words"),
    [
        ("statefulsets", "statefulset/db", "ContainerExitedError", ("replica cannot reach primary", "db-1")),
        ("statefulsets", "db-1", "ContainerExitedError", ("replica cannot reach primary", "db-1")),
        (
            "statefulsets",
            "statefulset/search",
            "NoPersistentVolumeAvailable",
            ("search-0", "data-search-0", "standard", "no provisioner"),
        ),
        ("statefulsets", "", "NoPersistentVolumeAvailable", ("data-search-0",)),
        ("statefulsets", "cache", "PodFinalizerBlocked", ("cache-1", "example.com/drain")),
        ("admission", "statefulset/store", "LimitRangeViolation", ("64Mi", "128Mi", "statefulset/store")),
    ],
)
def test_the_headline_names_the_root_cause(
    name: str, target: str, code: str, words: tuple[str, ...], diagnose: Diagnose
) -> None:
    top = diagnosed(diagnose, name, target).headline
    assert top.code == code
    assert [word for word in words if word not in top.summary] == []


def test_what_follows_from_the_missing_volume_is_named_beside_it(diagnose: Diagnose) -> None:
    found = diagnosed(diagnose, "statefulsets", "statefulset/search")
    assert found.one("StatefulSetOrderedBlocked").facts["unmade"] == ["search-1"]
    assert "search-missing" in found.one("StatefulSetServiceMissing").summary
    assert found.one("StatefulSetPvcUnbound").subject.name == "data-search-0"
    assert "StatefulSetOrdinalMissing" not in found.codes()


def test_a_crash_blocks_nobody_who_is_there_already(diagnose: Diagnose) -> None:
    found = diagnosed(diagnose, "statefulsets", "statefulset/db")
    assert "StatefulSetOrderedBlocked" not in found.codes()
    assert "StatefulSetServiceMissing" not in found.codes()


def test_a_pod_held_only_by_a_finalizer_is_no_case_for_force(diagnose: Diagnose) -> None:
    found = diagnosed(diagnose, "statefulsets", "statefulset/cache")
    assert "StatefulSetPodTerminatingStuck" in found.codes()
    assert "StatefulSetForceDeleteUnsafe" not in found.codes()
    assert not [step.command for one in found.findings for step in one.next if "--force" in step.command]


def test_a_refused_pod_is_a_missing_ordinal_with_the_refusal_as_its_cause(diagnose: Diagnose) -> None:
    found = diagnosed(diagnose, "admission", "statefulset/store")
    assert found.one("StatefulSetOrdinalMissing").facts["pod_name"] == "store-0"


@pytest.mark.parametrize(
    ("name", "namespace"), [("healthy", "healthy"), ("node-down", "healthy"), ("nodes", "nodes")]
)
def test_a_namespace_without_statefulsets_is_no_alarm(name: str, namespace: str, diagnose: Diagnose) -> None:
    found = diagnosed(diagnose, name, namespace=namespace)
    assert found.codes() == {"NoStatefulSets"}
    assert "holds no StatefulSets" in found.closing.verdict


def test_a_numbered_pod_is_named_and_how_many_are_affected_is_still_said(diagnose: Diagnose) -> None:
    top = diagnosed(diagnose, "statefulsets", "statefulset/db").headline
    assert Words().who(top) == "pod db-1"
    assert Words().share(top) == "1 of 3 pods of statefulset/db"
