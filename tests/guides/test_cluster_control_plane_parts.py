"""Leaders, pods and logs of the control plane, both ways; ordinary life in silence. Made, not recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.findings import Finding
from kuberunbooks.findings.headline import without_explained
from kuberunbooks.guides.rules.klog import complaints, recent
from kuberunbooks.guides.rules.storage_complaints import storage_complaints
from tests.conftest import Diagnosis
from tests.support.control_planes import (
    ClusterCase,
    control_plane,
    leaders,
    lease,
    members,
    static_pod,
    system_spaces,
)
from tests.support.made_cases import NOW, ago, ended, event, pod, running


@pytest.fixture
def cluster(tmp_path: Path) -> ClusterCase:
    return ClusterCase(tmp_path / "case")


def serious(found: Diagnosis) -> list[Finding]:
    return [one for one in found.findings if one.severity in ("critical", "warning")]


def well(**more: Any) -> list[dict[str, Any]]:
    return [*system_spaces(), *members("cp-1", "w-1"), *leaders(**more), *control_plane()]


def klog(
    seconds: float, text: str = "Failed to watch", *, severity: str = "E", place: str = "reflector.go:200"
) -> str:
    at = ago(seconds)
    return f"{at} {severity}1123 {at[11:19]}.000000       1 {place}] {text}\n"


def test_a_control_plane_that_works_is_said_to(cluster: ClusterCase) -> None:
    found = cluster.run(well())
    assert found.one("ControlPlaneHealthy").facts["pods"] is True
    assert found.one("FailureModeNone").facts["unread"] == []
    assert found.serious() == set()


def test_a_scheduler_whose_lease_nobody_renews_is_down(cluster: ClusterCase) -> None:
    found = cluster.run(well(scheduler=300))
    one = found.headline
    assert (one.code, one.severity, one.confidence) == ("SchedulerDown", "critical", "likely")
    assert "cp-1" in one.summary
    assert one.since is not None
    assert [left.code for left in without_explained(serious(found))] == ["SchedulerDown"]
    mode = found.one("FailureModeSupportingServicesDown")
    assert mode.facts["components"] == ["kube-scheduler"]
    assert "ControlPlaneHealthy" not in found.codes()


def test_pods_nobody_looked_at_confirm_it(cluster: ClusterCase) -> None:
    waiting = pod("web-1", on="", phase="Pending", ready=False, containers=[])
    waiting["status"]["conditions"] = []
    found = cluster.run([*well(scheduler=90_000), waiting])
    one = found.one("SchedulerDown")
    assert one.confidence == "confirmed"
    assert "shop/web-1" in one.summary


def test_pods_that_were_refused_gated_or_are_of_another_scheduler_are_no_sign(cluster: ClusterCase) -> None:
    refused = pod("big-1", on="", phase="Pending", ready=False, containers=[])
    gated = pod("gated-1", on="", phase="Pending", containers=[], spec={"schedulingGates": [{"name": "x"}]})
    other = pod("own-1", on="", phase="Pending", containers=[], spec={"schedulerName": "batch"})
    young = pod("new-1", on="", phase="Pending", containers=[], creationTimestamp=ago(5))
    for one in (gated, other, young):
        one["status"]["conditions"] = []
    found = cluster.run([*well(scheduler=300), refused, gated, other, young])
    assert found.one("SchedulerDown").facts["waiting"] == 0


def test_a_scheduler_that_placed_a_pod_since_does_not_use_that_lease(cluster: ClusterCase) -> None:
    placed = event(pod("web-1"), "Scheduled", "assigned", at=30) | {
        "source": {"component": "default-scheduler"}
    }
    found = cluster.run([*well(scheduler=600), pod("web-1"), placed])
    assert "SchedulerDown" not in found.codes()
    assert found.serious() == set()


def test_a_lease_left_over_from_long_ago_is_no_alarm(cluster: ClusterCase) -> None:
    found = cluster.run(well(scheduler=40 * 86_400, manager=40 * 86_400))
    assert found.serious() == set()
    assert "ControlPlaneHealthy" not in found.codes()


@pytest.mark.parametrize("seconds", [0, 20, 60])
def test_a_change_of_leaders_passes_in_silence(seconds: float, cluster: ClusterCase) -> None:
    assert cluster.run(well(manager=seconds)).serious() == set()


def test_a_lease_that_was_given_up_and_not_taken_is_down_too(cluster: ClusterCase) -> None:
    given_up = lease("kube-controller-manager", renewed=200, holder="", duration=1)
    items = [one for one in well() if one["metadata"]["name"] != "kube-controller-manager"]
    found = cluster.run([*items, given_up])
    assert "gave up" in found.one("ControllerManagerDown").summary
    just_now = lease("kube-controller-manager", renewed=30, holder="", duration=1)
    assert "ControllerManagerDown" not in cluster.run([*items, just_now]).codes()


def test_leases_that_were_not_read_prove_nothing(cluster: ClusterCase) -> None:
    found = cluster.run(well(scheduler=300), without=("Lease", "Pod"))
    assert found.steps["CL-10"].status == "skipped"
    assert not found.serious() & {"SchedulerDown", "ControllerManagerDown", "ControlPlaneComponentUnhealthy"}
    assert "ControlPlaneInvisible" not in found.codes()


def test_a_lost_control_plane_node_explains_what_ran_there(cluster: ClusterCase) -> None:
    items = [*system_spaces(), *members("cp-1", ready="Unknown", since=300), *members("w-1")]
    parts = [
        static_pod(one, ready=False, turned=300) for one in ("kube-scheduler", "kube-controller-manager")
    ]
    found = cluster.run([*items, *leaders(scheduler=350), *parts])
    assert found.headline.code == "NodeStatusUnknown"
    assert {"SchedulerDown", "ControlPlaneComponentUnhealthy"} <= found.codes()
    assert {left.code for left in without_explained(serious(found))} == {"NodeStatusUnknown"}


def test_a_managed_control_plane_is_invisible_and_no_alarm(cluster: ClusterCase) -> None:
    found = cluster.run([*system_spaces(), *members("w-1", "w-2"), *leaders()])
    assert found.one("ControlPlaneInvisible").severity == "info"
    assert found.serious() == set()


def test_a_component_that_is_not_ready_is_critical_when_none_is(cluster: ClusterCase) -> None:
    items = [one for one in well() if "kube-scheduler-cp-1" not in one["metadata"]["name"]]
    found = cluster.run([*items, static_pod("kube-scheduler", ready=False, turned=400)])
    one = found.one("ControlPlaneComponentUnhealthy")
    assert (one.severity, one.facts["component"]) == ("critical", "kube-scheduler")
    assert found.headline is one


def test_one_of_three_api_servers_down_is_a_warning(cluster: ClusterCase) -> None:
    others = [
        static_pod("kube-apiserver", "cp-2"),
        static_pod("kube-apiserver", "cp-3", ready=False, turned=400),
    ]
    found = cluster.run([*well(), *others])
    one = found.one("ControlPlaneComponentUnhealthy")
    assert (one.severity, one.subject.name) == ("warning", "kube-apiserver-cp-3")
    assert "2 of 3 are ready" in one.summary


def test_two_of_three_members_of_etcd_down_have_no_majority(cluster: ClusterCase) -> None:
    others = [static_pod("etcd", name, ready=False, turned=400) for name in ("cp-2", "cp-3")]
    found = cluster.run([*well(), *others])
    assert {one.severity for one in found.findings if one.code == "ControlPlaneComponentUnhealthy"} == {
        "critical"
    }


def test_a_component_that_restarts_for_a_moment_is_not(cluster: ClusterCase) -> None:
    items = [one for one in well() if one["metadata"]["name"] != "etcd-cp-1"]
    found = cluster.run([*items, static_pod("etcd", ready=False, turned=30)])
    assert found.serious() == set()


def test_restarts_are_told_only_when_they_go_on(cluster: ClusterCase) -> None:
    def with_last(seconds_ago: float, lasted: float, restarts: int) -> list[dict[str, Any]]:
        last = ended(1, at=seconds_ago) | {"startedAt": ago(seconds_ago + lasted)}
        items = [one for one in well() if one["metadata"]["name"] != "kube-scheduler-cp-1"]
        status = running("kube-scheduler", restarts=restarts, last=last)
        return [*items, static_pod("kube-scheduler", containers=[status])]

    looping = cluster.run(with_last(120, 40, 7)).one("ControlPlaneComponentUnhealthy")
    assert (looping.severity, looping.facts["looping"]) == ("warning", True)
    # A laptop that slept, an upgrade of last week, and the first restart of all.
    for ordinary in (with_last(120, 90_000, 15), with_last(600_000, 40, 7), with_last(120, 40, 1)):
        assert cluster.run(ordinary).serious() == set()


def test_errors_in_a_log_are_a_note_and_never_an_alarm(cluster: ClusterCase) -> None:
    log = "".join(klog(400 - number) for number in range(8)) + klog(9_000, "long ago")
    found = cluster.run(well(), files={"logs/kube-system/kube-scheduler-cp-1/kube-scheduler.log": log})
    one = found.one("ControlPlaneLogErrors")
    assert (one.severity, one.facts["lines"]) == ("info", 8)
    assert found.serious() == set()


def test_old_and_rare_errors_are_not_even_told(cluster: ClusterCase) -> None:
    log = "".join(klog(9_000 + number) for number in range(50)) + klog(10)
    found = cluster.run(well(), files={"logs/kube-system/kube-scheduler-cp-1/kube-scheduler.log": log})
    assert "ControlPlaneLogErrors" not in found.codes()


def test_a_full_etcd_is_critical_and_quoted(cluster: ClusterCase) -> None:
    log = klog(60, 'status.go:71] "etcdserver: mvcc: database space exceeded"')
    found = cluster.run(well(), files={"logs/kube-system/kube-apiserver-cp-1/kube-apiserver.log": log})
    assert (found.headline.code, found.headline.severity) == ("EtcdUnhealthy", "critical")
    assert "refuses every write" in found.headline.summary


def test_etcd_that_often_fails_is_a_warning_and_a_change_of_leader_is_not(cluster: ClusterCase) -> None:
    name = "logs/kube-system/kube-apiserver-cp-1/kube-apiserver.log"
    often = "".join(klog(100 - number, "etcdserver: request timed out") for number in range(6))
    assert cluster.run(well(), files={name: often}).one("EtcdUnhealthy").severity == "warning"
    once = klog(100, "etcdserver: leader changed")
    assert "EtcdUnhealthy" not in cluster.run(well(), files={name: once}).codes()


def test_what_etcd_says_all_day_long_is_no_trouble() -> None:
    routine = [
        "etcdserver: mvcc: required revision has been compacted",
        '{"level":"warn","msg":"apply request took too long","took":"312ms"}',
        '{"level":"info","msg":"finished scheduled compaction"}',
    ]
    assert storage_complaints((None, line) for line in routine) == []


def test_klog_lines_are_read_bare_and_out_of_a_journal() -> None:
    lines = [
        (None, "E1123 11:59:30.000001    1234 kubelet.go:2500] PLEG is not healthy"),
        (None, "Nov 23 11:59:31.1 w-1 kubelet[77]: F1123 11:59:31.000001      77 server.go:1] failed"),
        (None, "I1123 11:59:32.000000    1234 kubelet.go:1] E1123 quoted"),
        (None, "no klog at all"),
    ]
    found = complaints(lines, NOW)
    assert [(one.number, one.fatal, one.place) for one in found] == [
        (1, False, "kubelet.go:2500"),
        (2, True, "server.go:1"),
    ]
    assert [one.number for one in recent(found, NOW, 29.5)] == [2]
    assert complaints([(None, "E9999 99:99:99.000000 1 x.go:1] odd")], NOW)[0].at is None
    assert len(complaints([(None, "E" * 1_000_000)], NOW)) == 0
