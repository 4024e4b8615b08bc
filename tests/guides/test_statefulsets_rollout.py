"""Rollouts: under way, held back on purpose, stuck, and the pod that blocks its own replacement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.made_cases import node
from tests.support.numbered import (
    NEW,
    OLD,
    claim,
    claim_template,
    crashing,
    deleted,
    lease,
    member,
    mounts,
    on_lost_node,
    pending,
    revision,
    service,
    silent_node,
    statefulset,
    volume,
)

Examine = Callable[..., Any]
Items = list[dict[str, Any]]
ROLLOUT = {"StatefulSetRollbackTrap", "StatefulSetRolloutBlocked", "StatefulSetRolloutProgress"}
KEPT = [revision(OLD, 1, age=80_000), revision(NEW, 2, age=1600, image="shop/db:2")]


def rolled(*pods: dict[str, Any], ready: int = 2, **more: Any) -> Items:
    """statefulset/db on its way from the old to the new revision."""
    top = statefulset(ready=ready, current=more.pop("current", OLD), update=more.pop("update", NEW), **more)
    return [node(), top, service(), *KEPT, *pods]


def old(number: int, **more: Any) -> dict[str, Any]:
    return member(number, revision=OLD, **more)


def test_a_rollout_under_way_is_told_and_no_alarm(examine: Examine) -> None:
    found = examine(rolled(old(0), old(1), member(2), ready=3), "db", guide="statefulsets")
    assert found.serious() == set()
    assert found.headline.code == "StatefulSetRolloutProgress"
    assert "next is db-1" in found.headline.summary


@pytest.mark.parametrize(
    "step",
    [member(2, ready=False, since=40), deleted(member(2, revision=OLD), overdue=-15)],
    ids=["starting", "leaving"],
)
def test_every_moment_of_an_ordinary_rollout_is_silent(step: dict[str, Any], examine: Examine) -> None:
    found = examine(rolled(old(0), old(1), step), "db", guide="statefulsets")
    assert found.serious() == set()


def test_an_old_pod_that_flickers_during_a_rollout_is_no_trap(examine: Examine) -> None:
    found = examine(
        rolled(old(0, ready=False, since=15, age=80_000), old(1), member(2)), "db", guide="statefulsets"
    )
    assert not {"StatefulSetRollbackTrap", "StatefulSetOrderedBlocked"} & found.codes()
    assert "critical" not in {one.severity for one in found.findings}


def test_a_new_pod_that_never_gets_ready_blocks_the_rollout_and_its_cause_leads(examine: Examine) -> None:
    found = examine(rolled(old(0), old(1), crashing(2)), "db", guide="statefulsets")
    assert found.headline.code == "ContainerExitedError"
    blocked = found.one("StatefulSetRolloutBlocked")
    assert blocked.severity == "warning"
    assert blocked.facts["due"] == ["db-1", "db-0"]
    assert any("kubectl delete pod db-2" in step.command and step.changes for step in blocked.next)


def test_a_new_pod_that_is_slow_blocks_nothing_yet(examine: Examine) -> None:
    found = examine(rolled(old(0), old(1), crashing(2, since=300)), "db", guide="statefulsets")
    assert "StatefulSetRolloutBlocked" not in found.codes()


def rolled_back(pod: dict[str, Any], **more: Any) -> Items:
    """The template is the first one again; db-2 still has the broken one in between."""
    return rolled(old(0), old(1), pod, update=OLD, **more)


def test_a_broken_pod_stays_after_a_rollback_and_must_be_deleted_by_hand(examine: Examine) -> None:
    found = examine(rolled_back(crashing(2)), "db", guide="statefulsets")
    assert found.headline.code == "StatefulSetRollbackTrap"
    assert "rolled back" in found.headline.summary
    assert "db-2" in found.headline.summary
    deletion = next(step for step in found.headline.next if step.changes)
    assert deletion.command.startswith("kubectl delete pod db-2 -n shop && kubectl rollout status")
    assert "ContainerExitedError" in found.serious()


def test_a_template_mended_forward_is_the_same_trap(examine: Examine) -> None:
    items = rolled(old(0), old(1), crashing(2), update="db-mended")
    found = examine(items, "db", guide="statefulsets")
    assert found.headline.code == "StatefulSetRollbackTrap"
    assert "changed" in found.headline.summary


def test_the_trap_catches_a_pod_below_that_never_let_the_rollout_begin(examine: Examine) -> None:
    items = rolled(old(0), crashing(1, revision=OLD), old(2))
    assert (
        examine(items, "db", guide="statefulsets").one("StatefulSetRollbackTrap").facts["trapped"] == "db-1"
    )


def test_in_parallel_the_controller_replaces_the_broken_pod_itself(examine: Examine) -> None:
    items = rolled_back(crashing(2), spec={"podManagementPolicy": "Parallel"})
    found = examine(items, "db", guide="statefulsets")
    assert "StatefulSetRollbackTrap" not in found.codes()


def test_below_a_partition_the_old_revision_is_meant(examine: Examine) -> None:
    spec = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
    items = rolled(old(0), crashing(1, revision=OLD), member(2), spec=spec)
    found = examine(items, "db", guide="statefulsets")
    assert not ROLLOUT & found.codes()
    assert found.headline.code == "ContainerExitedError"


def test_a_pod_that_waits_behind_another_is_not_what_traps(examine: Examine) -> None:
    items = rolled(crashing(0), old(1), crashing(2, revision="db-bad"), ready=1)
    assert "StatefulSetRollbackTrap" not in examine(items, "db", guide="statefulsets").codes()


def test_a_lost_node_is_no_trap(examine: Examine) -> None:
    lost = on_lost_node(member(2, on="n2", revision="db-bad"))
    items = [*rolled_back(lost), silent_node(), lease()]
    found = examine(items, "db", guide="statefulsets")
    assert "StatefulSetRollbackTrap" not in found.codes()
    assert found.headline.code == "StatefulSetNodePartitioned"


def test_a_claim_without_a_volume_is_no_trap_because_another_pod_gets_the_same(examine: Examine) -> None:
    said = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    waiting = pending(2, said, revision="db-bad", spec=mounts(2))
    items = rolled_back(waiting, spec={"volumeClaimTemplates": [claim_template()]})
    found = examine([*items, claim("data-db-2", phase="Pending", age=1500)], "db", guide="statefulsets")
    assert "StatefulSetRollbackTrap" not in found.codes()
    assert found.headline.code == "StorageClassMissing"


def test_a_pod_that_only_takes_long_is_no_trap_yet(examine: Examine) -> None:
    items = rolled_back(member(2, revision="db-bad", ready=False, since=400))
    assert "StatefulSetRollbackTrap" not in examine(items, "db", guide="statefulsets").codes()


def test_a_partition_says_which_pods_stay_old_on_purpose(examine: Examine) -> None:
    spec = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
    found = examine(rolled(old(0), old(1), member(2), ready=3, spec=spec), "db", guide="statefulsets")
    assert found.serious() == set()
    held = found.one("StatefulSetPartitionHolds")
    assert held.facts["held"] == ["db-0", "db-1"]
    assert "StatefulSetRolloutProgress" not in found.codes()


def test_a_partition_counts_from_the_first_ordinal(examine: Examine) -> None:
    spec = {
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}},
        "ordinals": {"start": 5},
    }
    items = rolled(old(5), member(6), member(7), ready=3, spec=spec)
    assert examine(items, "db", guide="statefulsets").one("StatefulSetPartitionHolds").facts["held"] == [
        "db-5"
    ]


def test_on_delete_says_how_to_renew_one_by_one(examine: Examine) -> None:
    items = rolled(old(0), old(1), member(2), ready=3, spec={"updateStrategy": {"type": "OnDelete"}})
    found = examine(items, "db", guide="statefulsets")
    assert found.serious() == set()
    told = found.one("StatefulSetUpdateOnDelete")
    assert told.facts["old"] == ["db-1", "db-0"]
    assert told.next[0].command.startswith("kubectl delete pod db-1 -n shop && kubectl wait")
    assert not ROLLOUT & found.codes()


def test_on_delete_is_done_when_all_pods_are_new(examine: Examine) -> None:
    items = rolled(*(member(n) for n in range(3)), ready=3, spec={"updateStrategy": {"type": "OnDelete"}})
    found = examine(items, "db", guide="statefulsets")
    assert "StatefulSetHealthy" in found.codes()
    assert found.steps["SS-06"].exhibits == []


def test_a_node_that_is_not_ready_is_no_trap(examine: Examine) -> None:
    sick = node("n2", ready="False", reason="KubeletNotReady", since=900)
    items = [*rolled_back(on_lost_node(member(2, on="n2", revision="db-bad"))), sick]
    found = examine(items, "db", guide="statefulsets")
    assert found.headline.code == "NodeNotReady"
    assert "StatefulSetRollbackTrap" not in found.codes()


def test_a_pod_that_merely_is_not_ready_for_long_is_a_likely_trap(examine: Examine) -> None:
    found = examine(rolled_back(member(2, revision="db-bad", ready=False, since=900)), guide="statefulsets")
    assert found.one("StatefulSetRollbackTrap").confidence == "likely"
    assert examine(rolled_back(crashing(2)), guide="statefulsets").headline.confidence == "confirmed"


def test_revisions_are_shown_with_what_the_newest_changed(examine: Examine) -> None:
    step = examine(rolled(old(0), old(1), crashing(2)), "db", guide="statefulsets").steps["SS-06"]
    table = next(one for one in step.exhibits if hasattr(one, "rows"))
    assert [row[:2] for row in table.rows] == [[NEW, "2"], [OLD, "1"]]
    assert table.rows[1][3] == "db-0 and db-1"
    difference = next(one for one in step.exhibits if getattr(one, "form", "") == "diff")
    changed = [line.split("image:")[-1].strip() for line in difference.text.splitlines() if "image:" in line]
    assert changed == ["shop/db:1", "shop/db:2"]


def test_revisions_that_may_not_be_read_cost_only_the_table(examine: Examine) -> None:
    found = examine(rolled_back(crashing(2)), "db", guide="statefulsets", without=("ControllerRevision",))
    assert found.headline.code == "StatefulSetRollbackTrap"


def test_a_finished_rollout_says_nothing(examine: Examine) -> None:
    items = [node(), statefulset(), service(), *KEPT, *(member(number) for number in range(3))]
    found = examine([*items, volume("unused")], "db", guide="statefulsets")
    assert not ROLLOUT & found.codes()
    assert found.steps["SS-06"].exhibits == []


def test_rollouts_stand_on_the_timeline(examine: Examine) -> None:
    found = examine(rolled(old(0), old(1), crashing(2)), "db", guide="statefulsets")
    assert "rollout, revision 2" in [mark.text for mark in found.closing.marks]


def test_the_rollout_is_named_as_what_changed_before(examine: Examine) -> None:
    blocked = examine(rolled(old(0), old(1), crashing(2)), "db", guide="statefulsets")
    trapped = examine(rolled_back(crashing(2)), "db", guide="statefulsets")
    for found in (blocked, trapped):
        assert found.closing.change.startswith("statefulset/db was rolled out (revision 2)")
