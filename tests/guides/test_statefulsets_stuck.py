"""Pods that are Unknown or Terminating for long, and when a forced deletion may be spoken of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.made_cases import node, stopped
from tests.support.numbered import (
    crashing,
    deleted,
    lease,
    member,
    mounts,
    on_lost_node,
    service,
    silent_node,
    statefulset,
)

Examine = Callable[..., Any]
Items = list[dict[str, Any]]
OUT_OF_SERVICE = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}


def stranded(*nodes: dict[str, Any], overdue: float = 900, since: float = 1200) -> Items:
    """db-1 on n2, being deleted by the control plane since n2 was lost; the others on n1."""
    lost = deleted(on_lost_node(member(1, on="n2", spec=mounts(1)), since=since), overdue=overdue)
    return [
        node(),
        *nodes,
        statefulset(ready=2),
        service(),
        member(0),
        lost,
        member(2),
    ]


def commands(found: Any) -> list[str]:
    return [step.command for one in found.findings for step in one.next]


def test_a_silent_node_may_be_alive_and_force_is_not_offered(examine: Examine) -> None:
    found = examine([*stranded(silent_node()), lease()], "db", guide="statefulsets")
    assert found.headline.code == "StatefulSetNodePartitioned"
    assert "db-1" in found.headline.summary
    assert "20 min" in found.headline.summary
    assert not [one for one in commands(found) if "--force" in one]
    again = found.headline.next[-1].command
    assert "nodes_off=n2" in again
    assert "target=statefulset/db" in again
    assert "split brain" in found.one("StatefulSetForceDeleteUnsafe").explanation
    assert "data-db-1" in found.one("StatefulSetForceDeleteUnsafe").explanation


def test_a_node_is_named_once_and_its_pods_symptoms_follow_from_it(examine: Examine) -> None:
    found = examine([*stranded(silent_node()), lease()], "db", guide="statefulsets")
    twice = {"NodeStatusUnknown", "PodNodeNotReady", "TerminatingOnLostNode", "PodTerminatingStuck"}
    assert not twice & found.codes()
    assert found.one("StatefulSetPodTerminatingStuck").facts["ordinal"] == 1


@pytest.mark.parametrize(
    ("nodes", "options", "proof"),
    [
        ([silent_node()], {"nodes_off": "n7, n2"}, "told"),
        ([silent_node(taints=[OUT_OF_SERVICE])], {}, "taint"),
        ([], {}, "gone"),
    ],
)
def test_a_node_known_to_be_dead_gets_the_safe_order_of_action_with_force_last(
    nodes: Items, options: dict[str, str], proof: str, examine: Examine
) -> None:
    found = examine([*stranded(*nodes), lease()], "db", guide="statefulsets", **options)
    assert found.headline.code == "StatefulSetNodeDead"
    assert found.headline.facts["proof"] == proof
    steps = found.headline.next
    forced = [step for step in steps if "--force" in step.command]
    assert [step.changes for step in forced] == [True]
    assert "-l app=db --field-selector spec.nodeName=n2" in forced[0].command
    before = [step.command for step in steps[: steps.index(forced[0])]]
    expected = {"told": "kubectl taint nodes n2", "taint": "-o wide -w", "gone": "-o wide -w"}[proof]
    assert any(expected in command for command in before)


def test_a_node_that_still_gives_signs_of_life_is_not_believed_to_be_off(examine: Examine) -> None:
    items = [*stranded(silent_node()), lease(renewed=5)]
    found = examine(items, "db", guide="statefulsets", nodes_off="n2")
    assert found.headline.code == "StatefulSetNodePartitioned"
    notes = [one.text for one in found.steps["SS-03"].exhibits if hasattr(one, "text")]
    assert any("renewed its lease 5 s ago" in text for text in notes)


def test_a_ready_node_is_not_off_whatever_was_said(examine: Examine) -> None:
    items = [node(), statefulset(), service(), *(member(number) for number in range(3))]
    found = examine(items, "db", guide="statefulsets", nodes_off="n1,n9")
    assert found.serious() == set()
    notes = [one.text for one in found.steps["SS-03"].exhibits if hasattr(one, "text")]
    assert [text for text in notes if "n1" in text and "still reports" in text]
    assert [text for text in notes if "n9" in text and "none of these pods" in text]


def test_a_node_silent_for_a_moment_is_the_nodes_trouble_and_nothing_more(examine: Examine) -> None:
    items = [
        node(),
        silent_node(since=90),
        statefulset(ready=2),
        service(),
        member(0),
        on_lost_node(member(1, on="n2"), since=90),
        member(2),
    ]
    found = examine(items, "db", guide="statefulsets")
    assert found.headline.code == "NodeStatusUnknown"
    assert not {"StatefulSetPodUnknown", "StatefulSetNodePartitioned"} & found.codes()


def test_a_pod_on_a_node_silent_for_long_is_unknown_also_while_nobody_deletes_it(examine: Examine) -> None:
    items = [
        node(),
        silent_node(),
        statefulset(ready=2),
        service(),
        member(0),
        on_lost_node(member(1, on="n2")),
        member(2),
    ]
    found = examine(items, "db", guide="statefulsets")
    assert found.one("StatefulSetPodUnknown").facts["deleting"] is False
    assert found.headline.code == "StatefulSetNodePartitioned"


def test_what_an_older_server_calls_unknown_is_taken_at_its_word(examine: Examine) -> None:
    unknown = member(1, phase="Unknown", ready=False)
    items = [node(), statefulset(ready=2), service(), member(0), unknown, member(2)]
    found = examine(items, "db", guide="statefulsets").one("StatefulSetPodUnknown")
    assert "does not report" not in found.summary


def test_nodes_that_may_not_be_read_claim_nothing(examine: Examine) -> None:
    found = examine(stranded(), "db", guide="statefulsets", without=("Node", "Lease"))
    assert not {"StatefulSetNodeDead", "StatefulSetNodePartitioned"} & found.codes()
    assert not [one for one in commands(found) if "--force" in one]


def test_a_deletion_that_hangs_on_a_living_node_is_no_case_for_force_either(examine: Examine) -> None:
    items = [node(), statefulset(ready=2), service(), member(0), deleted(member(1), overdue=900), member(2)]
    found = examine(items, "db", guide="statefulsets")
    assert "StatefulSetPodTerminatingStuck" in found.codes()
    assert "PodTerminatingStuck" not in found.codes()
    assert found.one("StatefulSetForceDeleteUnsafe").facts["alive"]
    assert not [one for one in commands(found) if "--force" in one]


@pytest.mark.parametrize(("overdue", "code"), [(-20, ""), (30, ""), (120, "PodTerminatingStuck")])
def test_a_deletion_counts_as_long_only_after_the_extended_period(
    overdue: float, code: str, examine: Examine
) -> None:
    items = [
        node(),
        statefulset(ready=2),
        service(),
        member(0),
        deleted(member(1), overdue=overdue),
        member(2),
    ]
    found = examine(items, "db", guide="statefulsets")
    assert {one for one in found.serious() if "Terminating" in one} == ({code} if code else set())


def test_a_finalizer_on_an_ended_pod_is_the_cause_of_a_deletion_that_hangs(examine: Examine) -> None:
    ended = deleted(
        member(1, phase="Failed", ready=False, containers=[stopped()]),
        overdue=90,
        finalizers=["example.com/drain"],
    )
    found = examine(
        [node(), statefulset(ready=2), service(), member(0), ended, member(2)], guide="statefulsets"
    )
    assert found.headline.code == "PodFinalizerBlocked"
    assert "StatefulSetPodTerminatingStuck" in found.codes()


@pytest.mark.parametrize(("seconds", "said"), [(0, True), (30, False), (None, False)])
def test_a_grace_period_of_zero_is_warned_about(seconds: int | None, said: bool, examine: Examine) -> None:
    template = {} if seconds is None else {"terminationGracePeriodSeconds": seconds}
    items = [node(), statefulset(template=template), service(), *(member(number) for number in range(3))]
    found = examine(items, "db", guide="statefulsets")
    assert found.serious() == ({"StatefulSetZeroGracePeriod"} if said else set())


def test_a_crash_is_the_headline_beside_a_grace_period_of_zero(examine: Examine) -> None:
    items = [
        node(),
        statefulset(ready=2, template={"terminationGracePeriodSeconds": 0}),
        service(),
        member(0),
        crashing(1),
        member(2),
    ]
    assert examine(items, "db", guide="statefulsets").headline.code == "ContainerExitedError"
