"""Ordinals that are missing, and the one that keeps the others from being made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.findings import without_explained
from tests.support.made_cases import ago, event, node, running
from tests.support.numbered import (
    claim,
    claim_template,
    crashing,
    member,
    mounts,
    pending,
    service,
    statefulset,
    storage_class,
)

Examine = Callable[..., Any]
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
PULLING = {"name": "app", "ready": False, "state": {"waiting": {"reason": "ContainerCreating"}}}
PARALLEL = {"podManagementPolicy": "Parallel"}


def test_the_first_ordinal_that_is_not_ready_blocks_the_others_and_its_cause_leads(examine: Examine) -> None:
    top = statefulset(ready=1, created=2)
    found = examine([node(), top, service(), member(0), crashing(1)], "db", guide="statefulsets")
    blocked = found.one("StatefulSetOrderedBlocked")
    assert (blocked.facts["blocker"], blocked.facts["unmade"]) == ("db-1", ["db-2"])
    assert blocked.since is not None
    assert found.headline.code == "ContainerExitedError"
    assert "db-1" in found.headline.summary
    assert "StatefulSetOrdinalMissing" not in found.codes()


def test_a_pending_claim_is_the_headline_and_not_the_order(examine: Examine) -> None:
    top = statefulset(ready=0, created=1, spec={"volumeClaimTemplates": [claim_template()]})
    waiting = pending(0, UNBOUND, spec=mounts(0))
    held = claim("data-db-0", phase="Pending", age=1500)
    found = examine([node(), top, service(), waiting, held], "db", guide="statefulsets")
    assert found.headline.code == "StorageClassMissing"
    assert "data-db-0" in found.headline.summary
    assert {"StatefulSetOrderedBlocked", "StatefulSetPvcUnbound"} <= found.serious()


def test_in_parallel_nobody_waits(examine: Examine) -> None:
    top = statefulset(ready=1, created=2, spec=PARALLEL)
    found = examine([node(), top, service(), member(0), crashing(1)], "db", guide="statefulsets")
    assert "StatefulSetOrderedBlocked" not in found.codes()
    assert found.one("StatefulSetOrdinalMissing").facts["pod_name"] == "db-2"


@pytest.mark.parametrize(
    ("seconds", "container", "severity"),
    [
        (40, PULLING, None),
        (100, running(ready=False), None),
        (300, running(ready=False), "info"),
        (300, PULLING, "info"),
        (900, running(ready=False), "critical"),
    ],
)
def test_an_ordinary_start_blocks_nobody(
    seconds: float, container: dict[str, Any], severity: str | None, examine: Examine
) -> None:
    top = statefulset(ready=1, created=2, age=seconds + 60)
    fresh = member(1, ready=False, since=seconds, containers=[container])
    found = examine([node(), top, service(), member(0), fresh], "db", guide="statefulsets")
    severities = [one.severity for one in found.findings if one.code == "StatefulSetOrderedBlocked"]
    assert severities == ([severity] if severity else [])
    if severity is None:
        assert found.serious() == set()


def test_a_scale_down_waits_for_a_broken_pod_too(examine: Examine) -> None:
    top = statefulset(replicas=2, ready=1)
    items = [node(), top, service(), member(0), crashing(1), member(2)]
    found = examine(items, "db", guide="statefulsets")
    assert found.one("StatefulSetOrderedBlocked").facts["surplus"] == ["db-2"]
    well = [node(), statefulset(replicas=2), service(), *(member(number) for number in range(3))]
    assert examine(well, "db", guide="statefulsets").serious() == set()


def test_the_lowest_ordinal_leads(examine: Examine) -> None:
    top = statefulset(ready=1)
    items = [
        node(),
        top,
        service(),
        member(0),
        crashing(1),
        pending(2, "0/1 nodes are available: 1 Insufficient cpu."),
    ]
    assert examine(items, "db", guide="statefulsets").headline.facts["ordinal"] == 1


def test_an_ordinal_without_a_pod_is_missing_when_all_before_it_are_ready(examine: Examine) -> None:
    top = statefulset(ready=2, created=2)
    items = [node(), top, service(), member(0), member(1)]
    found = examine(items, "db", guide="statefulsets")
    assert found.headline.code == "StatefulSetOrdinalMissing"
    assert "db-2" in found.headline.summary


def test_the_reason_why_it_cannot_be_made_is_the_headline(examine: Examine) -> None:
    top = statefulset(ready=2, created=2)
    said = 'create Pod db-2 in StatefulSet db failed error: pods "db-2" is forbidden: exceeded quota: team, '
    said += "requested: pods=1, used: pods=2, limited: pods=2"
    told = event(top, "FailedCreate", said, type_="Warning", at=20, first=900, count=9)
    found = examine([node(), top, service(), member(0), member(1), told], "db", guide="statefulsets")
    assert found.headline.code == "QuotaExceeded"
    assert "StatefulSetOrdinalMissing" in found.codes()


def fresh(seconds: float) -> dict[str, Any]:
    """managedFields of something whose specification was last written so many seconds ago."""
    return {
        "managedFields": [
            {"manager": "kubectl", "operation": "Update", "time": ago(seconds), "subresource": "scale"},
            {"manager": "kube-controller-manager", "time": ago(1), "subresource": "status"},
        ]
    }


@pytest.mark.parametrize(("seconds", "missing"), [(20, False), (300, True)])
def test_a_scale_up_of_a_moment_ago_misses_nothing(seconds: float, missing: bool, examine: Examine) -> None:
    top = statefulset(ready=2, created=2, **fresh(seconds))
    found = examine([node(), top, service(), member(0), member(1)], "db", guide="statefulsets")
    assert ("StatefulSetOrdinalMissing" in found.codes()) is missing


def test_a_pod_that_became_ready_just_now_has_its_successor_made_yet(examine: Examine) -> None:
    top = statefulset(ready=2, created=2)
    found = examine([node(), top, service(), member(0), member(1, since=10)], "db", guide="statefulsets")
    assert "StatefulSetOrdinalMissing" not in found.codes()


def test_a_pod_that_went_a_moment_ago_is_being_made_again(examine: Examine) -> None:
    top = statefulset(ready=2, created=2)
    gone = event(member(2), "Killing", "Stopping container app", at=8)
    found = examine([node(), top, service(), member(0), member(1), gone], "db", guide="statefulsets")
    assert "StatefulSetOrdinalMissing" not in found.codes()


def test_a_specification_the_controller_has_not_seen_is_no_trouble(examine: Examine) -> None:
    top = statefulset(ready=2, created=2, generation=2)
    top["status"]["observedGeneration"] = 1
    found = examine([node(), top, service(), member(0), member(1)], "db", guide="statefulsets")
    assert "StatefulSetOrdinalMissing" not in found.codes()


def test_a_pod_of_an_earlier_statefulset_holds_the_name_and_is_not_its_own(examine: Examine) -> None:
    top = statefulset(ready=2, created=2)
    items = [node(), top, service(), member(0), member(1), member(2, uid="uid-of-the-one-before")]
    found = examine(items, "db", guide="statefulsets")
    missing = found.one("StatefulSetOrdinalMissing")
    assert missing.facts["held"]
    assert "does not own it" in missing.summary
    assert [one.name for one in found.session._target.pods] == ["db-0", "db-1"]


def test_ordinals_may_begin_above_zero(examine: Examine) -> None:
    top = statefulset(replicas=2, spec={"ordinals": {"start": 5}})
    found = examine([node(), top, service(), member(5), member(6)], "db", guide="statefulsets")
    assert found.serious() == set()
    assert "StatefulSetHealthy" in found.codes()


def test_a_statefulset_scaled_to_nothing_is_well(examine: Examine) -> None:
    found = examine([node(), statefulset(replicas=0), service()], "db", guide="statefulsets")
    assert found.serious() == set()
    assert "scaled to 0" in found.one("StatefulSetHealthy").summary


def test_the_table_names_every_ordinal_also_those_without_a_pod(examine: Examine) -> None:
    top = statefulset(ready=1, created=2, spec={"volumeClaimTemplates": [claim_template()]})
    items = [node(), top, service(), member(0), crashing(1), claim("data-db-0"), storage_class()]
    table = next(one for one in examine(items, "db", guide="statefulsets").steps["SS-01"].exhibits)
    rows = [dict(zip((column.name for column in table.columns), row, strict=True)) for row in table.rows]
    assert [(row["ORDINAL"], row["STATUS"]) for row in rows] == [
        ("0", "Running"),
        ("1", "CrashLoopBackOff"),
        ("2", "not created"),
    ]
    assert rows[0]["CLAIMS"] == "data-db-0: Bound"
    assert rows[1]["CLAIMS"] == "data-db-1: none"


def test_an_operators_statefulset_is_explained_by_its_pods_cause_too(examine: Examine) -> None:
    top = statefulset(ready=1, created=2)
    top["metadata"]["ownerReferences"] = [
        {"kind": "EtcdCluster", "name": "etcd", "uid": "u", "controller": True}
    ]
    found = examine([node(), top, service(), member(0), crashing(1)], "db", guide="statefulsets")
    assert found.headline.code == "ContainerExitedError"
    left = without_explained([one for one in found.findings if one.severity == "critical"])
    assert [one.code for one in left] == ["ContainerExitedError"]


def test_as_many_ready_pods_as_wanted_may_still_be_the_wrong_ones(examine: Examine) -> None:
    top = statefulset(spec={"ordinals": {"start": 1}})
    found = examine([node(), top, service(), *(member(n) for n in range(3))], "db", guide="statefulsets")
    assert "StatefulSetHealthy" not in found.codes()


def test_an_operators_rollout_lacks_no_pods_while_one_starts(examine: Examine) -> None:
    top = statefulset(ready=2)
    top["metadata"]["ownerReferences"] = [
        {"kind": "EtcdCluster", "name": "etcd", "uid": "u", "controller": True}
    ]
    starting = member(2, ready=False, since=30)
    found = examine([node(), top, service(), member(0), member(1), starting], "db", guide="statefulsets")
    assert found.serious() == set()


def test_many_statefulsets_cost_no_request_each(examine: Examine) -> None:
    names = [f"db{number}" for number in range(30)]
    items = [node(), *(statefulset(name, replicas=1, update="r", current="r") for name in names)]
    items += [member(0, of=name, revision="r") for name in names] + [service(name) for name in names]
    found = examine(items, guide="statefulsets")
    assert found.serious() == set()
    assert found.one("StatefulSetHealthy").facts["sets"] == 30


def test_a_million_replicas_are_not_gone_through_one_by_one(examine: Examine) -> None:
    top = statefulset(replicas=50_000_000, ready=1, created=1)
    found = examine([node(), top, service(), member(0)], "db", guide="statefulsets")
    assert found.one("StatefulSetOrdinalMissing").facts["pod_name"] == "db-1"
