"""The cluster guide's steps about nodes on the recorded incidents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Diagnose = Callable[..., Any]
NODE_STEPS = ("CL-01", "CL-02", "CL-04", "CL-05", "CL-06", "CL-07", "CL-08", "CL-09")


def of_nodes(found: Any) -> list[Any]:
    """What the steps about nodes found."""
    return [one for one in found.findings if one.step in NODE_STEPS]


def test_silent_nodes_are_the_headline_with_what_one_of_them_last_reported(diagnose: Diagnose) -> None:
    found = diagnose("nodes", guide="cluster")
    assert found.headline.code == "NodeStatusUnknown"
    assert found.headline.affected == ["worker-2", "win-1"]
    for words in (
        "worker-2",
        "win-1",
        "stopped reporting",
        "KernelDeadlock=True on worker-2",
        "docker:7 blocked",
    ):
        assert words in found.headline.summary
    assert "lab-node-1" not in found.headline.summary
    assert found.closing.change == "condition KernelDeadlock of node worker-2 turned true 52 s earlier"


def test_each_silent_node_is_explained_in_the_table(diagnose: Diagnose) -> None:
    (table,) = diagnose("nodes", guide="cluster").steps["CL-02"].exhibits
    assert [(row[0], row[1], row[2], row[4]) for row in table.rows] == [
        ("win-1", "Unknown", "it stopped reporting", "no lease"),
        ("worker-2", "Unknown", "it stopped reporting", "no lease"),
    ]


def test_a_lost_node_tells_its_last_contact_and_what_becomes_of_its_pods(diagnose: Diagnose) -> None:
    found = diagnose("node-down", "lab-node-1", guide="cluster")
    assert found.headline.code == "NodeStatusUnknown"
    assert found.headline.subject.name == "lab-node-1"
    assert "last sign of life was 6 min ago" in found.headline.summary
    assert "2 pods are on it, all marked for deletion" in found.headline.summary
    moved = found.one("NodeEvictingPods")
    assert (moved.facts["deleting"], moved.facts["coming"]) == (2, 0)
    assert found.headline is not moved


def test_a_whole_cluster_gone_names_every_node_the_one_with_pods_first(diagnose: Diagnose) -> None:
    top = diagnose("node-down", guide="cluster").headline
    assert top.affected[0] == "lab-node-1"
    assert set(top.affected) == {"lab-node-1", "worker-2", "win-1"}
    assert "5 min to 13 min ago" in top.summary


def test_a_healthy_cluster_gives_no_alarm_about_its_node(diagnose: Diagnose) -> None:
    found = of_nodes(diagnose("healthy", guide="cluster"))
    assert {one.code for one in found if one.severity in ("critical", "warning")} == set()
    assert {"NodesListed", "NodeReady", "NodeHealthy", "NodeLeaseFresh"} <= {one.code for one in found}


def test_the_table_of_nodes_is_what_kubectl_prints(diagnose: Diagnose) -> None:
    (table,) = diagnose("nodes", guide="cluster").steps["CL-01"].exhibits
    assert table.rows[-1] == [
        "lab-node-1",
        "Ready",
        "<none>",
        "16m",
        "v1.36.2",
        "10.245.0.1",
        "<none>",
        "Debian GNU/Linux 12 (bookworm)",
        "6.18.44-fc-v595",
        "containerd://1.6.20",
    ]


@pytest.mark.parametrize("name", ["crashloop", "pending-resources", "eviction", "jobs", "webhook"])
def test_faults_of_pods_are_no_fault_of_the_node(name: str, diagnose: Diagnose) -> None:
    serious = {
        one.code
        for one in of_nodes(diagnose(name, guide="cluster"))
        if one.severity in ("critical", "warning")
    }
    # Pods of these two wait for cpu which nearly all is requested of.
    assert serious <= ({"NodeRequestsNearlyFull"} if name in ("pending-resources", "eviction") else set())


def test_pods_that_wait_for_a_full_node_are_counted(diagnose: Diagnose) -> None:
    full = diagnose("pending-resources", guide="cluster").one("NodeRequestsNearlyFull")
    assert full.severity == "warning"
    assert full.facts["waiting"] == 1
    assert full.facts["percent"] == [90]
