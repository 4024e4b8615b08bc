"""Which nodes are there, why they are not ready, and what excuses them (made, not recorded)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks import notebook
from tests.support.cluster_nodes import (
    condition,
    lease,
    not_ready,
    reporting,
    silent,
    sound_node,
    unplaced,
    with_leases,
)
from tests.support.made_cases import ago, event, owner, pod

Examine = Callable[..., Any]
CNI = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)


def look(examine: Examine, items: list[dict[str, Any]], target: str = "", **options: object) -> Any:
    """The cluster guide on these objects."""
    return examine(items, target, guide="cluster", **options)


def node_codes(found: Any) -> set[str]:
    """The critical and warning codes of the steps about nodes."""
    return {
        one.code
        for one in found.findings
        if one.code.startswith(("Node", "Container", "Kubelet")) and one.severity in ("critical", "warning")
    }


def test_sound_nodes_are_no_alarm(examine: Examine) -> None:
    found = look(examine, with_leases(sound_node(name) for name in ("n1", "n2")))
    assert node_codes(found) == set()
    assert found.one("NodeReady").title == "All 2 nodes are ready"


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (CNI, "NodeCniNotReady"),
        ("container runtime is down", "ContainerRuntimeDown"),
        (
            "PLEG is not healthy: pleg was last seen active 3m5s ago; threshold is 3m0s",
            "ContainerRuntimeDown",
        ),
        (f"[container runtime is down, {CNI}]", "ContainerRuntimeDown"),
        ("[missing node capacity for resources: ephemeral-storage]", "NodeNotReady"),
    ],
)
def test_what_the_kubelet_says_of_itself_decides(message: str, code: str, examine: Examine) -> None:
    found = look(examine, with_leases([not_ready(sound_node("n1"), message), sound_node("n2")]))
    assert found.headline.code == code
    assert found.headline.severity == "critical"
    assert message.rstrip(".") in found.headline.summary
    assert node_codes(found) == {code}


@pytest.mark.parametrize(
    ("excuse", "made"),
    [
        ("starting", not_ready(sound_node("n1", age=120), CNI, since=110)),
        ("starting", {**sound_node("n1", age=60), "status": {"conditions": []}}),
        ("blip", not_ready(sound_node("n1"), "PLEG is not healthy: pleg has yet to be successful", since=20)),
        ("cordoned", silent(sound_node("n1", unschedulable=True), since=300)),
        ("cordoned", not_ready(sound_node("n1", unschedulable=True), CNI, since=120)),
        ("drained", silent(sound_node("n1", unschedulable=True), since=86400)),
        (
            "leaving",
            silent(
                sound_node(
                    "n1",
                    taints=[{"key": "ToBeDeletedByClusterAutoscaler", "value": "1", "effect": "NoSchedule"}],
                ),
                since=120,
            ),
        ),
        (
            "leaving",
            silent(
                sound_node("n1", taints=[{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]),
                since=120,
            ),
        ),
        (
            "leaving",
            silent(
                sound_node(
                    "n1", taints=[{"key": "aws-node-termination-handler/spot-itn", "effect": "NoSchedule"}]
                ),
                since=120,
            ),
        ),
        ("leaving", not_ready(sound_node("n1"), "node is shutting down", since=300)),
    ],
)
def test_ordinary_life_of_a_node_is_told_and_is_no_alarm(
    excuse: str, made: dict[str, Any], examine: Examine
) -> None:
    found = look(examine, with_leases([made, sound_node("n2")]))
    assert node_codes(found) == set()
    assert found.one("NodeNotReadyExpected").facts["excuse"] == excuse
    assert found.headline.code == "NodeNotReadyExpected"
    assert "n1" in found.headline.summary


@pytest.mark.parametrize(
    "made",
    [
        not_ready(sound_node("n1", age=900), CNI, since=890),
        not_ready(sound_node("n1"), "PLEG is not healthy: pleg has yet to be successful", since=120),
        silent(sound_node("n1"), since=5),
        silent(
            sound_node("n1", taints=[{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]), since=3600
        ),
        silent(
            sound_node(
                "n1",
                taints=[
                    {
                        "key": "DeletionCandidateOfClusterAutoscaler",
                        "value": "1",
                        "effect": "PreferNoSchedule",
                    }
                ],
            )
        ),
    ],
)
def test_an_excuse_does_not_last_for_ever(made: dict[str, Any], examine: Examine) -> None:
    assert node_codes(look(examine, with_leases([made, sound_node("n2")])))


def test_a_cordoned_node_that_still_has_pods_is_lost_with_them(examine: Examine) -> None:
    lost = silent(sound_node("n1", unschedulable=True), since=3600)
    daemon = pod("agent-1", on="n1", ownerReferences=owner("DaemonSet", "agent"))
    others = with_leases([sound_node("n2")])
    assert node_codes(look(examine, [lost, daemon, *others])) == set()


def test_a_cordoned_node_whose_pods_are_still_there_is_an_alarm(examine: Examine) -> None:
    lost = silent(sound_node("n1", unschedulable=True), since=3600)
    found = look(examine, [lost, pod("web-1", on="n1"), *with_leases([sound_node("n2")])])
    assert found.headline.code == "NodeStatusUnknown"
    assert "1 pod is on it" in found.headline.summary


def test_nothing_excuses_a_cluster_without_any_ready_node(examine: Examine) -> None:
    found = look(examine, [silent(sound_node(name, unschedulable=True), since=120) for name in ("n1", "n2")])
    assert found.headline.code == "NodeStatusUnknown"
    assert found.headline.count == 2


def test_hundreds_of_silent_nodes_are_one_finding(examine: Examine) -> None:
    nodes = [
        silent(sound_node(f"n{number:03}", labels={"topology.kubernetes.io/zone": "a"}))
        for number in range(300)
    ]
    found = look(
        examine, [*nodes, *with_leases([sound_node("ok", labels={"topology.kubernetes.io/zone": "b"})])]
    )
    top = found.one("NodeStatusUnknown")
    assert (top.count, top.total, len(top.affected)) == (300, 301, 300)
    assert "(all of zone a)" in top.summary
    assert len(top.summary) < 300
    (counts, table) = found.steps["CL-01"].exhibits
    assert counts.rows == [["a", "300", "0"], ["b", "0", "1"]]
    assert (len(table.rows), table.omitted) == (50, 251)


def test_a_cluster_without_nodes_is_an_outage_only_for_pods_that_wait(examine: Examine) -> None:
    assert look(examine, []).headline.severity == "info"
    waiting = unplaced("web-1", "no nodes available to schedule pods")
    found = look(examine, [waiting])
    assert (found.headline.code, found.headline.severity) == ("NodesNone", "critical")
    assert "1 pod waits for one" in found.headline.summary


def test_a_laboratory_on_one_machine_is_well(examine: Examine) -> None:
    kind = sound_node("kind-control-plane", labels={"node-role.kubernetes.io/control-plane": ""})
    kind["status"]["nodeInfo"]["containerRuntimeVersion"] = "docker://27.4.1"
    assert node_codes(look(examine, with_leases([kind]))) == set()


def test_a_node_that_is_being_deleted_may_be_gone_for_a_while(examine: Examine) -> None:
    made = silent(sound_node("n1"), since=200)
    made["metadata"] |= {"deletionTimestamp": ago(250), "finalizers": ["karpenter.sh/termination"]}
    found = look(examine, with_leases([made, sound_node("n2")]))
    assert found.one("NodeNotReadyExpected").facts["excuse"] == "leaving"
    assert "it is being deleted" in found.headline.summary


def test_a_kubelet_that_is_back_is_told_so(examine: Examine) -> None:
    found = look(examine, [silent(sound_node("n1")), lease("n1", ago_=3), *with_leases([sound_node("n2")])])
    assert found.one("NodeStatusUnknown").severity == "warning"
    assert "just renewed its lease" in found.headline.summary


def test_a_node_that_never_reported_says_so(examine: Examine) -> None:
    made = sound_node("n1")
    made["status"]["conditions"] = [
        condition("Ready", "Unknown", "NodeStatusNeverUpdated", "Kubelet never posted node status.")
    ]
    found = look(examine, [made, *with_leases([sound_node("n2")])])
    assert "never reported its status" in found.headline.summary


def test_a_ready_node_whose_kubelet_fell_silent_is_noticed_before_its_status_is(examine: Examine) -> None:
    items = [sound_node("n1"), lease("n1", ago_=90), *with_leases([sound_node("n2")])]
    stale = look(examine, items).one("NodeLeaseStale")
    assert stale.affected == ["n1"]
    assert "grace period" in stale.summary


def test_nobody_judging_the_nodes_points_at_the_controller_manager(examine: Examine) -> None:
    items = [sound_node("n1"), lease("n1", ago_=900), *with_leases([sound_node("n2")])]
    assert "controller manager" in look(examine, items).one("NodeLeaseStale").summary


def test_a_case_recorded_over_minutes_makes_no_lease_stale(examine: Examine) -> None:
    items = [item for name in ("n1", "n2") for item in (sound_node(name), lease(name, ago_=240))]
    assert "NodeLeaseStale" not in look(examine, items).codes()


def test_a_missing_lease_is_a_warning_but_not_of_a_virtual_kubelet_or_a_new_node(examine: Examine) -> None:
    virtual = sound_node("aci", labels={"type": "virtual-kubelet"})
    items = [sound_node("n1"), virtual, sound_node("new", age=60), *with_leases([sound_node("n2")])]
    assert look(examine, items).one("NodeLeaseMissing").affected == ["n1"]


def test_leases_that_cannot_be_read_claim_nothing(examine: Examine) -> None:
    found = look(examine, [sound_node("n1"), silent(sound_node("n2"))], without=("Lease",))
    assert found.steps["CL-05"].status == "skipped"
    assert "no lease" not in found.one("NodeStatusUnknown").summary


def test_nodes_that_cannot_be_read_claim_nothing(examine: Examine) -> None:
    found = look(examine, [pod("web-1")], without=("Node",))
    for id_ in ("CL-01", "CL-02", "CL-04", "CL-05", "CL-06", "CL-07", "CL-08", "CL-09"):
        assert found.steps[id_].status == "skipped", id_
    assert node_codes(found) == set()


@pytest.mark.parametrize("target", ["n1", "node/n1", "nodes/n1"])
def test_one_node_is_looked_at_alone(target: str, examine: Examine) -> None:
    found = look(examine, [*with_leases([sound_node("n1")]), silent(sound_node("n2"))], target)
    assert node_codes(found) == set()
    assert found.one("NodeReady").affected == ["n1"]


def test_a_node_that_does_not_exist_names_those_spelt_alike(examine: Examine) -> None:
    gone = sound_node("worker-4")
    items = [
        *with_leases(sound_node(name) for name in ("worker-1", "db-1")),
        event(gone, "RemovingNode", "Node worker-4 event: Removing Node worker-4 from Controller"),
    ]
    found = look(examine, items, "worker-4")
    assert found.headline.code == "NodeMissing"
    assert "worker-1" in found.headline.summary
    assert "db-1" not in found.headline.summary
    assert "RemovingNode" in found.headline.summary


def test_a_target_that_is_no_node_is_refused_with_advice(tmp_path: Any, examine: Examine) -> None:
    examine([sound_node("n1")], guide="cluster")
    session = notebook.open("cluster", case=str(tmp_path / "case"), target="pod/web-1")
    assert session.start.failure is not None
    assert "worker-2" in session.start.failure.advice


def test_expected_nodes_are_compared_by_name(examine: Examine) -> None:
    items = with_leases(sound_node(name) for name in ("n1", "n2", "extra"))
    found = look(examine, items, expected_nodes="n1, n2, n3\nn4")
    assert found.headline.code == "NodeMissing"
    assert found.headline.affected == ["n3", "n4"]
    assert found.one("NodeUnexpected").affected == ["extra"]


def test_expected_nodes_are_compared_by_number(examine: Examine) -> None:
    items = with_leases(sound_node(name) for name in ("n1", "n2"))
    assert (
        look(examine, items, expected_nodes="2").headline is None
        or "NodeMissing" not in look(examine, items, expected_nodes="2").codes()
    )
    missing = look(examine, items, expected_nodes="3").one("NodeMissing")
    assert missing.summary == "There should be 3 nodes, and there are 2."


def test_roles_are_printed_as_kubectl_does(examine: Examine) -> None:
    labels = {
        "node-role.kubernetes.io/control-plane": "",
        "node-role.kubernetes.io/etcd": "",
        "kubernetes.io/role": "old",
    }
    found = look(examine, with_leases([sound_node("n1", labels=labels)]))
    assert found.steps["CL-01"].exhibits[0].rows[0][2] == "control-plane,etcd,old"


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        ("MemoryPressure", "NodeMemoryPressure"),
        ("DiskPressure", "NodeDiskPressure"),
        ("PIDPressure", "NodePidPressure"),
        ("NetworkUnavailable", "NodeNetworkUnavailable"),
    ],
)
def test_pressure_on_a_ready_node_is_the_headline(type_: str, code: str, examine: Examine) -> None:
    found = look(examine, with_leases([reporting(sound_node("n1"), type_), sound_node("n2")]))
    assert found.headline.code == code
    assert found.headline.severity == "critical"
    assert found.one("NodeHealthy").affected == ["n2"]


def test_a_new_node_waits_for_its_routes_in_peace(examine: Examine) -> None:
    made = reporting(
        sound_node("n1", age=90), "NetworkUnavailable", message="Waiting for cloud routes", since=80
    )
    found = look(examine, with_leases([made, sound_node("n2")]))
    assert found.one("NodeNetworkUnavailable").severity == "info"
    assert node_codes(found) == set()


def test_what_happened_to_the_node_before_is_on_the_first_screen(examine: Examine) -> None:
    lost = silent(sound_node("n1"), since=600)
    other = sound_node("n2")
    items = [
        lost,
        event(lost, "NodeSchedulable", at=5000),
        event(lost, "NodeNotSchedulable", at=900),
        event(lost, "NodeNotReady", at=600),
        event(other, "NodeNotSchedulable", at=700),
        *with_leases([other]),
    ]
    assert look(examine, items).closing.change == "node n1 was cordoned 5 min earlier"


def test_nothing_that_happened_is_no_change(examine: Examine) -> None:
    lost = silent(sound_node("n1"), since=600)
    items = [lost, event(lost, "NodeNotSchedulable", at=300), *with_leases([sound_node("n2")])]
    assert look(examine, items).closing.change == ""


def test_the_timeline_holds_the_loss_the_last_lease_and_the_events_of_nodes(examine: Examine) -> None:
    lost = silent(sound_node("n1"))
    items = [
        lost,
        lease("n1", ago_=650),
        event(lost, "NodeNotReady", "Node n1 status is now: NodeNotReady", at=600),
        event(lost, "RegisteredNode", at=610),
    ]
    found = look(examine, [*items, *with_leases([sound_node("n2")])])
    marks = [*found.steps["CL-02"].marks, *found.closing.marks]
    assert {mark.text.partition(":")[0] for mark in marks if mark.lane == "n1"} >= {
        "Ready=Unknown (NodeStatusUnknown)",
        "last renewed its lease",
        "NodeNotReady",
    }
    assert not any("RegisteredNode" in mark.text for mark in marks)
