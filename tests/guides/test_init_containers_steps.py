"""IC-01 to IC-04: what STATUS says, the table of states, why one does not finish, and whose log is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.containers import container, never_ran, ran, sick_pod, write_log
from tests.support.made_cases import ago, make_case, node, owner, pod, running, stopped, workload

GUIDE = "init-containers"
DONE = {"exitCode": 0, "reason": "Completed", "startedAt": ago(2990), "finishedAt": ago(2980)}
WAITING = container(waiting=("PodInitializing", ""))


def starting(
    *statuses: dict[str, Any], sidecars: tuple[str, ...] = (), name: str = "web-1", **more: Any
) -> dict[str, Any]:
    """A pod in its init phase; of the init containers named in `sidecars` restartPolicy is Always."""
    specs = more.pop("specs", None) or [
        {
            "name": one["name"],
            "image": "shop/tool:1",
            **({"restartPolicy": "Always"} if one["name"] in sidecars else {}),
        }
        for one in statuses
    ]
    more.setdefault("phase", "Pending")
    more.setdefault("initialized", False)
    return sick_pod(
        WAITING,
        name=name,
        spec={"initContainers": specs, **more.pop("spec", {})},
        status={
            "initContainerStatuses": list(statuses),
            "startTime": ago(3000),
            "conditions": [
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": ago(3000)},
                {"type": "Initialized", "status": str(more["initialized"]), "lastTransitionTime": ago(3000)},
                {
                    "type": "Ready",
                    "status": "False",
                    "reason": "ContainersNotReady",
                    "lastTransitionTime": ago(3000),
                },
            ],
        },
        **more,
    )


def words(found: Diagnosis, step: str = "IC-01", column: str = "WHICH SAYS") -> list[str]:
    """A column of the tables of a step."""
    texts = []
    for table in found.steps[step].exhibits:
        names = [one.name for one in getattr(table, "columns", ())]
        if column in names:
            texts += [row[names.index(column)] for row in table.rows]
    return texts


def finished(name: str) -> dict[str, Any]:
    return container(name, ended=DONE, ready=True)


AFTER_A_PAUSE = (
    "init container migrate, 1 of 1, failed with exit code 4; "
    "the next try comes after a pause, 6 restarts so far"
)


@pytest.mark.parametrize(
    ("statuses", "sidecars", "said"),
    [
        (
            [finished("fetch"), container("migrate", running=180)],
            (),
            "init container migrate, 2 of 2, has been running for 3 min",
        ),
        (
            [finished("fetch"), container("migrate", running=5, last=ran(4), restarts=1)],
            (),
            "init container migrate, 2 of 2, has been running for 5 s, after 1 restart",
        ),
        (
            [container("migrate", waiting=("CrashLoopBackOff", ""), last=ran(4), restarts=6)],
            (),
            AFTER_A_PAUSE,
        ),
        (
            [container("migrate", ended=ran(137, "OOMKilled"))],
            (),
            "init container migrate, 1 of 1, was killed for memory; it is tried again",
        ),
        (
            [container("tools", waiting=("ImagePullBackOff", ""))],
            (),
            "init container tools, 1 of 1, cannot start: its image is not there (ImagePullBackOff)",
        ),
        (
            [container("tools", waiting=("PodInitializing", ""))],
            (),
            "init container tools, 1 of 1, waits to be started: volumes, network and image come first",
        ),
        (
            [
                container("proxy", running=30, started=False),
                container("tools", waiting=("PodInitializing", "")),
            ],
            ("proxy",),
            "sidecar proxy, 1 of 2, has been running for 30 s and does not count as started yet",
        ),
    ],
)
def test_status_is_read_out_as_people_need_it(
    statuses: list[dict[str, Any]], sidecars: tuple[str, ...], said: str, examine: Callable[..., Any]
) -> None:
    found = examine([starting(*statuses, sidecars=sidecars), node()], "pod/web-1", guide=GUIDE)
    assert words(found) == [said]


def test_pods_of_a_workload_that_say_the_same_share_a_row_and_a_table(examine: Callable[..., Any]) -> None:
    pods = [
        starting(
            container("migrate", running=60 + number),
            name=f"web-{number}",
            ownerReferences=owner("StatefulSet", "web"),
        )
        for number in range(4)
    ]
    found = examine([*pods, workload("StatefulSet", "web", replicas=4), node()], guide=GUIDE)
    assert len(words(found)) == 1
    assert words(found, column="NAME")[-1] == "web-0 and 3 more"
    assert words(found, "IC-02", "NAME") == ["migrate"]
    assert "3 more pods are not shown" in found.steps["IC-02"].exhibits[-1].text


def test_a_node_that_is_lost_makes_states_the_last_report(examine: Callable[..., Any]) -> None:
    web = starting(container("migrate", running=1800))
    web["status"]["conditions"][2]["reason"] = ""
    found = examine([web, node(ready="Unknown", reason="NodeStatusUnknown")], "pod/web-1", guide=GUIDE)
    assert words(found)[0].startswith("by the last report of its node: init container migrate")
    assert found.headline.code == "NodeStatusUnknown"
    assert "InitWaitsFor" not in found.codes()


def test_the_table_holds_every_init_container_in_order(examine: Callable[..., Any]) -> None:
    web = starting(
        container("proxy", running=2990, ready=True, started=True),
        finished("fetch"),
        container("migrate", waiting=("CrashLoopBackOff", ""), last=ran(4, at=60), restarts=6),
        sidecars=("proxy",),
        specs=None,
    )
    web["spec"]["initContainers"].append({"name": "last", "image": "a"})
    found = examine([web, node()], "pod/web-1", guide=GUIDE)
    assert words(found, "IC-02", "NAME") == ["proxy", "fetch", "migrate", "last"]
    assert words(found, "IC-02", "KIND") == ["sidecar", "init", "init", "init"]
    assert words(found, "IC-02", "STATE") == [
        "running",
        "ended: exit code 0 (Completed)",
        "waiting: CrashLoopBackOff",
        "not reported yet",
    ]
    assert words(found, "IC-02", "LAST END")[2] == "exit code 4 (Error), 11:59:00 UTC (60s ago)"
    assert words(found, "IC-02", "STARTED") == ["yes", "", "", ""]
    assert words(found, "IC-02", "RESTARTS")[2] == "6"


def unplaced(age: float, **spec: Any) -> dict[str, Any]:
    one = pod("web-1", on="", phase="Pending", ready=False, containers=[], creationTimestamp=ago(age))
    one["spec"] |= {"initContainers": [{"name": "migrate", "image": "a"}], **spec}
    return one


def test_a_pod_that_waits_for_a_node_for_long_has_not_begun(examine: Callable[..., Any]) -> None:
    one = examine([unplaced(300), node()], "pod/web-1", guide=GUIDE).one("InitNotStarted")
    assert one.severity == "warning"
    assert "there has been no node for 5 min" in one.summary


def test_a_kubelet_that_reports_no_init_container_is_named(examine: Callable[..., Any]) -> None:
    web = pod("web-1", phase="Pending", ready=False, containers=[])
    web["spec"]["initContainers"] = [{"name": "migrate", "image": "a"}]
    one = examine([web, node()], "pod/web-1", guide=GUIDE).one("InitNotStarted")
    assert "node n1 has not reported the first one, migrate," in one.summary


@pytest.mark.parametrize(("age", "spec"), [(20, {}), (3000, {"schedulingGates": [{"name": "a.b/c"}]})])
def test_a_new_or_a_gated_pod_is_no_alarm(age: float, spec: Any, examine: Callable[..., Any]) -> None:
    found = examine([unplaced(age, **spec), node()], "pod/web-1", guide=GUIDE)
    assert found.serious() == set()
    assert found.one("InitNotStarted").severity == "info"


def test_the_cause_goes_before_that_it_has_not_begun(examine: Callable[..., Any]) -> None:
    web = unplaced(300, nodeSelector={"disk": "ssd"})
    web["status"]["conditions"][0] |= {
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
    }
    assert examine([web, node()], "pod/web-1", guide=GUIDE).headline.code == "NodeSelectorMismatch"


def test_init_containers_that_are_through_are_said_to_be(examine: Callable[..., Any]) -> None:
    web = pod("web-1", containers=[running()])
    web["spec"]["initContainers"] = [{"name": "fetch"}, {"name": "migrate"}]
    web["status"]["initContainerStatuses"] = [finished("fetch"), finished("migrate")]
    web["status"]["conditions"].append({"type": "Initialized", "status": "True"})
    found = examine([web, node()], "pod/web-1", guide=GUIDE)
    assert "fetch and migrate are done" in found.one("InitComplete").summary
    assert found.headline is None
    assert words(found) == ["2 init containers done; the rest is up to the app containers"]


def test_after_the_init_phase_the_app_container_is_what_counts(examine: Callable[..., Any]) -> None:
    web = starting(finished("fetch"), phase="Running", initialized=True)
    web["status"]["containerStatuses"] = [
        container(waiting=("CrashLoopBackOff", ""), last=ran(7), restarts=4),
    ]
    found = examine([web, node()], "pod/web-1", guide=GUIDE)
    assert found.headline.code == "ContainerExitedError"
    assert "InitComplete" in found.codes()


def test_of_a_mixed_namespace_only_pods_with_init_containers_count(examine: Callable[..., Any]) -> None:
    crashing = sick_pod(container(waiting=("CrashLoopBackOff", ""), last=ran(1), restarts=9), name="other")
    found = examine([crashing, starting(container("migrate", running=60)), node()], guide=GUIDE)
    assert found.serious() == set()
    assert found.headline.code == "InitProgress"
    assert "other" not in str([mark.lane for mark in found.closing.marks])
    assert "Passed over: 1 pod without" in str(found.steps["IC-01"].exhibits)


def test_a_workload_without_pods_is_no_namespace_without_anything(examine: Callable[..., Any]) -> None:
    found = examine([workload("StatefulSet", "db", replicas=0), node()], "statefulset/db", guide=GUIDE)
    assert "no pods of shop/statefulset/db at the moment" in found.headline.summary
    assert found.serious() == set()


@pytest.fixture
def say(tmp_path: Path) -> Callable[..., Diagnosis]:
    """A pod with logs: `say(pod, {"migrate": "text", "migrate.previous": "text"})`."""

    def run(web: dict[str, Any], logs: dict[str, str], *more: dict[str, Any]) -> Diagnosis:
        folder = make_case(tmp_path / "case", [web, node(), *more])
        for stem, text in logs.items():
            name, _, previous = stem.partition(".")
            write_log(folder, text, name=name, previous=bool(previous))
        return Diagnosis(folder, "pod/web-1", "shop", guide=GUIDE)

    return run


def test_of_one_that_runs_again_both_runs_are_shown(say: Callable[..., Diagnosis]) -> None:
    web = starting(container("migrate", running=5, last=ran(4), restarts=1))
    found = say(web, {"migrate": "starting anew", "migrate.previous": "ERROR column price missing"})
    assert "column price missing" in found.headline.summary
    one = found.one("InitLogCaptured")
    assert "starting anew" in one.summary
    assert "current run" in one.title


def test_a_log_the_step_before_shows_is_not_shown_again(say: Callable[..., Diagnosis]) -> None:
    found = say(starting(container("migrate", running=60)), {"migrate": "step 3 of 9"})
    assert [type(one).__name__ for one in found.steps["IC-04"].exhibits] == ["Note"]
    assert found.steps["IC-04"].findings == []
    assert "step 3 of 9" in found.headline.summary


def test_the_log_of_a_sidecar_that_holds_the_others_up_is_shown(say: Callable[..., Diagnosis]) -> None:
    web = starting(
        container("proxy", running=900, started=False),
        container("migrate", waiting=("PodInitializing", "")),
        sidecars=("proxy",),
    )
    found = say(web, {"proxy": "cannot reach control plane"})
    assert found.headline.code == "SidecarNotStarted"
    assert "cannot reach control plane" in found.one("InitLogCaptured").summary


def test_a_container_that_never_started_has_no_log_and_none_is_asked_for(examine: Callable[..., Any]) -> None:
    web = starting(container("migrate", waiting=("CreateContainerConfigError", 'secret "db" not found')))
    found = examine([web, node()], "pod/web-1", guide=GUIDE)
    assert "has never started" in found.one("InitLogUnavailable").summary
    assert found.steps["IC-04"].exhibits == []


def test_a_container_about_to_start_is_not_told_to_lack_a_log(examine: Callable[..., Any]) -> None:
    web = starting(container("migrate", waiting=("PodInitializing", "")))
    assert "InitLogUnavailable" not in examine([web, node()], "pod/web-1", guide=GUIDE).codes()


def test_a_command_that_could_not_be_executed_is_told_once(examine: Callable[..., Any]) -> None:
    message = 'exec: "/bin/migrat": stat /bin/migrat: no such file or directory'
    web = starting(
        container("migrate", waiting=("CrashLoopBackOff", ""), last=never_ran(message), restarts=3)
    )
    found = examine([web, node()], "pod/web-1", guide=GUIDE)
    assert "/bin/migrat was not found" in found.headline.summary
    assert "InitLogUnavailable" not in found.codes()


def test_a_log_that_is_gone_is_said_to_be_missing(say: Callable[..., Diagnosis]) -> None:
    web = starting(container("migrate", waiting=("CrashLoopBackOff", ""), last=ran(4), restarts=3))
    found = say(web, {"migrate": "unable to retrieve container logs for containerd://d1ebbd1bd998"})
    assert "The log is gone" in found.one("InitLogUnavailable").summary


def test_a_job_pod_that_ended_well_is_through(examine: Callable[..., Any]) -> None:
    one = pod("web-1", phase="Succeeded", ready=False, containers=[stopped(code=0, reason="Completed")])
    one["spec"]["initContainers"] = [{"name": "fetch"}]
    one["status"]["initContainerStatuses"] = [finished("fetch")]
    one["status"]["conditions"].append({"type": "Initialized", "status": "True"})
    found = examine([one, node()], "pod/web-1", guide=GUIDE)
    assert found.serious() == set()
    assert words(found) == ["1 init container done; the pod has ended"]


def test_of_pods_in_the_same_state_one_log_is_read(tmp_path: Path) -> None:
    sidecar = [
        container("proxy", running=900, started=False),
        container("last", waiting=("PodInitializing", "")),
    ]
    pods = [
        starting(
            *sidecar, sidecars=("proxy",), name=f"web-{number}", ownerReferences=owner("StatefulSet", "web")
        )
        for number in range(3)
    ]
    folder = make_case(tmp_path, [*pods, workload("StatefulSet", "web", replicas=3), node()])
    write_log(folder, "cannot reach control plane", pod="web-0", name="proxy")
    found = Diagnosis(folder, "", "shop", guide=GUIDE)
    assert len(found.steps["IC-04"].exhibits) == 1
    assert "InitLogUnavailable" not in found.codes()
    assert found.session.start.coverage.missing == []
