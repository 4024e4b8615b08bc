"""DP-01: the table as kubectl prints it, how pods ended, lost nodes, restarts; silence about what is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kuberunbooks.findings import Table
from tests.support.made_cases import ago, ended, node, owner, pod, running, stopped, workload

Examine = Callable[..., Any]


def table(found: Any, caption: str = "Pods as kubectl prints them") -> Table:
    return next(
        one for one in found.steps["DP-01"].exhibits if isinstance(one, Table) and one.caption == caption
    )


def dp01(found: Any) -> set[tuple[str, str]]:
    """What the step itself found: (code, severity)."""
    return {(one.code, one.severity) for one in found.steps["DP-01"].findings}


def failed(name: str = "web-1", reason: str = "", message: str = "", **more: Any) -> dict[str, Any]:
    """A pod of phase Failed whose container ended well, so that only status.reason can say why."""
    status = {"reason": reason, "message": message} if reason else {}
    containers = more.pop("containers", [stopped(code=0, reason="Completed", at=more.pop("at", 60))])
    return pod(name, phase="Failed", ready=False, containers=containers, status=status, **more)


def evicted(message: str, **more: Any) -> dict[str, Any]:
    return failed(reason="Evicted", message=message, **more)


OWNED = {"ownerReferences": owner("ReplicaSet", "web-1aa")}


def test_the_table_holds_what_kubectl_prints(examine: Examine) -> None:
    found = examine([node(), pod("web-1", containers=[running(restarts=4, last=ended(1, at=120))])])
    assert [column.name for column in table(found).columns] == [
        "NAME",
        "READY",
        "STATUS",
        "RESTARTS",
        "AGE",
        "NODE",
    ]
    assert table(found).rows == [["web-1", "1/1", "Running", "4 (2m ago)", "120m", "n1"]]


def test_all_namespaces_get_a_namespace_column(examine: Examine) -> None:
    found = examine([node(), pod("a", "one"), pod("b", "two")], namespace="-")
    assert [row[:2] for row in table(found).rows] == [["one", "a"], ["two", "b"]]


def test_of_many_pods_fifty_are_shown_with_the_sick_first_and_all_are_counted(examine: Examine) -> None:
    found = examine([node(), *(pod(f"web-{number}") for number in range(70)), pod("zz-sick", ready=False)])
    assert table(found).rows[0][0] == "zz-sick"
    assert (len(table(found).rows), table(found).omitted) == (50, 21)
    assert table(found, "How many pods have each status").rows == [["Running", "71"]]


def test_healthy_pods_of_a_workload_are_one_good_line(examine: Examine) -> None:
    found = examine([node(), pod("web-1", **OWNED), pod("web-2", **OWNED)])
    good = found.one("PodHealthy")
    assert (good.severity, good.count) == ("ok", 2)
    assert found.serious() == set()


def test_pods_whose_node_cannot_be_read_are_not_said_to_be_on_a_ready_one(examine: Examine) -> None:
    found = examine([pod("web-1")], without=("Node",))
    assert "could not be checked" in found.one("PodHealthy").summary
    assert found.serious() == set()


def test_a_completed_pod_is_good_news_and_a_restart_between_two_runs_is_not_completion(
    examine: Examine,
) -> None:
    done = pod("done", phase="Succeeded", ready=False, containers=[stopped(code=0, reason="Completed")])
    between = pod("between", ready=False, containers=[stopped(code=0, reason="Completed", restarts=3)])
    found = examine([node(), done, between])
    assert found.one("PodCompleted").subject.name == "done"


def test_more_workloads_than_a_page_holds_are_one_good_line(examine: Examine) -> None:
    found = examine([node(), *(pod(f"solo-{number}") for number in range(25))])
    assert found.one("PodHealthy").summary.startswith("25 pods")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ",
            "10Mi ephemeral-storage limit",
        ),
        (
            'Container app exceeded its local ephemeral storage limit "1Gi". ',
            "container app wrote more than its 1Gi",
        ),
        (
            'Usage of EmptyDir volume "cache" exceeds the limit "64Mi". ',
            "emptyDir volume cache grew past its sizeLimit of 64Mi",
        ),
        ("The node was low on resource: memory. Threshold quantity: 100Mi", "the node ran low on memory"),
        ("Something nobody has seen before", "Something nobody has seen before"),
    ],
)
def test_an_eviction_says_whether_the_pod_or_the_node_was_at_its_limit(
    examine: Examine, message: str, words: str
) -> None:
    assert words in examine([node(), evicted(message)]).one("PodEvicted").summary


def test_an_evicted_bare_pod_is_critical_because_nothing_replaces_it(examine: Examine) -> None:
    assert (
        examine([node(), evicted("The node was low on resource: memory.")]).one("PodEvicted").severity
        == "critical"
    )


def test_an_evicted_pod_of_a_workload_is_a_warning_and_an_old_record_only_a_note(examine: Examine) -> None:
    recent = examine([node(), evicted("The node was low on resource: memory.", **OWNED)])
    assert recent.one("PodEvicted").severity == "warning"


def test_the_record_of_an_old_eviction_of_a_replaced_pod_is_only_a_note(examine: Examine) -> None:
    old = examine([node(), evicted("The node was low on resource: memory.", at=90_000, **OWNED)])
    assert old.one("PodEvicted").severity == "info"


@pytest.mark.parametrize(
    "reason", ["OutOfcpu", "NodeAffinity", "UnexpectedAdmissionError", "TopologyAffinityError", "NodePorts"]
)
def test_a_pod_the_kubelet_refused_is_said_to_be_refused(examine: Examine, reason: str) -> None:
    found = examine([node(), failed(reason=reason, message="Node didn't have enough resource")])
    assert found.headline.code == "PodAdmissionRejected"
    assert "didn't have enough" in found.headline.summary


def test_a_pod_past_its_deadline_names_the_deadline(examine: Examine) -> None:
    found = examine(
        [node(), failed(reason="DeadlineExceeded", message="too long", spec={"activeDeadlineSeconds": 30})]
    )
    assert "activeDeadlineSeconds 30" in found.one("PodDeadlineExceeded").summary


def test_a_node_shutdown_is_a_note_and_needs_the_word(examine: Examine) -> None:
    found = examine(
        [
            node(),
            failed(reason="Terminated", message="Pod was terminated in response to imminent node shutdown."),
        ]
    )
    assert found.one("PodNodeShutdown").severity == "info"
    assert "PodNodeShutdown" not in examine([node(), failed(reason="Terminated", message="no idea")]).codes()


def test_a_failed_pod_without_any_reason_is_still_reported(examine: Examine) -> None:
    assert ("PodFailed", "critical") in dp01(examine([node(), failed()]))


def test_a_failed_pod_is_left_to_the_crash_step_when_a_container_says_why(examine: Examine) -> None:
    assert "PodFailed" not in examine([node(), failed(containers=[stopped(code=3)])]).codes()


def test_the_failed_attempts_of_a_job_that_completed_are_no_alarm(examine: Examine) -> None:
    job = workload("Job", "load")
    job["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    found = examine([node(), job, failed("load-x", ownerReferences=owner("Job", "load"))])
    assert dp01(found) == {("PodFailed", "info")}


def test_a_silent_node_is_the_headline_with_its_pods_as_support(examine: Examine) -> None:
    lost = node(ready="Unknown", reason="NodeStatusUnknown", since=400)
    found = examine([lost, pod("web-1", ready=False, **OWNED), pod("web-2", ready=False, **OWNED)])
    assert found.headline.code == "NodeStatusUnknown"
    assert found.headline.subject.text == "node/n1"
    assert found.one("PodNodeNotReady").count == 2
    assert found.headline.since is not None
    assert "6 min ago" in found.headline.summary


def test_a_node_that_says_it_is_not_ready_is_quoted(examine: Examine) -> None:
    found = examine([node(ready="False", reason="KubeletNotReady"), pod("web-1", ready=False)])
    assert found.headline.code == "NodeNotReady"
    assert "as the kubelet says" in found.headline.summary


def test_pods_of_a_node_that_is_gone_are_not_believed(examine: Examine) -> None:
    assert examine([node("n2"), pod("web-1", on="n1")]).headline.code == "NodeMissing"


def test_a_node_that_was_not_read_is_not_said_to_be_gone(examine: Examine) -> None:
    assert "NodeMissing" not in examine([pod("web-1", on="n1")], without=("Node",)).codes()


def waiting_for_a_node(**more: Any) -> dict[str, Any]:
    return pod("web-1", on="", phase="Pending", ready=False, containers=[], **more)


def test_when_every_node_is_lost_the_newest_loss_is_the_headline_of_a_pod_that_waits(
    examine: Examine,
) -> None:
    found = examine(
        [
            node("n1", ready="Unknown", since=9000),
            node("n2", ready="Unknown", since=300),
            waiting_for_a_node(),
        ]
    )
    assert found.headline.subject.text == "node/n2"
    assert "1 pod waits" in found.headline.summary


def test_one_ready_node_is_enough_to_look_elsewhere_for_why_a_pod_waits(examine: Examine) -> None:
    found = examine([node("n1", ready="Unknown"), node("n2"), waiting_for_a_node()])
    assert "NodeStatusUnknown" not in found.codes()


def test_a_pod_of_a_minute_has_not_waited_long_enough_to_blame_a_node(examine: Examine) -> None:
    found = examine([node("n1", ready="Unknown"), waiting_for_a_node(creationTimestamp=ago(30))])
    assert "NodeStatusUnknown" not in found.codes()


def test_another_node_that_is_lost_does_not_concern_pods_elsewhere(examine: Examine) -> None:
    found = examine([node("n1"), node("n2", ready="Unknown"), pod("web-1", on="n1")])
    assert found.serious() == set()


def test_a_completed_pod_does_not_mind_its_node(examine: Examine) -> None:
    done = pod("done", phase="Succeeded", ready=False, containers=[stopped(code=0, reason="Completed")])
    assert examine([node(ready="Unknown"), done]).serious() == set()


def test_a_recent_restart_is_a_warning_with_the_time_and_exit_code(examine: Examine) -> None:
    found = examine([node(), pod("web-1", containers=[running(restarts=2, last=ended(7, at=300))])])
    restart = next(one for one in found.steps["DP-01"].findings if one.code == "RecentRestarts")
    assert "exit code 7" in restart.summary
    assert "5 min ago" in restart.summary
    assert restart.evidence[0].path == "status.containerStatuses[0].restartCount"


def test_a_restart_before_the_window_is_history(examine: Examine) -> None:
    found = examine([node(), pod("web-1", containers=[running(restarts=2, last=ended(7, at=4000))])])
    assert "RecentRestarts" not in found.codes()
    wider = examine(
        [node(), pod("web-1", containers=[running(restarts=2, last=ended(7, at=4000))])], since="2h"
    )
    assert "RecentRestarts" in wider.codes()


@pytest.mark.parametrize(
    ("restarts", "at", "expected"), [(4, 7200, ""), (5, 7200, "warning"), (50, 90_000, "info")]
)
def test_many_restarts_alarm_unless_the_last_was_days_ago(
    examine: Examine, restarts: int, at: float, expected: str
) -> None:
    found = examine([node(), pod("web-1", containers=[running(restarts=restarts, last=ended(1, at=at))])])
    assert [one.severity for one in found.steps["DP-01"].findings if one.code == "HighRestartCount"] == (
        [expected] if expected else []
    )


def test_a_running_pod_that_is_unready_for_no_visible_reason_is_said_to_be_so(examine: Examine) -> None:
    found = examine([node(), pod("web-1", ready=False)])
    assert ("PodNotReady", "warning") in dp01(found)


def test_unreadiness_that_a_container_explains_is_left_to_the_step_that_explains_it(examine: Examine) -> None:
    probe = {"containers": [{"name": "app", "readinessProbe": {"tcpSocket": {"port": 80}}}]}
    assert (
        "PodNotReady"
        not in examine([node(), pod("a", ready=False, containers=[running(ready=False)], spec=probe)]).codes()
    )
    assert (
        "PodNotReady"
        not in examine([node(), pod("a", ready=False, containers=[stopped(code=1, restarts=1)])]).codes()
    )
    gate = {"readinessGates": [{"conditionType": "example.com/ready"}]}
    assert "PodNotReady" not in examine([node(), pod("a", ready=False, spec=gate)]).codes()


def test_a_job_whose_containers_finish_one_after_the_other_is_no_alarm(examine: Examine) -> None:
    statuses = [stopped("a", code=0, reason="Completed"), running("b")]
    found = examine([node(), pod("load", ready=False, containers=statuses, spec={"restartPolicy": "Never"})])
    assert dp01(found) == set()


def test_a_pod_that_has_only_just_started_is_not_called_unready(examine: Examine) -> None:
    assert dp01(examine([node(), pod("new", ready=False, creationTimestamp=ago(5))])) == set()


def test_null_and_unknown_values_cost_nothing_but_detail(examine: Examine) -> None:
    odd = pod("odd", phase="Dreaming", ready=False)
    odd["status"]["conditions"] = None
    odd["status"]["containerStatuses"] = None
    bare = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "bare", "namespace": "shop"}}
    found = examine([node(), odd, bare])
    assert ("PodNotReady", "warning") in dp01(found)


def test_since_is_when_the_readiness_turned(examine: Examine) -> None:
    found = examine([node(), pod("web-1", ready=False)]).steps["DP-01"].findings
    assert [f"{one.since:%Y-%m-%dT%H:%M:%SZ}" for one in found if one.code == "PodNotReady"] == [ago(6900)]


def test_one_pod_that_is_well_is_not_alarmed_by_its_siblings(examine: Examine) -> None:
    siblings = workload("StatefulSet", "db", replicas=2)
    siblings["status"]["readyReplicas"] = 1
    pods = [pod("db-0", ownerReferences=owner("StatefulSet", "db")), pod("db-1", ready=False)]
    assert examine([node(), siblings, *pods], "pod/db-0").serious() == set()
