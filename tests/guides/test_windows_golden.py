"""The windows-networking guide on the recorded incidents, and on ordinary life of mixed clusters (made)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from tests.support.api_server import serve_case
from tests.support.made_cases import ago, event, make_case, node, pod
from tests.support.made_windows import (
    WINDOWS_2019,
    check_texts,
    healthy_windows,
    kubeadm,
    linux_node,
    windows_node,
    windows_pod,
)

Run = Callable[..., Any]
GUIDE = "windows-networking"


@pytest.fixture
def examine(examine: Run) -> Run:
    """As elsewhere, with a look at every text."""
    return lambda *items, **options: check_texts(examine(*items, **options))


def test_the_lost_windows_node_is_the_headline_of_incident_nodes(diagnose: Run) -> None:
    found = diagnose("nodes", guide=GUIDE)
    assert found.headline.code == "NodeStatusUnknown"
    assert found.headline.subject.name == "win-1"
    assert found.serious() == {"NodeStatusUnknown"}
    assert "Windows Server 2022 (build 20348)" in found.one("WindowsInventory").summary
    assert found.one("WindowsInventory").facts["runtimes"] == ["containerd://1.7.27"]


def test_a_lost_windows_node_is_restarted_in_the_words_of_windows(diagnose: Run) -> None:
    commands = [step.command for step in diagnose("nodes", "node/win-1", guide=GUIDE).headline.next]
    assert "Restart-Service kubelet" in commands
    assert "systemctl restart kubelet" not in commands


def test_a_linux_node_is_still_restarted_in_the_words_of_linux(diagnose: Run) -> None:
    commands = [step.command for step in diagnose("nodes", "pod/stranded").headline.next]
    assert "systemctl restart kubelet" in commands
    assert "Restart-Service kubelet" not in commands


@pytest.mark.parametrize("target", ["node/win-1", "win-1"])
def test_a_node_by_its_name_is_the_target(target: str, diagnose: Run) -> None:
    found = diagnose("nodes", target, guide=GUIDE)
    assert found.session.start.target_text == "node/win-1"
    assert found.headline.subject.name == "win-1"


@pytest.mark.parametrize("target", ["pod/stranded", "node/lab-node-1"])
def test_what_is_not_for_windows_is_said_to_be_so_and_not_judged(target: str, diagnose: Run) -> None:
    found = diagnose("nodes", target, guide=GUIDE)
    assert found.headline.code == "NotForWindows"
    assert found.serious() == set()
    # A Windows image may have got to a Linux node: that one step looks all the same.
    assert {step.status for id_, step in found.steps.items() if id_ not in ("WN-00", "WN-02")} == {"skipped"}


@pytest.mark.parametrize("name", ["healthy", "crashloop", "image-pull", "probes", "pending-resources"])
def test_a_cluster_without_windows_gives_one_remark_and_silence(name: str, diagnose: Run) -> None:
    found = diagnose(name, guide=GUIDE)
    assert found.codes() == {"NoWindowsNodes"}
    assert found.headline.code == "NoWindowsNodes"
    assert {step.status for id_, step in found.steps.items() if id_ != "WN-00"} == {"skipped"}


def test_a_healthy_mixed_cluster_is_quiet_and_says_what_it_could_not_ask(examine: Run) -> None:
    found = examine(healthy_windows(), guide=GUIDE)
    assert found.serious() == set(), [one.summary for one in found.findings]
    assert found.headline.code == "WindowsHostChecksOpen"
    assert "in order" in found.headline.summary
    assert found.one("WindowsPodUntested").subject.name == "iis-1"


def test_everything_that_was_asked_is_answered_and_nothing_is_open(examine: Run) -> None:
    found = examine([linux_node(), kubeadm()], guide=GUIDE)
    assert "WindowsHostChecksOpen" not in found.codes()


def test_a_new_node_an_update_and_a_blip_are_ordinary_life(examine: Run) -> None:
    new = windows_node("win-2", ready="False", reason="KubeletNotReady", since=200)
    new["metadata"]["creationTimestamp"] = ago(300)
    updating = windows_node("win-3", ready="Unknown", reason="NodeStatusUnknown", since=400)
    updating["spec"]["unschedulable"] = True
    blip = windows_node("win-4", ready="False", reason="KubeletNotReady", since=20)
    found = examine([*healthy_windows(), new, updating, blip], guide=GUIDE)
    assert found.serious() == set(), [one.summary for one in found.findings]


def test_a_node_that_does_not_come_back_is_a_lost_node(examine: Run) -> None:
    late = windows_node("win-3", ready="Unknown", reason="NodeStatusUnknown", since=4000)
    late["spec"]["unschedulable"] = True
    found = examine([*healthy_windows(), late], guide=GUIDE)
    assert found.headline.subject.name == "win-3"


def test_many_lost_nodes_do_not_fill_the_report(examine: Run) -> None:
    nodes = [
        windows_node(f"win-{n}", ready="Unknown", reason="NodeStatusUnknown", since=4000) for n in range(9)
    ]
    found = examine([linux_node(), *nodes], guide=GUIDE)
    assert len([one for one in found.findings if one.code == "NodeStatusUnknown"]) == 5
    assert any("4 more Windows nodes" in repr(one) for one in found.steps["WN-00"].exhibits)
    assert "WindowsHelp" not in found.codes()


def test_a_lost_node_elsewhere_is_not_the_headline_of_a_pod(examine: Run) -> None:
    lost = windows_node("win-2", ready="Unknown", reason="NodeStatusUnknown", since=4000)
    found = examine([*healthy_windows(), lost], "pod/iis-1", guide=GUIDE)
    assert found.serious() == set()


def test_a_lost_node_explains_its_pods(examine: Run) -> None:
    lost = windows_node(ready="Unknown", reason="NodeStatusUnknown", since=4000)
    member = windows_pod(ready=False)
    found = examine([linux_node(), lost, member], "pod/iis-1", guide=GUIDE)
    assert found.headline.code == "NodeStatusUnknown"
    assert found.headline.facts["pods"] == 1
    assert "Restart-Service kubelet" in [step.command for step in found.headline.next]


def test_a_rollout_of_windows_pods_is_ordinary_life(examine: Run) -> None:
    fresh = windows_pod(
        "iis-3",
        ip="",
        phase="Pending",
        ready=False,
        containers=[
            {
                "name": "app",
                "ready": False,
                "restartCount": 0,
                "state": {"waiting": {"reason": "ContainerCreating"}},
            }
        ],
        creationTimestamp=ago(90),
    )
    items = [*healthy_windows(), fresh, event(fresh, "Pulling", "Pulling image", at=60)]
    assert examine(items, guide=GUIDE).serious() == set()


def test_different_builds_are_told(examine: Run) -> None:
    found = examine([*healthy_windows(), windows_node("win-2", kernel=WINDOWS_2019)], guide=GUIDE)
    one = found.one("WindowsInventory")
    assert "Windows Server 2019 (build 17763)" in one.summary
    assert "2 different builds" in one.explanation


def test_nodes_that_may_not_be_read_are_unknown_and_not_absent(examine: Run) -> None:
    found = examine([windows_pod()], "pod/iis-1", guide=GUIDE, without=("Node",))
    assert found.steps["WN-00"].status == "refused"
    assert not found.codes() & {"NoWindowsNodes", "NotForWindows", "WindowsInventory"}
    assert found.serious() <= {"PermissionDenied"}


def test_without_nodes_no_step_passes_for_quiet(examine: Run) -> None:
    found = examine([pod("web-1")], "pod/web-1", guide=GUIDE, without=("Node",))
    assert {step.status for step in found.steps.values()} == {"refused", "skipped"}


def test_a_node_that_does_not_exist_ends_the_run(examine: Run) -> None:
    with pytest.raises(AssertionError, match="no node win-9"):
        examine(healthy_windows(), "node/win-9", guide=GUIDE)


def test_a_pod_that_does_not_exist_is_told_as_by_the_pods_guide(examine: Run) -> None:
    assert examine(healthy_windows(), "pod/none", guide=GUIDE).headline.code == "PodMissing"


def test_pods_for_windows_that_no_node_takes_are_explained(examine: Run) -> None:
    lost = pod("iis-9", on="", phase="Pending", ready=False, containers=[], creationTimestamp=ago(900))
    lost["spec"]["nodeSelector"] = {"kubernetes.io/os": "windows"}
    message = (
        "0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, "
        "1 node(s) had untolerated taint {os: windows}. preemption: 0/2 nodes are available: "
        "2 Preemption is not helpful for scheduling."
    )
    lost["status"]["conditions"][0] |= {"reason": "Unschedulable", "message": message}
    found = examine([*healthy_windows(), lost], guide=GUIDE)
    assert found.headline.code == "UntoleratedTaint"
    assert "os" in found.headline.summary


def test_odd_nodes_do_not_disturb(examine: Run) -> None:
    bare = node("win-odd")
    bare["metadata"]["labels"] = {"kubernetes.io/os": "windows"}
    found = examine([linux_node(), bare, windows_pod(on="win-odd")], guide=GUIDE)
    assert found.serious() == set()
    assert "1 Windows node" in found.one("WindowsInventory").summary


def test_a_live_pod_costs_few_requests_whatever_the_cluster_holds(tmp_path: Path) -> None:
    counts = []
    for size in (2, 30):
        items = [linux_node(), *(windows_node(f"win-{n}", cidr=f"10.244.{n}.0/24") for n in range(1, size))]
        items += [windows_pod(f"iis-{n}", ip=f"10.244.1.{n}") for n in range(1, size)]
        case = make_case(tmp_path / f"{size}" / "shop", items)
        with serve_case(case) as server, pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / f"config-{size}")))
            session = notebook.open(GUIDE, namespace="shop", target="pod/iis-1")
            assert session.start.failure is None, session.start.failure
            for name in session.step_names:
                getattr(session, name)()
            counts.append(len(server.requests))
    assert counts[0] == counts[1]
    assert counts[0] <= 15, counts
