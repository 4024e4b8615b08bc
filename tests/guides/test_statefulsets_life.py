"""Ordinary life of a StatefulSet: starts, scaling, rollouts, drains, deletion. No alarm is due."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.made_cases import ago, event, node
from tests.support.numbered import (
    NEW,
    OLD,
    claim,
    claim_template,
    deleted,
    member,
    mounts,
    pending,
    revision,
    service,
    statefulset,
    storage_class,
)

Examine = Callable[..., Any]
Items = list[dict[str, Any]]
PULLING = {"name": "app", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
WITH_CLAIMS = {"volumeClaimTemplates": [claim_template()]}


def starting(number: int, seconds: float, **more: Any) -> dict[str, Any]:
    more.setdefault("containers", [PULLING])
    return member(number, ready=False, since=seconds, phase="Pending", **more)


def just_applied() -> Items:
    """The first pod pulls its image, the Service has not been applied yet."""
    return [node(), statefulset(ready=0, created=1, age=20), starting(0, 15)]


def third_of_five() -> Items:
    """Minutes after it was applied: pods are made one after the other."""
    top = statefulset(replicas=5, ready=2, created=3, age=200)
    return [node(), top, service(), member(0, since=150), member(1, since=80), starting(2, 60)]


def volume_being_made() -> Items:
    """WaitForFirstConsumer: the claim waits for the node, the scheduler was asked a moment ago."""
    top = statefulset(ready=0, created=1, age=30, spec=WITH_CLAIMS)
    fresh = pending(0, "", since=20, spec=mounts(0))
    fresh["status"]["conditions"] = []
    held = claim("data-db-0", phase="Pending", age=20)
    return [node(), top, service(), fresh, held, storage_class(mode="WaitForFirstConsumer")]


def scaled_up() -> Items:
    """From 3 to 5 ten seconds ago; db-3 is being created."""
    top = statefulset(replicas=5, ready=3, created=4)
    top["metadata"]["managedFields"] = [{"manager": "kubectl", "time": ago(10), "subresource": "scale"}]
    return [node(), top, service(), *(member(number) for number in range(3)), starting(3, 8)]


def scaled_down() -> Items:
    """From 3 to 1: db-2 is leaving, db-1 follows."""
    top = statefulset(replicas=1, ready=2, created=3)
    leaving = deleted(member(2), overdue=-20)
    return [node(), top, service(), member(0), member(1), leaving]


def drained() -> Items:
    """n2 is cordoned, its pod evicted and leaving."""
    cordoned = node("n2") | {"spec": {"unschedulable": True}}
    leaving = deleted(member(1, on="n2"), overdue=-25)
    return [node(), cordoned, statefulset(ready=2), service(), member(0), leaving, member(2)]


def moved() -> Items:
    """The drained pod is made again elsewhere."""
    return [node(), statefulset(ready=2), service(), member(0), starting(1, 12), member(2)]


def rolling() -> Items:
    """db-2 has the new template and starts; its probe fails as it must."""
    top = statefulset(ready=2, current=OLD, update=NEW)
    olds = [member(number, revision=OLD) for number in (0, 1)]
    fresh = member(2, ready=False, since=30)
    told = event(fresh, "Unhealthy", "Readiness probe failed: connection refused", type_="Warning", at=4)
    return [node(), top, service(), *olds, fresh, told, revision(OLD, 1), revision(NEW, 2, age=60)]


def being_deleted() -> Items:
    """kubectl delete statefulset: all pods leave, none is made again."""
    top = statefulset(ready=3)
    top["metadata"] |= {"deletionTimestamp": ago(3), "finalizers": ["foregroundDeletion"]}
    return [node(), top, *(deleted(member(number), overdue=-20) for number in range(3))]


def not_reporting_for_a_moment() -> Items:
    """A pod of the middle is not ready since seconds, the others run on."""
    flicker = member(1, ready=False, since=5, age=80_000)
    return [node(), statefulset(ready=2), service(), member(0), flicker, member(2)]


@pytest.mark.parametrize(
    "life",
    [
        just_applied,
        third_of_five,
        volume_being_made,
        scaled_up,
        scaled_down,
        drained,
        moved,
        rolling,
        being_deleted,
    ],
)
def test_ordinary_life_is_no_alarm(life: Callable[[], Items], examine: Examine) -> None:
    for target in ("", "statefulset/db"):
        assert examine(life(), target, guide="statefulsets").serious() == set()


def test_a_pod_that_flickers_is_nothing_critical_and_nothing_of_the_order(examine: Examine) -> None:
    found = examine(not_reporting_for_a_moment(), "db", guide="statefulsets")
    assert "critical" not in {one.severity for one in found.findings}
    assert not [code for code in found.serious() if code.startswith("StatefulSet")]


def test_the_disruption_budget_is_told_once_and_is_no_alarm(examine: Examine) -> None:
    budget = {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "db", "namespace": "shop", "uid": "u", "creationTimestamp": ago(9000)},
        "spec": {"selector": {"matchLabels": {"app": "db"}}},
        "status": {"disruptionsAllowed": 0, "currentHealthy": 3, "desiredHealthy": 3, "expectedPods": 3},
    }
    items = [node(), statefulset(), service(), *(member(number) for number in range(3)), budget]
    found = examine(items, "db", guide="statefulsets")
    assert found.one("DisruptionBudgetExhausted").severity == "info"
    assert found.serious() == set()
