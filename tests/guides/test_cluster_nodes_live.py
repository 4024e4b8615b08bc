"""What the cluster guide's steps about nodes ask of a live API server, and what they do when it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import StepResult
from kuberunbooks.guides import guide, run_step
from kuberunbooks.guides.cluster.resolve import Nodes
from kuberunbooks.guides.registry import Request
from kuberunbooks.redaction import Redactor
from tests.support.api_server import serve_case
from tests.support.cluster_nodes import asking, lease, silent, sound_node, with_leases
from tests.support.live import open_live
from tests.support.made_cases import event, make_case, pod

ABOUT_NODES = ("nodes", "readiness", "conditions", "leases", "taints", "allocation", "system", "eviction")


def run(
    folder: Path,
    items: list[dict[str, Any]],
    target: str = "",
    *,
    deny: tuple[str, ...] = (),
    unreachable: str = "",
) -> tuple[dict[str, StepResult], list[str]]:
    """The steps about nodes run on a server that holds these objects, and the paths they asked for."""
    with serve_case(make_case(folder / "case", items), deny=list(deny)) as server:
        cluster = Cluster(open_live(server, folder))
        before = len(server.requests)
        one = guide("cluster")
        found = one.resolve(cluster, Request("", target, 3600.0, {}))
        assert isinstance(found, Nodes)
        found.unreachable = unreachable
        steps = {
            step.name: run_step(step, found, cluster, Redactor(), guide="cluster", language="en")
            for step in one.steps
            if step.name in ABOUT_NODES
        }
        one.timeline(found, cluster)
        asked = [request.path for request in server.requests[before:]]
        cluster.close()
    assert not [step.error for step in steps.values() if step.status == "failed"]
    return steps, asked


def crowd(nodes: int, pods: int) -> list[dict[str, Any]]:
    """So many nodes, the first of them silent, with so many pods on each."""
    names = [f"n{number}" for number in range(nodes)]
    lost = silent(sound_node(names[0]))
    return [
        lost,
        event(lost, "NodeNotReady", at=500),
        lease(names[0], ago_=650),
        *with_leases(sound_node(name) for name in names[1:]),
        *(asking(f"{name}-p{number}", cpu="1m", on=name) for name in names for number in range(pods)),
    ]


@pytest.mark.parametrize(("nodes", "pods"), [(2, 1), (40, 8)])
def test_one_node_costs_the_same_whatever_the_cluster(nodes: int, pods: int, tmp_path: Path) -> None:
    steps, asked = run(tmp_path, crowd(nodes, pods), "n0")
    assert steps["readiness"].status == "critical"
    assert sorted(asked) == [
        "/api/v1/namespaces/default/events",
        "/api/v1/nodes/n0",
        "/api/v1/pods",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n0",
    ]


@pytest.mark.parametrize(("nodes", "pods"), [(2, 1), (40, 8)])
def test_the_whole_cluster_costs_one_list_of_each_kind(nodes: int, pods: int, tmp_path: Path) -> None:
    steps, asked = run(tmp_path, crowd(nodes, pods))
    assert steps["readiness"].findings[0].affected == ["n0"]
    assert sorted(asked) == [
        "/api/v1/namespaces/default/events",
        "/api/v1/nodes",
        "/api/v1/pods",
        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
    ]


def test_a_nearly_full_node_costs_one_question_more(tmp_path: Path) -> None:
    items = [asking("web-1", cpu="3900m"), *with_leases([sound_node("n1")])]
    _, asked = run(tmp_path, items, "n1")
    assert asked.count("/api/v1/pods") == 2


def test_a_live_lease_is_judged_by_the_clock_of_the_server(tmp_path: Path) -> None:
    steps, _ = run(tmp_path, [sound_node("n1"), lease("n1", ago_=100)])
    assert [one.code for one in steps["leases"].findings] == ["NodeLeaseStale"]


def test_refused_nodes_leave_every_step_unchecked(tmp_path: Path) -> None:
    steps, _ = run(tmp_path, crowd(2, 1), deny=("list nodes", "get nodes"))
    assert {step.status for step in steps.values()} == {"skipped"}
    assert "not permitted" in steps["nodes"].verdict


def test_refused_pods_cost_only_what_is_about_pods(tmp_path: Path) -> None:
    steps, _ = run(tmp_path, crowd(2, 1), deny=("list pods",))
    assert steps["readiness"].status == "critical"
    assert steps["allocation"].status == "skipped"
    assert steps["eviction"].status == "skipped"
    assert "pod" not in steps["readiness"].findings[0].summary


def test_refused_events_cost_only_the_reboots(tmp_path: Path) -> None:
    steps, _ = run(tmp_path, crowd(2, 1), deny=("list events", "list events.events.k8s.io"))
    assert steps["system"].status == "ok"
    assert steps["readiness"].status == "critical"


@pytest.mark.parametrize("target", ["", "n1"])
def test_an_api_server_found_dead_is_not_asked_again(target: str, tmp_path: Path) -> None:
    steps, asked = run(tmp_path, [sound_node("n1"), pod("web-1")], target, unreachable="no answer in 5 s")
    assert asked == []
    assert {step.status for step in steps.values()} == {"skipped"}
    assert "no answer in 5 s" in steps["nodes"].verdict
