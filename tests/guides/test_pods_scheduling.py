"""Why a pod has no node: each cause fires when it is there, and stays silent when it is not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.guides.pods.resolve import resolve
from kuberunbooks.guides.registry import Request
from kuberunbooks.guides.step import run_step
from kuberunbooks.redaction import Redactor
from tests.support.api_server import serve_case
from tests.support.live import open_live
from tests.support.scheduling import (
    NOW,
    STEPS,
    Scheduling,
    deployment,
    event,
    node,
    pod,
    thing,
    write_case,
)

CPU = (
    "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: "
    "1 No preemption victims found for incoming pod."
)
TAINTS = "0/2 nodes are available: 2 node(s) had untolerated taint(s)."
SELECTOR = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
CLAIMS = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
WEB = ("ReplicaSet", "web-5b7fcd598f")


# -- recorded incidents


@pytest.mark.parametrize(
    ("name", "target", "code", "words"),
    [
        ("pending-resources", "deployment/reports", "InsufficientCpu", ["cpu", "900m", "2 cpu", "1 of 3"]),
        ("pending-selector-taint", "pod/trainer", "NodeSelectorMismatch", ["accelerator=a100"]),
        ("pending-selector-taint", "pod/gpu-batch", "InsufficientExtendedResource", ["nvidia.com/gpu"]),
        ("pending-selector-taint", "pod/gated", "SchedulingGatesPresent", ["example.com/quota-review"]),
        ("pending-hostport", "deployment/edge", "HostPortConflict", ["18080", "only node"]),
        ("pending-volume", "pod/ledger", "StorageClassMissing", ["ledger-data", "premium-ssd"]),
        ("eviction", "deployment/filler", "PodPreempted", ["vip", "100000", "insufficient cpu"]),
        ("statefulsets", "pod/search-0", "NoPersistentVolumeAvailable", ["standard", "no provisioner"]),
    ],
)
def test_a_recorded_incident_is_headlined_by_its_cause(
    name: str, target: str, code: str, words: list[str], incident: Callable[[str], Path]
) -> None:
    found = Scheduling(incident(name), target, name)
    assert found.headline is not None
    assert found.headline.code == code
    for word in words:
        assert word in found.headline.summary


@pytest.mark.parametrize(
    ("name", "target", "namespace"),
    [
        ("healthy", "", "healthy"),
        ("eviction", "pod/vip", "eviction"),
        ("pending-selector-taint", "pod/gated", ""),
    ],
)
def test_what_is_placed_or_held_back_on_purpose_raises_no_alarm(
    name: str, target: str, namespace: str, incident: Callable[[str], Path]
) -> None:
    found = Scheduling(incident(name), target, namespace or name)
    assert [one.code for one in found.findings if one.severity in ("critical", "warning")] == []


def test_a_host_port_names_its_holder_and_how_many_replicas_fit(incident: Callable[[str], Path]) -> None:
    found = Scheduling(incident("pending-hostport"), "deployment/edge", "pending-hostport")
    assert "edge-69b594d9d4-zzb6w on node lab-node-1" in found.one("HostPortConflict").summary
    assert found.one("HostPortLimitsReplicas").facts["usable"] == 1


def test_lost_nodes_are_named_and_no_toleration_is_advised(incident: Callable[[str], Path]) -> None:
    found = Scheduling(incident("node-down"), "", "healthy").one("UntoleratedTaint")
    assert found.severity == "critical"
    assert found.count == 2
    assert "not ready or unreachable" in found.summary
    assert not [one for one in found.next if one.changes]


def test_an_old_message_that_counts_other_nodes_is_said_to_be_old(incident: Callable[[str], Path]) -> None:
    found = Scheduling(incident("pending-selector-taint"), "pod/trainer", "pending-selector-taint")
    assert "counted 3 nodes" in found.one("NodeSelectorMismatch").explanation
    # One of the three was tainted then; the only node left is not.
    assert "UntoleratedTaint" not in found.codes


def test_only_part_of_the_pods_read_gives_an_upper_bound_and_says_so(incident: Callable[[str], Path]) -> None:
    found = Scheduling(incident("pending-resources"), "deployment/reports", "pending-resources")
    one = found.one("InsufficientCpu")
    assert "at most 200m" in one.summary
    assert "upper bound" in one.explanation
    assert found.tables("Room")[0].rows[0][-3:] == ["≤ 200m", "900m", "no"]


# -- what the scheduler says


def test_a_young_pod_is_given_time(tmp_path: Path) -> None:
    case = write_case(tmp_path, node("n1"), pod("web", refused=CPU, created="2026-11-23T11:59:30Z"))
    found = Scheduling(case, "pod/web")
    assert [(one.code, one.severity) for one in found.findings] == [("PodPendingRecent", "info")]


def test_a_gate_forgotten_for_hours_is_a_warning(tmp_path: Path) -> None:
    gates = [{"name": "example.com/review"}]
    old = pod("old", schedulingGates=gates, created="2026-11-23T08:00:00Z")
    new = pod("new", schedulingGates=gates, created="2026-11-23T11:50:00Z")
    found = Scheduling(write_case(tmp_path, node("n1"), old, new))
    assert {(one.subject.name, one.severity) for one in found.findings} == {
        ("old", "warning"),
        ("new", "info"),
    }


def test_a_pod_nobody_looks_at_names_its_scheduler(tmp_path: Path) -> None:
    case = write_case(tmp_path, node("n1"), pod("web", schedulerName="batch-scheduler"), pod("api"))
    found = Scheduling(case)
    texts = {one.subject.name: one.summary for one in found.findings}
    assert set(found.codes) == {"SchedulerNotResponding"}
    assert "batch-scheduler" in texts["web"]
    assert "The scheduler has not looked at pod api" in texts["api"]


def test_a_refusal_known_from_its_event_only_is_no_silent_scheduler(tmp_path: Path) -> None:
    case = write_case(tmp_path, node("n1", cpu="1"), pod("web"), event("FailedScheduling", "web", CPU))
    found = Scheduling(case)
    assert "SchedulerNotResponding" not in found.codes
    assert "InsufficientCpu" in found.codes


def test_a_refusal_of_the_past_does_not_count_once_the_pod_is_placed(tmp_path: Path) -> None:
    case = write_case(tmp_path, node("n1"), pod("web", on="n1"), event("FailedScheduling", "web", CPU))
    assert Scheduling(case).findings == []


def test_a_cluster_without_nodes_is_the_cause(tmp_path: Path) -> None:
    case = write_case(tmp_path, pod("web", refused="no nodes available to schedule pods"))
    found = Scheduling(case)
    assert found.headline.code == "NoNodesAvailable"
    assert "no node at all" in found.headline.summary


def test_nodes_that_came_after_the_last_attempt_are_not_denied(tmp_path: Path) -> None:
    case = write_case(tmp_path, node("n1"), pod("web", refused="no nodes available to schedule pods"))
    one = Scheduling(case).one("NoNodesAvailable")
    assert "at its last attempt" in one.summary
    assert "now there is 1" in one.explanation


def test_words_nobody_knows_are_quoted_and_critical_when_nothing_else_explains(tmp_path: Path) -> None:
    case = write_case(
        tmp_path, node("n1"), pod("web", refused="0/1 nodes are available: 1 moon is in the way.")
    )
    one = Scheduling(case).one("UnclassifiedSchedulingReason")
    assert one.severity == "critical"
    assert "moon is in the way" in one.summary


def test_the_autoscaler_is_quoted(tmp_path: Path) -> None:
    told = event("NotTriggerScaleUp", "web", "pod didn't trigger scale-up: 1 max node group size reached")
    case = write_case(tmp_path, node("n1", cpu="1"), pod("web", refused=CPU, requests={"cpu": "2"}), told)
    assert "max node group size reached" in Scheduling(case).one("PodUnschedulable").explanation


def test_a_pod_whose_place_is_being_cleared_is_told_so(tmp_path: Path) -> None:
    waiting = pod("vip", refused=CPU, requests={"cpu": "1"}, status={"nominatedNodeName": "n1"})
    found = Scheduling(write_case(tmp_path, node("n1"), waiting))
    assert "place on node n1" in found.one("PodUnschedulable").summary
    assert {one.severity for one in found.findings} == {"warning"}


def test_the_histogram_is_shown_in_the_schedulers_words(tmp_path: Path) -> None:
    case = write_case(tmp_path, node("n1"), pod("web", refused=CPU))
    (table,) = Scheduling(case).tables("What the scheduler said")
    assert table.rows == [
        ["refused", "1", "Insufficient cpu"],
        ["preemption", "1", "No preemption victims found for incoming pod"],
    ]


# -- preemption

PREEMPTED = "Preempted by pod 0a0a0a0a-0000-0000-0000-000000000001 on node n1"


def _preempted(tmp_path: Path, victim: str, owner: tuple[str, str], name: str, *more: Any) -> Scheduling:
    vip = pod("vip", on="n1", priority=1000)
    vip["metadata"]["uid"] = "0a0a0a0a-0000-0000-0000-000000000001"
    waiting = pod(name, refused=CPU, owner=owner, created="2026-11-23T11:30:00Z", requests={"cpu": "1"})
    happened = event("Preempted", victim, PREEMPTED, at="2026-11-23T11:30:00Z")
    return Scheduling(write_case(tmp_path, node("n1", cpu="1"), vip, waiting, happened, *more))


@pytest.mark.parametrize(
    ("victim", "owner", "name"),
    [
        ("web-5b7fcd598f-aaaaa", WEB, "web-5b7fcd598f-bbbbb"),
        ("web-6bf748f748-aaaaa", WEB, "web-5b7fcd598f-bbbbb"),
        ("db-0", ("StatefulSet", "db"), "db-0"),
        ("sync-aaaaa", ("Job", "sync"), "sync-bbbbb"),
    ],
)
def test_a_preempted_pod_is_found_by_the_name_of_its_workload(
    tmp_path: Path, victim: str, owner: tuple[str, str], name: str
) -> None:
    one = _preempted(tmp_path, victim, owner, name, *deployment("web", 1)).one("PodPreempted")
    assert one.severity == "critical"
    assert victim in one.summary
    assert "pod vip (priority 1000 against 0)" in one.summary


def test_the_preemption_of_another_workload_is_not_this_ones(tmp_path: Path) -> None:
    found = _preempted(
        tmp_path, "webshop-5b7fcd598f-aaaaa", WEB, "web-5b7fcd598f-bbbbb", *deployment("web", 1)
    )
    assert "PodPreempted" not in found.codes


def test_a_pod_that_waited_before_the_preemption_is_no_replacement(tmp_path: Path) -> None:
    waiting = pod("web-5b7fcd598f-bbbbb", refused=CPU, owner=WEB, created="2026-11-23T11:00:00Z")
    happened = event("Preempted", "web-5b7fcd598f-aaaaa", PREEMPTED, at="2026-11-23T11:30:00Z")
    case = write_case(tmp_path, node("n1", cpu="1"), waiting, happened, *deployment("web", 1))
    assert "PodPreempted" not in Scheduling(case).codes


# -- resources


def test_room_is_counted_from_the_pods_of_all_namespaces(tmp_path: Path) -> None:
    case = write_case(
        tmp_path,
        node("n1", cpu="2"),
        pod("other", on="n1", namespace="elsewhere", requests={"cpu": "1500m"}),
        pod("web-5b7fcd598f-a", refused=CPU, owner=WEB, requests={"cpu": "900m"}),
        *deployment("web", 1),
    )
    found = Scheduling(case)
    one = found.one("InsufficientCpu")
    assert "has 500m of its 2 cpu left" in one.summary
    assert any("--requests=cpu=500m" in step.command and "-c app" in step.command for step in one.next)
    assert found.tables("Room")[0].rows == [["n1", "Ready", "cpu", "2", "1500m", "500m", "900m", "no"]]


def test_ended_pods_take_no_room(tmp_path: Path) -> None:
    done = pod("done", on="n1", requests={"cpu": "2"}, status={"phase": "Succeeded"})
    case = write_case(tmp_path, node("n1", cpu="2"), done, pod("web", refused=CPU, requests={"cpu": "1"}))
    one = Scheduling(case).one("InsufficientCpu")
    assert one.facts["fits_now"] is True
    assert "may be placed at the next attempt" in one.summary


def test_more_than_the_largest_node_has_is_said_beside_the_shortage(tmp_path: Path) -> None:
    case = write_case(
        tmp_path, node("n1", cpu="2"), node("n2", cpu="4"), pod("web", refused=CPU, requests={"cpu": "6"})
    )
    found = Scheduling(case)
    assert "the largest of 2 nodes, n2, has 4 in all" in found.one("RequestExceedsAnyNode").summary
    assert found.headline.code == "InsufficientCpu"


def test_a_request_that_fits_an_empty_node_does_not_exceed_it(tmp_path: Path) -> None:
    case = write_case(tmp_path, node("n1", cpu="2"), pod("web", refused=CPU, requests={"cpu": "2"}))
    assert "RequestExceedsAnyNode" not in Scheduling(case).codes


def test_a_device_no_node_offers_is_told_from_one_that_is_in_use(tmp_path: Path) -> None:
    message = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    wanted = pod("web", refused=message, requests={"nvidia.com/gpu": "1"})
    none = Scheduling(write_case(tmp_path / "none", node("n1"), wanted))
    used = Scheduling(
        write_case(
            tmp_path / "used",
            node("n1", nvidia__com="0", **{"nvidia.com__gpu": "1"}),
            pod("train", on="n1", requests={"nvidia.com/gpu": "1"}),
            wanted,
        )
    )
    assert none.one("InsufficientExtendedResource").title == "No node offers nvidia.com/gpu"
    assert "RequestExceedsAnyNode" not in none.codes
    assert "has 0 left" in used.one("InsufficientExtendedResource").summary


def test_a_full_node_is_counted_in_pods(tmp_path: Path) -> None:
    message = "0/1 nodes are available: 1 Too many pods."
    case = write_case(tmp_path, node("n1", pods="1"), pod("a", on="n1"), pod("web", refused=message))
    found = Scheduling(case)
    assert "n1 allows 1" in found.one("TooManyPods").summary
    assert found.tables("Room")[0].rows[0][2:] == ["pods", "1", "1", "0", "1", "no"]


# -- host ports


def test_a_port_on_another_address_or_protocol_is_no_conflict(tmp_path: Path) -> None:
    def with_port(**fields: Any) -> list[dict[str, Any]]:
        return [{"containerPort": 80, "hostPort": 8080, **fields}]

    case = write_case(
        tmp_path,
        node("n1"),
        pod("udp", on="n1", ports=with_port(protocol="UDP")),
        pod("web", refused=CPU, ports=with_port(protocol="TCP"), requests={"cpu": "9"}),
    )
    assert "HostPortConflict" not in Scheduling(case).codes


def test_a_conflict_hidden_by_another_reason_is_found_on_every_usable_node(tmp_path: Path) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080, "protocol": "TCP"}]
    message = "0/2 nodes are available: 1 Too many pods, 1 node(s) had untolerated taint(s)."
    case = write_case(
        tmp_path,
        node("n1"),
        node("n2", taints=["dedicated=x:NoSchedule"]),
        pod("proxy", on="n1", namespace="infra", ports=ports),
        pod("web", refused=message, ports=ports),
    )
    assert "infra/proxy on node n1" in Scheduling(case).one("HostPortConflict").summary


def test_an_update_that_waits_for_its_own_old_pod_is_told_from_too_many_replicas(tmp_path: Path) -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}]
    taken = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    pods = [
        pod("web-6bf748f748-old", on="n1", ports=ports, owner=("ReplicaSet", "web-6bf748f748")),
        pod("web-5b7fcd598f-new", refused=taken, ports=ports, owner=WEB),
    ]
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}}
    owner = {"kind": "Deployment", "name": "web", "uid": "uid-web", "controller": True}
    old = thing("ReplicaSet", "web-6bf748f748", spec=spec, metadata={"ownerReferences": [owner]})
    found = Scheduling(write_case(tmp_path, node("n1"), *pods, old, *deployment("web", 1, ready=1)))
    one = found.one("HostPortConflict")
    assert "older pod of the same workload" in one.explanation
    assert any("maxSurge" in step.command for step in one.next)
    assert "HostPortLimitsReplicas" not in found.codes


# -- nodes


def test_a_selector_no_node_meets_is_found_even_behind_a_taint(tmp_path: Path) -> None:
    case = write_case(
        tmp_path,
        node("n1", taints=["dedicated=x:NoSchedule"], labels={"disk": "hdd"}),
        node("n2", taints=["dedicated=x:NoSchedule"]),
        pod("web", refused=TAINTS, nodeSelector={"disk": "ssd"}),
    )
    found = Scheduling(case)
    assert found.headline.code == "NodeSelectorMismatch"
    assert "disk=hdd on node n1" in found.one("NodeSelectorMismatch").explanation


def test_a_selector_that_is_meant_is_not_the_cause(tmp_path: Path) -> None:
    message = (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match Pod's node affinity/selector."
    )
    wanted = pod("web", refused=message, nodeSelector={"disk": "ssd"}, requests={"cpu": "4"})
    case = write_case(tmp_path, node("n1", labels={"disk": "ssd"}), node("n2"), wanted)
    found = Scheduling(case)
    assert found.headline.code == "InsufficientCpu"
    assert found.one("NodeSelectorMismatch").severity == "warning"


def test_labels_that_no_single_node_has_together_are_told(tmp_path: Path) -> None:
    wanted = pod("web", refused=SELECTOR, nodeSelector={"disk": "ssd", "zone": "a"})
    case = write_case(tmp_path, node("n1", labels={"disk": "ssd"}), node("n2", labels={"zone": "a"}), wanted)
    assert "no node meets all of that at once" in Scheduling(case).one("NodeSelectorMismatch").summary


def test_withheld_taints_are_read_from_the_nodes(tmp_path: Path) -> None:
    case = write_case(
        tmp_path,
        node("n1", taints=["dedicated=batch:NoSchedule"]),
        node("n2", taints=["dedicated=batch:NoSchedule", "soft=x:PreferNoSchedule"]),
        pod("web", refused=TAINTS, tolerations=[{"key": "soft", "operator": "Exists"}]),
    )
    one = Scheduling(case).one("UntoleratedTaint")
    assert one.severity == "critical"
    assert one.facts["keys"] == ["dedicated"]
    assert any(step.command == "kubectl taint nodes n1 dedicated=batch:NoSchedule-" for step in one.next)


def test_a_taint_on_some_nodes_is_a_warning_beside_the_cause(tmp_path: Path) -> None:
    message = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s)."
    case = write_case(
        tmp_path,
        node("n1", cpu="1"),
        node("n2", taints=["node-role.kubernetes.io/control-plane:NoSchedule"]),
        pod("web", refused=message, requests={"cpu": "2"}),
    )
    found = Scheduling(case)
    assert found.headline.code == "InsufficientCpu"
    assert found.one("UntoleratedTaint").severity == "warning"


def test_cordons_on_every_node_are_critical_and_on_some_a_warning(tmp_path: Path) -> None:
    every = "0/1 nodes are available: 1 node(s) were unschedulable."
    some = "0/2 nodes are available: 1 node(s) were unschedulable, 1 Insufficient cpu."
    cordoned = node("n1", cordoned=True)
    one = Scheduling(write_case(tmp_path / "every", cordoned, pod("web", refused=every))).one("NodesCordoned")
    assert one.severity == "critical"
    assert any(step.command == "kubectl uncordon n1" for step in one.next)
    two = write_case(
        tmp_path / "some", cordoned, node("n2", cpu="1"), pod("web", refused=some, requests={"cpu": "2"})
    )
    assert Scheduling(two).one("NodesCordoned").severity == "warning"


def test_a_pod_put_on_a_node_that_does_not_exist_is_told_from_one_whose_node_is_there(tmp_path: Path) -> None:
    gone = pod("gone", on="n9", status={"phase": "Pending"})
    there = pod("there", on="n1", status={"phase": "Pending"})
    found = Scheduling(write_case(tmp_path, node("n1"), gone, there))
    assert [(one.code, one.subject.name) for one in found.findings] == [("NodeNameMismatch", "gone")]


def test_anti_affinity_shows_its_terms_and_where_the_others_are(tmp_path: Path) -> None:
    message = "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    rule = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    labels = {"app": "web"}
    case = write_case(
        tmp_path,
        node("n1"),
        node("n2"),
        pod("a", on="n1", labels=labels),
        pod("b", on="n2", labels=labels),
        pod("c", refused=message, labels=labels, affinity=rule),
    )
    found = Scheduling(case)
    assert "away from pods app=web per kubernetes.io/hostname" in found.one("PodAffinityUnsatisfied").summary
    assert [row[1:3] for row in found.tables("must mind")[0].rows] == [["n1", "1"], ["n2", "1"]]


def test_topology_spread_names_the_label_nodes_lack(tmp_path: Path) -> None:
    message = (
        "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints "
        "(missing required label)."
    )
    constraint = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }
    case = write_case(
        tmp_path, node("n1"), pod("web", refused=message, topologySpreadConstraints=[constraint])
    )
    one = Scheduling(case).one("TopologySpreadUnsatisfied")
    assert "lack the topology label" in one.summary
    assert "topology.kubernetes.io/zone" in one.explanation


def test_a_daemon_is_judged_by_its_own_node_and_not_by_the_others(tmp_path: Path) -> None:
    def daemon(name: str, where: str, message: str) -> Any:
        field = {"key": "metadata.name", "operator": "In", "values": [where]}
        rule = {"nodeSelectorTerms": [{"matchFields": [field]}]}
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": rule}}
        return pod(
            name, refused=message, owner=("DaemonSet", "agent"), affinity=affinity, requests={"cpu": "2"}
        )

    message = (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]."
    )
    gone = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector."
    case = write_case(
        tmp_path,
        node("n1", cpu="1"),
        node("n2"),
        daemon("agent-a", "n1", message),
        daemon("agent-b", "n9", gone),
        thing("DaemonSet", "agent"),
    )
    found = Scheduling(case)
    assert found.one("NodeSelectorMismatch").subject.name == "agent-b"
    assert "n9, which does not exist" in found.one("NodeSelectorMismatch").summary
    assert found.one("InsufficientCpu").facts["best_node"] == "n1"


# -- volumes


def _claim(name: str, phase: str = "Pending", **spec: Any) -> Any:
    fields = {"resources": {"requests": {"storage": "1Gi"}}, **spec}
    return thing("PersistentVolumeClaim", name, spec=fields, status={"phase": phase})


def _mounting(claim: str, message: str) -> Any:
    return pod(
        "web", refused=message, volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    )


def _class(name: str, provisioner: str = "csi.example.com", mode: str = "Immediate") -> Any:
    return thing("StorageClass", name, "", provisioner=provisioner, volumeBindingMode=mode)


def test_a_class_that_exists_but_makes_no_volume_leaves_the_claim_unbound(tmp_path: Path) -> None:
    told = event("ProvisioningFailed", "data", "rpc error: quota used up", kind="PersistentVolumeClaim")
    case = write_case(
        tmp_path,
        node("n1"),
        _mounting("data", CLAIMS),
        _claim("data", storageClassName="fast"),
        _class("fast"),
        told,
    )
    found = Scheduling(case)
    assert found.headline.code == "UnboundPersistentVolumeClaim"
    assert "quota used up" in found.one("UnboundPersistentVolumeClaim").summary


def test_a_claim_that_does_not_exist_is_told_from_one_without_a_volume(tmp_path: Path) -> None:
    message = '0/1 nodes are available: persistentvolumeclaim "data" not found. not found'
    case = write_case(tmp_path, node("n1"), _mounting("data", message), _claim("date", "Bound"))
    found = Scheduling(case)
    assert found.headline.code == "PersistentVolumeClaimMissing"
    assert "date" in found.one("PersistentVolumeClaimMissing").explanation
    assert "UnboundPersistentVolumeClaim" not in found.codes


def test_the_claim_of_an_ephemeral_volume_is_named_after_pod_and_volume(tmp_path: Path) -> None:
    wanted = pod(
        "web", refused=CLAIMS, volumes=[{"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}]
    )
    case = write_case(tmp_path, node("n1"), wanted, _claim("web-scratch", storageClassName="gone"))
    assert "web-scratch" in Scheduling(case).one("StorageClassMissing").summary


def test_a_class_not_read_is_not_called_missing(tmp_path: Path) -> None:
    case = write_case(
        tmp_path, node("n1"), _mounting("data", CLAIMS), _claim("data", storageClassName="fast")
    )
    (case / "apis/storage.k8s.io/v1/storageclasses.json").unlink()
    found = Scheduling(case)
    assert "StorageClassMissing" not in found.codes
    assert "could not be read" in found.one("UnboundPersistentVolumeClaim").explanation


def test_a_claim_without_a_class_says_that_there_is_no_default_one(tmp_path: Path) -> None:
    absent = write_case(
        tmp_path / "absent", node("n1"), _mounting("data", CLAIMS), _claim("data"), _class("fast")
    )
    empty = write_case(
        tmp_path / "empty", node("n1"), _mounting("data", CLAIMS), _claim("data", storageClassName="")
    )
    assert "no default one" in Scheduling(absent).one("UnboundPersistentVolumeClaim").summary
    one = Scheduling(empty).one("NoPersistentVolumeAvailable")
    assert "names no StorageClass" in one.summary
    assert "no PersistentVolume without a class" in one.summary


def test_volumes_made_by_hand_are_listed_with_their_size_and_phase(tmp_path: Path) -> None:
    message = "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind."
    volume = thing(
        "PersistentVolume",
        "pv-1",
        "",
        spec={"storageClassName": "local", "capacity": {"storage": "100Mi"}},
        status={"phase": "Released"},
    )
    case = write_case(
        tmp_path,
        node("n1"),
        _mounting("data", message),
        _claim("data", storageClassName="local"),
        _class("local", "kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
        volume,
    )
    assert "pv-1 (100Mi, Released)" in Scheduling(case).one("NoPersistentVolumeAvailable").explanation


def test_a_volume_tied_to_a_cordoned_node_says_where_it_is(tmp_path: Path) -> None:
    message = (
        "0/2 nodes are available: 1 node(s) had volume node affinity conflict, 1 node(s) were unschedulable."
    )
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
    volume = thing(
        "PersistentVolume", "pv-1", "", spec={"nodeAffinity": {"required": {"nodeSelectorTerms": [term]}}}
    )
    case = write_case(
        tmp_path,
        node("n1", labels={"zone": "a"}, cordoned=True),
        node("n2", labels={"zone": "b"}),
        _mounting("data", message),
        _claim("data", "Bound", volumeName="pv-1"),
        volume,
    )
    one = Scheduling(case).one("VolumeNodeAffinityConflict")
    assert "pv-1" in one.summary
    assert "zone=a" in one.summary
    assert "n1 is Ready,SchedulingDisabled" in one.summary


def test_who_else_uses_a_single_user_claim_is_named(tmp_path: Path) -> None:
    message = (
        "0/1 nodes are available: 1 node has pod using PersistentVolumeClaim with the same name and "
        "ReadWriteOncePod access mode."
    )
    holder = pod("old", on="n1", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}])
    case = write_case(tmp_path, node("n1"), holder, _mounting("data", message), _claim("data", "Bound"))
    assert "old on node n1" in Scheduling(case).one("VolumeInUse").summary


# -- scale and bounds


def test_thousands_of_replicas_refused_alike_are_one_finding_each_and_cost_little(tmp_path: Path) -> None:
    replicas = [
        pod(f"web-5b7fcd598f-{n:05}", refused=CPU, owner=WEB, requests={"cpu": "2"}, nodeSelector={"a": "b"})
        for n in range(2000)
    ]
    nodes = [node(f"n{n}", cpu="1", labels={"a": "b"}) for n in range(200)]
    case = write_case(tmp_path, *nodes, *replicas, *deployment("web", 2000))
    cluster = Cluster(CaseSource(case))
    target = resolve(cluster, Request("shop", "", 3600.0, {}))
    cluster.nodes()
    started = time.perf_counter()
    results = [run_step(one, target, cluster, Redactor(), guide="pods", language="en") for one in STEPS]
    assert time.perf_counter() - started < 2
    found = [one for result in results for one in result.findings]
    assert {one.code: one.count for one in found} == {
        "PodUnschedulable": 2000,
        "InsufficientCpu": 2000,
        "RequestExceedsAnyNode": 2000,
    }


def test_many_bare_pods_show_a_few_tables_only(tmp_path: Path) -> None:
    case = write_case(
        tmp_path, node("n1"), *[pod(f"job-{n}", refused=CPU, requests={"cpu": "9"}) for n in range(30)]
    )
    found = Scheduling(case)
    assert len(found.tables("What the scheduler said")) == 3
    assert len(found.tables("Room")) == 3


def test_healthy_pods_cost_next_to_nothing(tmp_path: Path) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    case = write_case(tmp_path, node("n1"), *[pod(f"web-{n}", on="n1", status=ready) for n in range(5000)])
    cluster = Cluster(CaseSource(case))
    target = resolve(cluster, Request("shop", "", 3600.0, {}))
    assert target.unscheduled == []
    for one in STEPS:
        started = time.perf_counter()
        assert [item for part in one.parts for item in part(target, cluster)] == []
        assert time.perf_counter() - started < 0.02


def test_without_the_right_to_read_nodes_the_schedulers_words_still_count(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("pending-resources"), deny=["list nodes"]) as server:
        cluster = Cluster(open_live(server, tmp_path))
        found = resolve(cluster, Request("pending-resources", "pod/reports-5b7fcd598f-2ks6f", 3600.0, {}))
        results = [run_step(one, found, cluster, Redactor(), guide="pods", language="en") for one in STEPS]
        cluster.close()
    (one,) = [item for result in results for item in result.findings if item.code == "InsufficientCpu"]
    assert "insufficient cpu. It asks for 900m." in one.summary
    assert "nodes could not be read" in one.explanation


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("pending-resources", "pod/reports-5b7fcd598f-2ks6f"),
        ("pending-hostport", "pod/edge-69b594d9d4-bvc4v"),
        ("pending-volume", "pod/ledger"),
        ("statefulsets", "pod/search-0"),
        ("eviction", "pod/filler-6bf748f748-7pxv2"),
    ],
)
def test_one_pod_of_a_live_cluster_leaves_room_in_its_twelve_requests(
    name: str, target: str, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident(name)) as server:
        source = open_live(server, tmp_path)
        cluster = Cluster(source)
        # Version and two reviews go out before the target is looked for.
        cluster.coverage.requests += 3
        found = resolve(cluster, Request(name, target, 3600.0, {}))
        codes = set()
        for one in STEPS:
            result = run_step(one, found, cluster, Redactor(), guide="pods", language="en")
            assert not result.error
            codes |= {item.code for item in result.findings}
        assert "PodUnschedulable" in codes
        assert len(codes) > 1
        # Services and EndpointSlices are read after these steps.
        assert len(server.requests) <= 12 - 3 - 2
        cluster.close()


def test_a_case_says_the_moment_it_was_recorded(tmp_path: Path) -> None:
    case = write_case(tmp_path, node("n1"), pod("web", refused=CPU))
    assert f"{Scheduling(case).cluster.now:%Y-%m-%dT%H:%M:%SZ}" == NOW
