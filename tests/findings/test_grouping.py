"""Many objects with the same cause under the same owner are one finding; different causes stay apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kuberunbooks.findings import Finding, Owner, Subject, finding, group

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def on(
    name: str,
    *,
    code: str = "ContainerExitedError",
    namespace: str = "shop",
    container: str = "",
    **more: Any,
) -> Finding:
    return finding(code, Subject(kind="Pod", namespace=namespace, name=name, container=container), **more)


def web(subject: Subject) -> Owner:
    return Owner("deployment/web", 3)


def nobody(subject: Subject) -> Owner:
    return Owner()


def test_pods_of_one_owner_are_counted_and_the_first_is_the_example() -> None:
    (one,) = group([on("web-1"), on("web-2"), on("web-3")], web)
    assert (one.subject.name, one.count, one.total, one.owner) == ("web-1", 3, 3, "deployment/web")
    assert one.affected == ["web-1", "web-2", "web-3"]


def test_pods_of_nobody_stay_apart() -> None:
    assert len(group([on("a"), on("b")], nobody)) == 2


def test_the_same_pod_found_twice_counts_once() -> None:
    (one,) = group([on("web-1"), on("web-1")], web)
    assert (one.count, one.affected) == (1, ["web-1"])


def test_a_count_the_rule_itself_has_made_is_kept() -> None:
    one = on("web-1", code="PodHealthy")
    one.count = 3
    assert group([one], web)[0].count == 3


def test_what_differs_is_not_one_finding() -> None:
    different = [
        on("web-1"),
        on("web-2", code="CrashLoop"),
        on("web-3", severity="info"),
        on("web-4", container="side"),
        on("web-5", group=(137,)),
        on("web-6", namespace="other"),
    ]
    assert len(group(different, web)) == len(different)


def test_the_earliest_beginning_is_kept() -> None:
    (one,) = group(
        [on("a", since=NOON), on("b", since=NOON - timedelta(minutes=5)), on("c"), on("d", since=NOON)], web
    )
    assert one.since == NOON - timedelta(minutes=5)


def test_a_crowd_of_pods_of_nobody_is_one_finding() -> None:
    (one,) = group([on(f"bare-{number}") for number in range(2000)], nobody)
    assert (one.count, one.owner) == (2000, "")
