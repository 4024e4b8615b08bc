"""The timeline and the sentence on what changed: in order, bounded, and never a claim of cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kuberunbooks.findings import Mark
from tests.support.made_cases import ago, ended, event, node, owner, pod, running, stopped, workload

Examine = Callable[..., Any]


def marks(found: Any, lane: str = "", kind: str = "") -> list[Mark]:
    return [one for one in found.closing.marks if lane in ("", one.lane) and kind in ("", one.kind)]


def rollout(name: str, revision: int, *, created: float, **template: Any) -> dict[str, Any]:
    return workload(
        "ReplicaSet",
        name,
        app="web",
        labels={"app": "web"},
        ownerReferences=owner("Deployment", "web"),
        annotations={"deployment.kubernetes.io/revision": str(revision)},
        creationTimestamp=ago(created),
        **template,
    )


def broken_rollout(*, created: float = 360, age: float = 120, **new: Any) -> list[dict[str, Any]]:
    """deployment/web: revision 3 made `created` seconds ago, whose pod began to fail `age` seconds ago."""
    deployment = workload("Deployment", "web", annotations={"deployment.kubernetes.io/revision": "3"})
    failing = {"ready": False, "containers": [stopped(code=1, at=age)]}
    return [
        node(),
        deployment,
        rollout("web-2bb", 2, created=90_000, image="shop/web:1.4"),
        rollout("web-3cc", 3, created=created, **new),
        pod("web-3cc-x", ownerReferences=owner("ReplicaSet", "web-3cc"), labels={"app": "web"}, **failing),
    ]


def test_marks_are_in_order_and_tell_creation_schedule_ends_and_events(examine: Examine) -> None:
    sick = pod(
        "web-1",
        ready=False,
        creationTimestamp=ago(900),
        containers=[running(ready=False, restarts=2, last=ended(137, "OOMKilled", at=300))],
    )
    found = examine(
        [
            node(),
            sick,
            event(sick, "BackOff", "Back-off restarting", type_="Warning", at=100, first=280, count=7),
        ]
    )
    lane = marks(found, "pod/web-1")
    assert [one.at for one in lane] == sorted(one.at for one in lane)
    restart = marks(found, kind="restart")[0]
    assert (restart.severity, restart.text) == (
        "critical",
        "container app ended with exit code 137 (OOMKilled)",
    )
    back_off = marks(found, kind="event")[0]
    assert (back_off.count, back_off.severity) == (7, "warning")
    assert back_off.until is not None
    assert (back_off.until - back_off.at).total_seconds() == 180
    assert any(one.kind == "change" and one.text == "created" for one in lane)


def test_the_steps_of_every_start_are_no_marks(examine: Examine) -> None:
    well = pod("web-1")
    found = examine(
        [node(), well, *(event(well, reason) for reason in ("Pulled", "Created", "Started", "Scheduled"))]
    )
    assert marks(found, kind="event") == []


def test_events_of_one_reason_are_one_mark_with_their_sum_and_newest_text(examine: Examine) -> None:
    sick = pod("web-1", on="", phase="Pending", ready=False, containers=[])
    refusals = [
        event(sick, "FailedScheduling", f"0/{number} nodes", type_="Warning", at=100 - number)
        for number in (1, 2, 3)
    ]
    mark = marks(examine([node(), sick, *refusals]), "pod/web-1", "event")
    assert [(one.count, one.text) for one in mark] == [(3, "FailedScheduling: 0/3 nodes")]


def test_a_deletion_is_marked_when_it_was_asked_for_until_it_was_due(examine: Examine) -> None:
    found = examine([node(), pod("web-1", deletionTimestamp=ago(100), deletionGracePeriodSeconds=30)])
    mark = marks(found, kind="deletion")[0]
    assert mark.until is not None
    assert (f"{mark.at:%Y-%m-%dT%H:%M:%SZ}", f"{mark.until:%Y-%m-%dT%H:%M:%SZ}") == (ago(130), ago(100))


def test_a_lost_node_has_a_lane_and_a_ready_one_has_none(examine: Examine) -> None:
    lost = examine([node(ready="Unknown", since=500), pod("web-1", ready=False)])
    assert [(one.lane, one.text) for one in marks(lost, "node/n1")] == [("node/n1", "Ready=Unknown")]
    assert marks(examine([node(), pod("web-1", ready=False)]), "node/n1") == []


def test_twelve_lanes_at_most_and_every_owner_before_the_second_pod_of_any(examine: Examine) -> None:
    many = [
        pod(f"big-{number}", ready=False, ownerReferences=owner("StatefulSet", "big")) for number in range(30)
    ]
    single = pod("alone", ready=False)
    found = examine([node(), *many, single])
    lanes = {one.lane for one in found.closing.marks}
    assert len(lanes) == 12
    assert "pod/alone" in lanes


def test_two_hundred_marks_at_most_and_the_worst_are_kept(examine: Examine) -> None:
    pods = [pod(f"p{number}", ready=False, containers=[stopped(code=9, at=50)]) for number in range(12)]
    noise = [event(one, f"Reason{number}", at=300 + number) for one in pods for number in range(25)]
    found = examine([node(), *pods, *noise])
    assert len(found.closing.marks) == 200
    assert len(marks(found, kind="restart")) == 12


def test_a_rollout_before_the_trouble_is_named_with_its_image_and_time(examine: Examine) -> None:
    found = examine(broken_rollout(image="shop/web:1.5"), "deployment/web")
    assert found.closing.change == (
        "deployment/web was rolled out (revision 3; image shop/web:1.4 → shop/web:1.5) 4 min earlier"
    )


def test_a_rollout_that_changed_other_fields_names_them(examine: Examine) -> None:
    items = broken_rollout(image="shop/web:1.4")
    items[3]["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "b"}]
    assert "env of container app changed" in examine(items, "deployment/web").closing.change


def test_of_one_pod_the_rollout_is_named_without_what_was_not_read(examine: Examine) -> None:
    found = examine(broken_rollout(image="shop/web:1.5"), "pod/web-3cc-x")
    assert found.closing.change == "deployment/web was rolled out (revision 3) 4 min earlier"


def test_a_rollout_after_the_trouble_began_is_no_change_before_it(examine: Examine) -> None:
    found = examine(broken_rollout(created=60, age=600, image="shop/web:1.5"), "deployment/web")
    assert "rolled out" not in found.closing.change


def test_a_rollback_to_an_old_replicaset_is_not_dated_by_its_creation(examine: Examine) -> None:
    items = broken_rollout(image="shop/web:1.5", created=400)
    items[2]["metadata"]["creationTimestamp"] = ago(200)
    assert "rolled out" not in examine(items, "deployment/web").closing.change


def test_a_scale_up_before_the_trouble_is_named(examine: Examine) -> None:
    items = broken_rollout(created=80_000)
    scaled = event(items[1], "ScalingReplicaSet", "Scaled up replica set web-3cc from 2 to 8", at=180)
    assert examine([*items, scaled], "deployment/web").closing.change == (
        "deployment/web was scaled up from 2 to 8 pods 60 s earlier"
    )


def test_a_rollout_of_another_workload_is_no_change_of_a_bare_pod(examine: Examine) -> None:
    well = broken_rollout(image="shop/web:1.5")[:-1]
    bare = pod("alone", creationTimestamp=ago(90_000), ready=False, containers=[stopped(code=1, at=120)])
    assert examine([*well, bare]).closing.change == ""


def test_a_change_of_more_than_a_day_ago_is_no_news(examine: Examine) -> None:
    assert (
        examine(broken_rollout(created=100_000, image="shop/web:1.5"), "deployment/web").closing.change == ""
    )


def test_nothing_wrong_means_no_change_to_look_for(examine: Examine) -> None:
    assert examine([node(), pod("web-1", creationTimestamp=ago(30))]).closing.change == ""


def test_a_node_that_ran_out_of_disk_before_a_pod_failed_is_named(examine: Examine) -> None:
    full = node()
    full["status"]["conditions"].append(
        {"type": "DiskPressure", "status": "True", "lastTransitionTime": ago(240)}
    )
    found = examine([full, pod("web-1", ready=False, containers=[stopped(code=1, at=120)])])
    assert found.closing.change == "condition DiskPressure of node n1 turned true 2 min earlier"


def test_lanes_of_several_namespaces_name_them(examine: Examine) -> None:
    found = examine(
        [node(), pod("web-1", "one", ready=False), pod("web-1", "two", ready=False)], namespace="-"
    )
    assert {one.lane for one in found.closing.marks} == {"one/pod/web-1", "two/pod/web-1"}
