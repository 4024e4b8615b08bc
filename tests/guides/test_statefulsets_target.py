"""What the target of the statefulsets runbook may be, and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from tests.support.made_cases import make_case, node, owner, pod, workload
from tests.support.numbered import member, service, statefulset

Examine = Callable[..., Any]


def two() -> list[dict[str, Any]]:
    """statefulset/db with three pods, statefulset/mq with one, and a Deployment's pod."""
    return [
        node(),
        statefulset("db"),
        statefulset("mq", replicas=1, update="mq-new", current="mq-new"),
        *(member(number) for number in (2, 0, 1)),
        member(0, of="mq", revision="mq-new"),
        service("db"),
        service("mq"),
        workload("ReplicaSet", "web-1"),
        pod("web-1-x", ownerReferences=owner("ReplicaSet", "web-1"), labels={"app": "web"}),
    ]


@pytest.mark.parametrize(
    ("target", "pods"),
    [
        ("", ["db-0", "db-1", "db-2", "mq-0"]),
        ("statefulset/db", ["db-0", "db-1", "db-2"]),
        ("sts db", ["db-0", "db-1", "db-2"]),
        ("db", ["db-0", "db-1", "db-2"]),
        ("d", ["db-0", "db-1", "db-2"]),
        ("db-1", ["db-0", "db-1", "db-2"]),
        ("pod/db-1", ["db-0", "db-1", "db-2"]),
        ("app=mq", ["mq-0"]),
        ("apps.kubernetes.io/pod-index=2", ["db-0", "db-1", "db-2"]),
    ],
)
def test_a_target_leads_to_whole_statefulsets_by_ordinal(
    target: str, pods: list[str], examine: Examine
) -> None:
    found = examine(two(), target, guide="statefulsets")
    assert [one.name for one in found.session._target.pods] == pods
    assert found.serious() == set()
    assert "StatefulSetHealthy" in found.codes()


def test_all_namespaces_at_once(examine: Examine) -> None:
    found = examine(two(), "db", namespace="-", guide="statefulsets")
    assert [one.name for one in found.session._target.pods] == ["db-0", "db-1", "db-2"]


@pytest.mark.parametrize("target", ["deployment/web", "service/db", "pod/web-1-x", "web-1-x"])
def test_what_is_no_statefulset_is_refused_with_advice(target: str, tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", two())
    session = notebook.open("statefulsets", case=str(case), namespace="shop", target=target)
    assert session.start.failure is not None
    assert session.start.failure.error == "BadParameter"
    assert "statefulset/NAME" in session.start.failure.advice


@pytest.mark.parametrize(
    ("target", "code"),
    [("statefulset/dc", "StatefulSetMissing"), ("xy", "StatefulSetMissing"), ("pod/db-7", "PodMissing")],
)
def test_what_is_not_there_is_said_with_what_comes_near(target: str, code: str, examine: Examine) -> None:
    found = examine(two(), target, guide="statefulsets")
    assert found.headline.code == code
    assert found.serious() == {code}


def test_a_pod_whose_statefulset_is_gone(examine: Examine) -> None:
    found = examine([node(), member(0)], "pod/db-0", guide="statefulsets")
    assert found.headline.code == "StatefulSetMissing"
    assert "statefulset/db" in found.headline.summary


def test_a_selector_that_no_statefulset_has(examine: Examine) -> None:
    assert examine(two(), "app=nothing", guide="statefulsets").headline.code == "TargetMissing"


def test_a_namespace_that_does_not_exist(examine: Examine) -> None:
    found = examine(two(), namespace="shopp", guide="statefulsets")
    assert found.headline.code == "NamespaceMissing"


def test_ordinals_come_from_the_name_where_the_label_is_not_yet_known(examine: Examine) -> None:
    pods = [member(number, label=False) for number in (10, 9, 0)]
    top = statefulset(replicas=3, spec={"ordinals": {"start": 0}})
    found = examine([node(), top, *pods, service()], guide="statefulsets")
    assert [one.name for one in found.session._target.pods] == ["db-0", "db-9", "db-10"]
