"""The findings only the running-pods guide gives: each on its own trouble, and silence beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.containers import container, ran, sick_pod, write_log
from tests.support.made_cases import ago, event, make_case, node, owner, pod, running, workload

Examine = Callable[..., Any]


@pytest.fixture
def judge(examine: Examine) -> Examine:
    """The running-pods guide on these objects."""
    return lambda items, target="", **more: examine(items, target, guide="running-pods", **more)


def service(name: str = "web", **selector: str) -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "creationTimestamp": ago(7200)}
    return {"kind": "Service", "metadata": meta, "spec": {"selector": selector}}


def probed() -> dict[str, Any]:
    return {"containers": [{"name": "app", "readinessProbe": {"httpGet": {"path": "/", "port": 80}}}]}


# Readiness


def test_pods_behind_a_service_without_a_readiness_probe_are_named_once_per_workload(judge: Examine) -> None:
    pods = [
        pod(f"web-{n}", labels={"app": "web"}, ownerReferences=owner("StatefulSet", "web")) for n in range(3)
    ]
    found = judge([node(), service(app="web"), *pods]).one("NoReadinessProbe")
    assert found.severity == "info"
    assert found.count == 3
    assert "Service web" in found.summary


def test_a_readiness_probe_or_no_service_leaves_nothing_to_say(judge: Examine) -> None:
    assert (
        "NoReadinessProbe"
        not in judge([node(), service(app="web"), pod(labels={"app": "web"}, spec=probed())]).codes()
    )
    assert "NoReadinessProbe" not in judge([node(), service(app="other"), pod(labels={"app": "web"})]).codes()
    assert "NoReadinessProbe" not in judge([node(), service(), pod(labels={"app": "web"})]).codes()


# Conditions


def with_condition(type_: str, reason: str = "", message: str = "", **more: Any) -> dict[str, Any]:
    one = pod(**more)
    one["status"]["conditions"].append(
        {"type": type_, "status": "True", "reason": reason, "message": message, "lastTransitionTime": ago(90)}
    )
    return one


@pytest.mark.parametrize(
    ("reason", "words"), [("Deferred", "has no room for it now"), ("Infeasible", "can never give")]
)
def test_a_resize_the_node_cannot_give_is_a_warning(judge: Examine, reason: str, words: str) -> None:
    found = judge([node(), with_condition("PodResizePending", reason)]).one("PodResizeBlocked")
    assert found.severity == "warning"
    assert words in found.summary


def test_a_resize_in_progress_is_none(judge: Examine) -> None:
    assert judge([node(), with_condition("PodResizeInProgress")]).serious() == set()


def test_a_pod_marked_for_removal_by_the_kubelet_is_a_warning_and_one_being_drained_is_not(
    judge: Examine,
) -> None:
    killed = judge(
        [node(), with_condition("DisruptionTarget", "TerminationByKubelet", "node was low on memory")]
    )
    assert killed.one("PodDisruptionTarget").severity == "warning"
    drained = judge([node(), with_condition("DisruptionTarget", "EvictionByEvictionAPI")])
    assert drained.one("PodDisruptionTarget").severity == "info"
    assert drained.serious() == set()


# Events


def test_a_warning_no_rule_reads_is_quoted_and_is_an_alarm_only_where_the_pod_is_not_ready(
    judge: Examine,
) -> None:
    text = "Nameserver limits were exceeded"
    well = pod()
    quiet = judge([node(), well, event(well, "DNSConfigForming", text, type_="Warning", count=7)])
    assert quiet.one("PodWarningEvents").severity == "info"
    assert text in quiet.one("PodWarningEvents").summary
    sick = sick_pod(container(running=3000), spec={"containers": [{"name": "app"}]})
    loud = judge([node(), sick, event(sick, "FailedKillPod", "error killing pod", type_="Warning", at=30)])
    assert loud.one("PodWarningEvents").severity == "warning"


def test_a_warning_that_a_rule_reads_or_that_is_over_is_not_said_again(judge: Examine) -> None:
    sick = sick_pod(container(running=30))
    found = judge(
        [
            node(),
            sick,
            event(sick, "Unhealthy", "Readiness probe failed: HTTP 500", type_="Warning", at=20),
            event(sick, "FailedSync", "error syncing", type_="Warning", at=900),
        ]
    )
    assert "PodWarningEvents" not in found.codes()


def namespace_in_trouble() -> list[dict[str, Any]]:
    sick = sick_pod(container(waiting=("CrashLoopBackOff", ""), last=ran(1), restarts=4), name="sick-1")
    well, gone = pod("well-1", spec=probed()), pod("gone-1")
    return [
        node(),
        sick,
        well,
        event(sick, "BackOff", "Back-off restarting", type_="Warning", at=30, count=9),
        event(well, "Unhealthy", "Readiness probe failed", type_="Warning", at=600, count=5),
        event(gone, "FailedMount", "was never mounted", type_="Warning", at=700, count=5),
    ]


def test_the_warnings_of_the_namespace_leave_out_what_is_over(judge: Examine) -> None:
    found = judge(namespace_in_trouble()).one("NamespaceWarningEvents")
    assert [one["name"] for one in found.facts["reasons"]] == ["BackOff"]
    assert "BackOff (9 times, 1 object)" in found.summary


def test_the_warnings_of_others_are_no_alarm_about_the_pod_in_question(judge: Examine) -> None:
    found = judge(namespace_in_trouble(), "pod/well-1")
    assert found.serious() == set()
    assert found.headline is None


def test_warnings_seldom_repeated_or_old_are_not_worth_a_word(judge: Examine) -> None:
    sick = sick_pod(container(waiting=("CrashLoopBackOff", ""), last=ran(1), restarts=4))
    seldom = event(sick, "BackOff", "once", type_="Warning", count=2)
    old = event(sick, "Failed", "long ago", type_="Warning", at=4000, count=20)
    assert "NamespaceWarningEvents" not in judge([node(), sick, seldom, old]).codes()


# Logs


def test_errors_in_the_log_of_a_container_that_is_not_ready_are_a_warning(tmp_path: Path) -> None:
    sick = sick_pod(container(running=3000))
    case = make_case(tmp_path / "case", [node(), sick])
    write_log(case, "ok\nERROR no route to db\nERROR no route to db\n")
    found = Diagnosis(case, "pod/web-1", "shop", guide="running-pods").one("ContainerLogErrors")
    assert found.severity == "warning"
    assert found.evidence[-1].path == "line 3"


def test_errors_in_the_log_of_a_ready_container_are_only_told(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [node(), pod()])
    write_log(case, "ERROR no route to db\n")
    found = Diagnosis(case, "pod/web-1", "shop", guide="running-pods")
    assert found.one("ContainerLogErrors").severity == "info"
    assert found.serious() == set()


def test_a_log_without_errors_gives_no_finding(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case", [node(), pod()])
    write_log(case, "serving on 8080\nINFO 0 errors\n")
    found = Diagnosis(case, "pod/web-1", "shop", guide="running-pods")
    assert not {"ContainerLogErrors", "ContainerLogEmpty"} & found.codes()


def test_an_empty_log_of_a_process_that_never_ran_is_not_expected(tmp_path: Path) -> None:
    end = {**ran(128, "StartError"), "startedAt": "1970-01-01T00:00:00Z"}
    sick = sick_pod(container(waiting=("CrashLoopBackOff", ""), last=end, restarts=3))
    case = make_case(tmp_path / "case", [node(), sick])
    write_log(case, "")
    found = Diagnosis(case, "pod/web-1", "shop", guide="running-pods").one("ContainerLogEmpty")
    assert "never ran" in found.summary


# Left behind


def debug_pod(name: str, *, age: float, containers: list[str] = ["app"], **spec: Any) -> dict[str, Any]:  # noqa: B006
    return pod(
        name,
        creationTimestamp=ago(age),
        containers=[running(one) for one in containers],
        spec=spec,
    )


def shell(age: float) -> dict[str, Any]:
    return debug_pod(
        "node-debugger-n1-qh8r8",
        age=age,
        containers=["debugger"],
        volumes=[{"name": "host-root", "hostPath": {"path": "/"}}],
    )


def test_a_node_shell_of_yesterday_was_forgotten_and_one_of_now_may_be_in_use(judge: Examine) -> None:
    old = judge([node(), shell(90_000)]).one("DebugPodLeftBehind")
    assert (old.severity, old.facts["node"]) == ("warning", "n1")
    new = judge([node(), shell(300)])
    assert new.one("DebugPodLeftBehind").severity == "info"
    assert new.serious() == set()


def test_a_copy_is_known_by_its_debug_container_or_by_the_original_beside_it(judge: Examine) -> None:
    copies = [
        debug_pod("web-copy", age=90_000, containers=["app", "debugger-p42dg"]),
        pod("myapp"),
        debug_pod("myapp-debug", age=90_000),
    ]
    found = judge([node(), *copies])
    left = {one.subject.name for one in found.findings if one.code == "DebugPodLeftBehind"}
    assert left == {"web-copy", "myapp-debug"}


def test_a_pod_that_only_has_such_a_name_was_not_left_behind(judge: Examine) -> None:
    found = judge(
        [
            node(),
            pod("gdb-debug"),
            pod("api"),
            pod("api-debug", labels={"app": "api-debug"}),
            pod("node-debugger-n1-qh8r8", ownerReferences=owner("DaemonSet", "node-debugger-n1")),
        ]
    )
    assert "DebugPodLeftBehind" not in found.codes()


def test_an_ephemeral_container_is_named_with_its_image_and_that_it_stays(judge: Examine) -> None:
    one = pod(spec={"ephemeralContainers": [{"name": "debugger-c4b86", "image": "busybox:1.36"}]})
    found = judge([node(), one]).one("EphemeralLeftBehind")
    assert "debugger-c4b86 (busybox:1.36)" in found.summary
    assert "never be removed" in found.explanation
    assert all(not step.changes for step in found.next), "nothing replaces a bare pod"


# Use


def metrics(name: str = "web-1", *, age: float = 20, **usage: str) -> dict[str, Any]:
    return {
        "kind": "PodMetrics",
        "metadata": {"name": name, "namespace": "shop"},
        "timestamp": ago(age),
        "window": "30s",
        "containers": [{"name": "app", "usage": usage}],
    }


def limited(**limits: str) -> dict[str, Any]:
    return pod(
        spec={"containers": [{"name": "app", "resources": {"limits": limits, "requests": {"cpu": "100m"}}}]}
    )


def test_a_container_close_to_its_memory_limit_is_a_warning(judge: Examine) -> None:
    found = judge([node(), limited(memory="64Mi", cpu="1"), metrics(memory="60Mi", cpu="899999999n")])
    near = found.one("ContainerMemoryNearLimit")
    assert near.facts["percent"] == 94
    assert "60Mi of its 64Mi" in near.summary
    assert "ContainerCpuAtLimit" not in found.codes()


def test_a_container_at_its_cpu_limit_is_made_to_wait(judge: Examine) -> None:
    found = judge([node(), limited(cpu="500m"), metrics(cpu="495m", memory="10Mi")], "pod/web-1")
    assert found.one("ContainerCpuAtLimit").facts["percent"] == 99
    assert found.headline.code == "ContainerCpuAtLimit"


def test_what_was_measured_long_ago_is_no_alarm(judge: Examine) -> None:
    found = judge([node(), limited(memory="64Mi"), metrics(memory="63Mi", age=900)])
    assert found.one("ContainerMemoryNearLimit").severity == "info"


def test_use_without_limits_is_shown_and_not_judged(judge: Examine) -> None:
    found = judge([node(), pod(), metrics(memory="900Gi", cpu="90")])
    assert found.serious() == set()
    (shown,) = found.steps["RP-22"].exhibits
    assert [row[3:] for row in shown.rows] == [["90", "none", "none", ""], ["900Gi", "none", "none", ""]]


def test_a_cluster_without_the_metrics_api_is_said_to_have_none(diagnose: Callable[..., Any]) -> None:
    for target in ("", "deployment/frontend"):
        found = diagnose("healthy", target, guide="running-pods")
        assert found.steps["RP-22"].status == "ok"
        assert "no metrics API" in found.steps["RP-22"].exhibits[0].text


def test_metrics_that_were_not_recorded_are_not_called_absent(judge: Examine) -> None:
    found = judge([node(), pod()], without=("PodMetrics",))
    assert found.steps["RP-22"].status == "refused"


# Room


def unplaced(cpu: str = "900m") -> list[dict[str, Any]]:
    message = "0/1 nodes are available: 1 Insufficient cpu."
    waiting = pod(
        "web-2",
        on="",
        phase="Pending",
        ready=False,
        containers=[],
        ownerReferences=owner("ReplicaSet", "web-3cc"),
        spec={"containers": [{"name": "app", "resources": {"requests": {"cpu": cpu}}}]},
        status={
            "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
            ]
        },
    )
    return [
        workload("Deployment", "web", replicas=2),
        workload("ReplicaSet", "web-3cc", app="web", ownerReferences=owner("Deployment", "web")),
        waiting,
    ]


def test_how_many_replicas_fit_is_counted_by_the_scarcest_resource(judge: Examine) -> None:
    taken = pod("big", spec={"containers": [{"name": "app", "resources": {"requests": {"cpu": "2"}}}]})
    found = judge([node(), taken, *unplaced()]).one("ReplicasThatFit")
    assert found.facts["more"] == 2
    assert [step.command for step in found.next] == ["kubectl scale deployment web -n shop --replicas=4"]


def test_when_none_fits_that_is_said(judge: Examine) -> None:
    found = judge([node(), *unplaced("64")]).one("ReplicasThatFit")
    assert "none fits" in found.summary


def test_what_fits_is_not_guessed_where_not_all_pods_were_read(judge: Examine, tmp_path: Path) -> None:
    case = make_case(tmp_path / "part", [node(), *unplaced(), pod("other", "elsewhere")])
    (case / "api/v1/namespaces/elsewhere/pods.json").unlink()
    assert "ReplicasThatFit" not in Diagnosis(case, "", "shop", guide="running-pods").codes()


# Node


def test_a_ready_node_under_pressure_is_told_and_is_no_alarm(judge: Examine) -> None:
    machine = node()
    machine["status"]["conditions"].append({"type": "MemoryPressure", "status": "True", "message": "low"})
    found = judge([machine, pod()], "pod/web-1")
    assert found.one("NodeReportsProblem").facts["condition"] == "MemoryPressure"
    assert found.serious() == set()


def test_the_troubles_of_a_lost_node_are_its_last_report_and_not_repeated(judge: Examine) -> None:
    machine = node(ready="Unknown")
    machine["status"]["conditions"].append({"type": "MemoryPressure", "status": "True"})
    assert "NodeReportsProblem" not in judge([machine, pod()], "pod/web-1").codes()
