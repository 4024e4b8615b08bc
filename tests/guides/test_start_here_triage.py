"""Cluster or application: what counts as the cluster's own trouble, and what must not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.findings import Table
from tests.conftest import Diagnosis
from tests.support.cluster_nodes import not_ready, reporting, silent, sound_node, unplaced
from tests.support.made_cases import ago, node, pod, stopped, workload

Examine = Callable[..., Diagnosis]
GUIDE = {"guide": "start-here"}
READY = "[+]ping ok\n[+]etcd ok\nreadyz check passed\n"
FAILING = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"


@pytest.fixture
def api_server(tmp_path: Path) -> Callable[..., None]:
    """`api_server(FAILING, 500)`: what the API server answered to /readyz?verbose."""

    def answer(text: str = READY, status: int = 200) -> None:
        place = "raw/readyz.txt" if status == 200 else f"errors/readyz.{status}.json"
        file = tmp_path / "case" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return answer


def system_pod(name: str, *, app: str = "", on: str = "n1", ready: bool = True, age: float = 7200) -> Any:
    labels = {"k8s-app": app} if app else {"tier": "control-plane"}
    return pod(name, "kube-system", on=on, ready=ready, labels=labels, creationTimestamp=ago(age))


def crashing(name: str = "web-1", *, on: str = "n1") -> dict[str, Any]:
    return pod(name, on=on, ready=False, containers=[stopped(code=3, restarts=4)])


def rows(found: Diagnosis) -> list[list[str]]:
    return [row for one in found.steps["OV-05"].exhibits if isinstance(one, Table) for row in one.rows]


def test_a_sound_cluster_is_not_blamed(examine: Examine, api_server: Any) -> None:
    api_server()
    items = [sound_node("n1"), system_pod("coredns-1", app="kube-dns"), crashing()]
    found = examine(items, **GUIDE)
    assert found.headline.code == "ContainerExitedError"
    said = found.one("TriageApplication").summary
    assert said.startswith("Nothing points to the cluster itself: the API server is ready")
    assert "TriageCluster" not in found.codes()


@pytest.mark.parametrize("status", [200, 500])
def test_an_api_server_that_fails_a_check_is_the_clusters_trouble(
    status: int, examine: Examine, api_server: Any
) -> None:
    api_server(FAILING, status)
    found = examine([sound_node("n1"), pod()], **GUIDE)
    assert found.headline.code == "TriageCluster"
    assert "(etcd)" in found.headline.summary
    assert found.headline.next[0].command == "runbook run cluster"


def test_an_application_that_is_broken_leads_before_a_cluster_that_only_limps(
    examine: Examine, api_server: Any
) -> None:
    api_server(FAILING, 500)
    found = examine([sound_node("n1"), crashing()], **GUIDE)
    assert found.headline.code == "ContainerExitedError"
    assert "TriageCluster" in found.serious()


def test_whether_an_api_server_that_was_not_asked_is_ready_is_not_claimed(examine: Examine) -> None:
    found = examine([sound_node("n1"), pod()], **GUIDE)
    one = found.one("TriageApplication")
    assert "the API server's own checks" in one.summary
    assert "the API server is ready" not in one.summary
    assert one.title.startswith("As far as could be seen")
    assert found.serious() == set()


def test_a_lost_node_with_the_targets_pods_leads_and_explains_the_triage(examine: Examine) -> None:
    found = examine([sound_node("n1"), silent(sound_node("n2")), pod("web-1", on="n2")], **GUIDE)
    assert found.headline.code == "NodeStatusUnknown"
    assert "1 of 2 nodes is not ready (n2)" in found.one("TriageCluster").summary
    # The node's own finding explains it: it is no second cause.
    assert "node/n2" in found.one("TriageCluster").facts["because"]


def test_a_lost_node_elsewhere_is_named_and_hides_no_cause(examine: Examine) -> None:
    found = examine([sound_node("n1"), silent(sound_node("n2")), crashing()], **GUIDE)
    assert found.headline.code == "ContainerExitedError"
    assert "TriageCluster" not in found.codes()
    assert (
        "n2 is not ready, but nothing of what was asked for runs there"
        in found.one("TriageApplication").summary
    )
    assert "NodeStatusUnknown" not in found.codes()


def test_a_lost_node_elsewhere_is_no_alarm_about_a_sound_namespace(examine: Examine) -> None:
    found = examine([sound_node("n1"), silent(sound_node("n2")), pod()], **GUIDE)
    assert found.serious() == set()


def test_in_the_whole_cluster_every_lost_node_counts_and_an_empty_one_less(examine: Examine) -> None:
    items = [sound_node("n1"), silent(sound_node("n2")), crashing()]
    found = examine(items, namespace="-", **GUIDE)
    assert found.headline.code == "ContainerExitedError"
    assert found.one("NodeStatusUnknown").severity == "warning"
    assert "none of the pods looked at is on it" in found.one("NodeStatusUnknown").summary
    assert [row[2] for row in rows(found)] == ["shop: pod web-1", "node/n2"]


def test_a_lost_node_is_not_hidden_by_an_application_that_is_broken_by_itself(examine: Examine) -> None:
    items = [sound_node("n1"), silent(sound_node("n2")), pod("web-1", on="n2"), crashing("api-1")]
    found = examine(items, namespace="-", **GUIDE)
    assert found.headline.code == "NodeStatusUnknown"
    assert {"node/n2", "shop: pod api-1"} == {row[2] for row in rows(found)}


def test_a_lost_node_that_pods_wait_for_touches_them(examine: Examine) -> None:
    waiting = unplaced(
        "web-1", "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s)."
    )
    full = sound_node("n1")
    found = examine([full, silent(sound_node("n2")), waiting], **GUIDE)
    assert found.one("TriageCluster").facts["lost"] == ["n2"]


def test_a_lost_node_that_would_not_take_them_anyway_does_not(examine: Examine) -> None:
    waiting = unplaced(
        "web-1", "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s)."
    )
    own = silent(sound_node("n2", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]))
    found = examine([sound_node("n1"), own, waiting], **GUIDE)
    assert "TriageCluster" not in found.codes()


@pytest.mark.parametrize(
    "going",
    [
        not_ready(sound_node("n2", age=200), "cni plugin not initialized", since=200),
        silent(sound_node("n2", taints=[{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}])),
        silent(sound_node("n2", taints=[{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}])),
    ],
    ids=["joining", "removed by the autoscaler", "removed by Karpenter"],
)
def test_nodes_that_come_and_go_are_everyday_life(going: dict[str, Any], examine: Examine) -> None:
    found = examine([sound_node("n1"), going, pod()], namespace="-", **GUIDE)
    assert found.serious() == set()


def test_a_new_node_that_fell_silent_after_it_had_reported_is_lost(examine: Examine) -> None:
    found = examine(
        [sound_node("n1"), silent(sound_node("n2", age=400), since=120), pod()], namespace="-", **GUIDE
    )
    assert found.headline.code == "NodeStatusUnknown"


@pytest.mark.parametrize("app", ["kube-dns", ""], ids=["DNS", "control plane"])
def test_a_system_pod_that_does_not_get_ready_is_the_clusters_trouble(app: str, examine: Examine) -> None:
    found = examine([sound_node("n1"), system_pod("sys-1", app=app, ready=False), pod()], **GUIDE)
    assert found.headline.code == "TriageCluster"
    assert "sys-1" in found.headline.summary
    assert found.headline.severity == "warning"


def test_a_system_pod_that_is_just_starting_or_leaving_is_not(examine: Examine) -> None:
    young = system_pod("scheduler-1", ready=False, age=30)
    leaving = system_pod("scheduler-2", ready=False)
    leaving["metadata"]["deletionTimestamp"] = ago(-20)
    found = examine([sound_node("n1"), young, leaving, pod()], **GUIDE)
    assert "TriageCluster" not in found.codes()


def test_a_kube_proxy_matters_where_the_targets_pods_are(examine: Examine) -> None:
    for place, blamed in (("n1", True), ("n2", False)):
        proxy = system_pod("kube-proxy-x", app="kube-proxy", on=place, ready=False)
        found = examine([sound_node("n1"), sound_node("n2"), proxy, pod(on="n1")], **GUIDE)
        assert ("TriageCluster" in found.codes()) is blamed


def test_system_pods_of_a_lost_node_are_that_nodes_trouble(examine: Examine) -> None:
    proxy = system_pod("kube-proxy-x", app="kube-proxy", on="n2", ready=False)
    found = examine([sound_node("n1"), silent(sound_node("n2")), proxy, pod("web-1", on="n2")], **GUIDE)
    assert found.one("TriageCluster").facts["unready"] == []


def test_nodes_that_could_not_be_read_are_no_lost_ones(examine: Examine, api_server: Any) -> None:
    api_server()
    found = examine([sound_node("n1"), pod()], without=("Node",), **GUIDE)
    assert "the nodes" in found.one("TriageApplication").summary
    assert found.serious() == set()


def test_a_rollout_that_goes_on_is_silent(examine: Examine) -> None:
    owner = [{"kind": "ReplicaSet", "name": "web-5d", "uid": "uid-web-5d", "controller": True}]
    above = [{"kind": "Deployment", "name": "web", "uid": "uid-web", "controller": True}]
    items = [
        node(),
        workload("Deployment", "web"),
        workload("ReplicaSet", "web-5d", ownerReferences=above, app="web"),
        pod("web-5d-1", labels={"app": "web"}, ownerReferences=owner),
        pod("web-5d-2", labels={"app": "web"}, ownerReferences=owner, ready=False, creationTimestamp=ago(20)),
    ]
    found = examine(items, **GUIDE)
    assert found.serious() == set(), json.dumps([one.summary for one in found.findings])


def drained(name: str = "n2") -> dict[str, Any]:
    """A node somebody cordoned and drained, and then switched off."""
    return silent(sound_node(name, unschedulable=True), since=3600)


def daemon(on: str) -> list[dict[str, Any]]:
    """A DaemonSet with a pod on n1 and one on the other node, whose loss it cannot mend."""
    made = workload("DaemonSet", "agent")
    made["status"] = {"desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberReady": 1}
    owner = [{"kind": "DaemonSet", "name": "agent", "uid": "uid-agent", "controller": True}]
    labels = {"app": "agent"}
    return [
        made,
        pod("agent-1", on="n1", labels=labels, ownerReferences=owner),
        pod("agent-2", on=on, ready=False, labels=labels, ownerReferences=owner),
    ]


@pytest.mark.parametrize("namespace", ["shop", "-"])
def test_a_drained_node_that_is_off_is_no_trouble_of_its_daemons(namespace: str, examine: Examine) -> None:
    found = examine([sound_node("n1"), drained(), *daemon("n2")], namespace=namespace, **GUIDE)
    assert found.serious() == set(), [one.summary for one in found.findings]
    assert "n2 is not ready and cordoned or on the way out" in found.one("TriageApplication").summary


def test_a_cordoned_node_that_died_with_pods_on_it_is(examine: Examine) -> None:
    found = examine([sound_node("n1"), drained(), pod("web-1", on="n2")], **GUIDE)
    assert found.headline.code == "NodeStatusUnknown"


def test_what_nodes_run_out_of_has_a_row_where_the_whole_cluster_is_looked_at(examine: Examine) -> None:
    items = [sound_node("n1"), reporting(sound_node("n2"), "DiskPressure"), pod()]
    found = examine(items, namespace="-", **GUIDE)
    assert found.headline.code == "NodeDiskPressure"
    assert rows(found)[0][-1].startswith("runbook run cluster")
    assert examine(items, **GUIDE).serious() == set()
