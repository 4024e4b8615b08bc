"""Failure modes, kubelet logs and what would make a cluster less fragile. Made, not recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Finding
from kuberunbooks.findings.headline import without_explained
from tests.conftest import Diagnosis
from tests.support.control_planes import (
    ClusterCase,
    control_plane,
    leaders,
    lease,
    members,
    meta,
    static_pod,
    system_spaces,
)
from tests.support.made_cases import ago, pod, workload


@pytest.fixture
def cluster(tmp_path: Path) -> ClusterCase:
    return ClusterCase(tmp_path / "case")


def serious(found: Diagnosis) -> list[Finding]:
    return [one for one in found.findings if one.severity in ("critical", "warning")]


def base() -> list[dict[str, Any]]:
    return [*system_spaces(), *leaders(), *members("cp-1", zone="a"), *control_plane()]


def test_a_zone_that_fell_silent_as_one_is_cut_off(cluster: ClusterCase) -> None:
    lost = [
        *members("b-1", zone="b", ready="Unknown", since=300),
        *members("b-2", zone="b", ready="Unknown", since=280),
    ]
    found = cluster.run([*base(), *members("a-1", zone="a"), *lost])
    one = found.headline
    assert (one.code, one.facts["zone"], one.confidence) == ("FailureModeNetworkPartition", "b", "likely")
    assert "2 of its 2 nodes" in one.summary
    assert one.since is not None
    assert "FailureModeNodeDown" not in found.codes()
    assert [left.code for left in without_explained(serious(found))] == ["FailureModeNetworkPartition"]
    asked = cluster.run([*base(), *members("a-1", zone="a"), *lost], target="node/b-2")
    assert "FailureModeNetworkPartition" in asked.codes()


@pytest.mark.parametrize(
    "nodes",
    [
        # half of the zone lives; they fell silent an hour apart; there is no other zone with a ready node
        [*members("b-1", "b-2", zone="b", ready="Unknown", since=300), *members("b-3", "b-4", zone="b")],
        [
            *members("b-1", zone="b", ready="Unknown", since=300),
            *members("b-2", zone="b", ready="Unknown", since=4000),
        ],
        members("a-1", "a-2", zone="a", ready="Unknown", since=300),
        members("x-1", "x-2", ready="Unknown", since=300),
    ],
)
def test_nodes_that_are_lost_one_by_one_are_no_partition(
    nodes: list[dict[str, Any]], cluster: ClusterCase
) -> None:
    found = cluster.run([*base(), *nodes])
    assert "FailureModeNetworkPartition" not in found.codes()
    assert "FailureModeNodeDown" in found.codes()
    assert found.headline.code == "NodeStatusUnknown"


def test_a_node_on_its_way_out_is_no_failure(cluster: ClusterCase) -> None:
    drained = members("w-1", ready="Unknown", since=300)
    drained[0]["spec"] = {"unschedulable": True}
    found = cluster.run([*base(), *drained])
    assert "FailureModeNone" in found.codes()


def test_a_machine_that_still_speaks_has_a_kubelet_fault(cluster: ClusterCase) -> None:
    lost = members("w-1", ready="Unknown", since=600)
    lost[0]["status"]["conditions"].append(
        {
            "type": "KernelDeadlock",
            "status": "False",
            "lastHeartbeatTime": ago(20),
            "lastTransitionTime": ago(9000),
        }
    )
    found = cluster.run([*base(), *lost])
    assert found.headline.code == "NodeStatusUnknown"
    mode = found.one("FailureModeKubeletFault")
    assert mode.evidence[0].path == "status.conditions[1].lastHeartbeatTime"
    assert "FailureModeNodeDown" not in found.codes()


def test_a_leader_that_works_on_a_silent_node_shows_that_it_lives(cluster: ClusterCase) -> None:
    items = [*system_spaces(), *leaders(), *members("cp-1", ready="Unknown", since=600), *members("w-1")]
    assert "FailureModeKubeletFault" in cluster.run(items).codes()


@pytest.mark.parametrize("heartbeat", [640, 590])
def test_what_was_said_before_it_fell_silent_proves_nothing(heartbeat: float, cluster: ClusterCase) -> None:
    lost = members("w-1", ready="Unknown", since=600)
    # The lease was renewed 651 s ago; a report within the time a lease holds is of before.
    lost[1]["spec"]["renewTime"] = ago(620).replace("Z", ".000000Z")
    lost[0]["status"]["conditions"].append(
        {"type": "KernelDeadlock", "status": "False", "lastHeartbeatTime": ago(heartbeat)}
    )
    found = cluster.run([*base(), *lost])
    assert "FailureModeKubeletFault" not in found.codes()


def test_a_manifest_changed_just_before_may_be_the_mistake(cluster: ClusterCase) -> None:
    items = [one for one in base() if one["metadata"]["name"] != "kube-scheduler-cp-1"]
    seen = {"kubernetes.io/config.seen": ago(900)}
    broken = static_pod("kube-scheduler", ready=False, turned=800, annotations=seen)
    found = cluster.run([*items, broken])
    assert found.headline.code == "ControlPlaneComponentUnhealthy"
    mode = found.one("FailureModeOperatorError")
    assert "manifest of kube-scheduler" in mode.summary
    old = static_pod(
        "kube-scheduler", ready=False, turned=800, annotations={"kubernetes.io/config.seen": "what"}
    )
    assert "FailureModeOperatorError" not in cluster.run([*items, old]).codes()


def test_every_step_can_be_run_alone(cluster: ClusterCase) -> None:
    lost = members("w-1", ready="Unknown", since=600)
    whole = cluster.run([*base(), *lost])
    session = notebook.open("cluster", case=str(cluster.folder), namespace="default")
    session.failure_modes()
    assert {one.code for one in session.steps[0].findings} == {
        one.code for one in whole.findings if one.step == "CL-12"
    }


def test_one_of_everything_is_told_and_is_never_an_alarm(cluster: ClusterCase) -> None:
    server = lease(
        "apiserver-x", renewed=5, duration=3600, labels={"apiserver.kubernetes.io/identity": "kube-apiserver"}
    )
    service = {**meta("Service", "web", "v1", namespace="shop"), "spec": {"selector": {"app": "web"}}}
    items = [server, workload("Deployment", "web"), service, pod("toy", on="cp-1")]
    found = cluster.run([*base(), *items])
    assert {"SingleControlPlane", "SingleEtcdMember", "SingleReplicaWorkload", "BarePod"} <= found.codes()
    assert found.serious() == set()
    assert "shop/deployment/web" in found.one("SingleReplicaWorkload").summary


def test_several_of_them_are_not_told(cluster: ClusterCase) -> None:
    label = {"apiserver.kubernetes.io/identity": "kube-apiserver"}
    servers = [lease(f"apiserver-{name}", renewed=5, duration=3600, labels=label) for name in "xy"]
    gone = lease("apiserver-z", renewed=3000, duration=3600, labels=label)
    items = [*servers, gone, static_pod("etcd", "cp-2"), workload("Deployment", "web", replicas=2)]
    found = cluster.run([*base(), *items])
    assert not found.codes() & {"SingleControlPlane", "SingleEtcdMember", "SingleReplicaWorkload", "BarePod"}


def _journal(seconds: float, text: str, severity: str = "E") -> str:
    at = ago(seconds)
    time = f"{at[11:19]}.000001"
    return f"Nov 23 {time} w-1 kubelet[77]: {severity}1123 {time}      77 kubelet.go:2] {text}\n"


LOG = "raw/nodes/w-1/logs/%3Fquery%3Dkubelet%26tailLines%3D200.txt"


def _with_log(text: str) -> dict[str, str]:
    return {LOG: text}


def test_the_log_of_a_named_node_tells_what_its_kubelet_complains_of(cluster: ClusterCase) -> None:
    lost = members("w-1", ready="False", since=600)
    log = _journal(100, "skipping pod synchronization: PLEG is not healthy") + _journal(90, "fine", "I")
    found = cluster.run([*base(), *lost], target="node/w-1", files=_with_log(log))
    one = found.one("KubeletLogErrors")
    assert (one.severity, one.facts["about"]) == ("warning", ["runtime"])
    assert found.headline.code != "KubeletLogErrors"


def test_a_ready_node_may_log_what_it_likes(cluster: ClusterCase) -> None:
    log = "".join(_journal(100 + number, "PLEG is not healthy") for number in range(9))
    found = cluster.run([*base(), *members("w-1")], target="node/w-1", files=_with_log(log))
    assert found.one("KubeletLogErrors").severity == "info"
    assert found.serious() == set()


def test_a_kubelets_log_is_asked_for_only_where_that_was_wanted(cluster: ClusterCase) -> None:
    items = [*base(), *members("w-1", ready="False", since=600)]
    files = _with_log(_journal(100, "PLEG is not healthy"))
    assert "KubeletLogErrors" not in cluster.run(items, files=files).codes()
    assert "KubeletLogErrors" in cluster.run(items, files=files, kubelet_log=True).codes()


def test_a_log_that_may_not_be_read_is_no_gap_to_worry_about(cluster: ClusterCase) -> None:
    refused = LOG.replace("raw/", "errors/").replace(".txt", ".403.json")
    body = '{"kind":"Status","code":403,"message":"nodes \\"w-1\\" is forbidden"}'
    found = cluster.run([*base(), *members("w-1")], target="node/w-1", files={refused: body})
    one = found.one("KubeletLogUnavailable")
    assert (one.severity, one.facts["status"]) == ("info", 403)
    assert found.serious() == set()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"spec": {"providerID": "kind://docker/x"}}, "kind_node", "docker exec w-1"),
        ({"spec": {"providerID": "k3s://w-1"}}, "k3s", "journalctl -u k3s"),
        ({"status": {"nodeInfo": {"operatingSystem": "windows"}}}, "windows", "Get-ChildItem"),
        ({"status": {"nodeInfo": {"osImage": "Talos (v1.9)"}}}, "talos", "talosctl -n w-1"),
        ({}, "systemd", "sudo journalctl -u kubelet"),
    ],
)
def test_where_the_logs_are_depends_on_the_node(
    change: dict[str, Any], kind: str, words: str, cluster: ClusterCase
) -> None:
    nodes = members("w-1")
    for key, value in change.items():
        nodes[0][key] = {**nodes[0].get(key, {}), **value}
    found = cluster.run([*system_spaces(), *nodes])
    one = found.one("LogsWhere")
    assert one.facts[kind] == "w-1"
    assert any(words in step.command for step in one.next)
