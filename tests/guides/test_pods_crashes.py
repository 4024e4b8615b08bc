"""DP-09: how containers end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.containers import container, container_event, never_ran, ran, sick_pod, write_log
from tests.support.made_cases import ago, event, node, owner, pod, running, workload

BACK_OFF = ("CrashLoopBackOff", "back-off 1m20s restarting failed container=app pod=web-1_shop(uid-web-1)")
OCI = "runc create failed: unable to start container process: "


def looping(end: dict[str, Any], **options: Any) -> dict[str, Any]:
    return sick_pod(container(waiting=BACK_OFF, last=end, restarts=4), **options)


def test_a_termination_message_is_quoted_before_the_log(tmp_path: Path, examine: Callable[..., Any]) -> None:
    write_log(tmp_path / "case", "starting\nFATAL no table\nbye")
    found = examine([looping(ran(3, message="migration 0042 missing\n")), node()], "pod/web-1")
    one = found.one("ContainerExitedError")
    assert found.headline is one or found.headline.code == one.code
    assert 'exits with code 3, saying "migration 0042 missing"; 4 restarts so far' in one.summary
    assert 'Its log says: "FATAL no table"' in one.explanation
    assert {cited.path for cited in one.evidence} >= {
        "status.containerStatuses[0].lastState.terminated.exitCode",
        "status.containerStatuses[0].lastState.terminated.message",
        "line 2",
    }
    assert one.severity == "critical"


def test_without_a_message_the_error_in_the_log_is_quoted_with_its_line(
    tmp_path: Path, examine: Callable[..., Any]
) -> None:
    write_log(tmp_path / "case", "starting\nERROR no table\nshutting down")
    one = examine([looping(ran(1)), node()], "pod/web-1").one("ContainerExitedError")
    assert one.facts["quote"] == "ERROR no table"
    assert one.facts["quote_source"] == "log"
    cited = next(cited for cited in one.evidence if cited.source.endswith("app.log"))
    assert (cited.path, cited.value) == ("line 2", "ERROR no table")


def test_an_error_above_the_tail_beats_a_message_the_kubelet_took_from_the_tail(
    tmp_path: Path, examine: Callable[..., Any]
) -> None:
    write_log(tmp_path / "case", "panic: nil map\nline 1\nline 2")
    spec = [{"name": "app", "image": "a", "terminationMessagePolicy": "FallbackToLogsOnError"}]
    web = looping(ran(2, message="line 1\nline 2\n"), containers=spec)
    assert examine([web, node()], "pod/web-1").one("ContainerExitedError").facts["quote"] == "panic: nil map"


def test_a_log_that_is_not_there_is_said_to_be_not_there(examine: Callable[..., Any]) -> None:
    one = examine([looping(ran(1)), node()], "pod/web-1").one("ContainerExitedError")
    assert "saying" not in one.summary
    assert "log was not read" in one.explanation


def test_the_log_of_the_run_before_is_read_when_it_runs_again(
    tmp_path: Path, examine: Callable[..., Any]
) -> None:
    write_log(tmp_path / "case", "all is well now")
    write_log(tmp_path / "case", "ERROR no table", previous=True)
    web = pod(containers=[running(restarts=1, last=ran(1, at=300))])
    one = examine([web, node()], "pod/web-1").one("ContainerExitedError")
    assert one.facts["quote"] == "ERROR no table"
    assert one.severity == "warning"
    assert "exited with code 1" in one.summary
    assert "runs again" in one.summary
    assert any("--previous" in step.command for step in one.next)


def test_a_crash_before_the_time_asked_about_is_no_finding(examine: Callable[..., Any]) -> None:
    web = pod(containers=[running(restarts=1, last=ran(1, at=4000))])
    assert examine([web, node()]).serious() == set()


def test_two_restarts_with_days_between_them_are_no_crash_loop(examine: Callable[..., Any]) -> None:
    web = pod(containers=[running(restarts=2, last=ran(1, at=300, seconds=200_000))])
    found = examine([web, node()], "pod/web-1")
    assert "CrashLoop" not in found.codes()
    assert found.one("ContainerExitedError").severity == "warning"


def test_a_loop_is_seen_between_two_restarts_and_while_it_runs(examine: Callable[..., Any]) -> None:
    between = sick_pod(container(ended=ran(1, at=5), last=ran(1, at=90), restarts=3))
    assert "CrashLoop" in examine([between, node()], "pod/web-1").codes()


def test_a_running_container_that_keeps_crashing_is_a_loop(examine: Callable[..., Any]) -> None:
    again = pod(containers=[running(restarts=3, last=ran(1, at=61))])
    assert "CrashLoop" in examine([again, node()], "pod/web-1").codes()


def test_an_out_of_memory_kill_names_the_limit_even_when_it_runs_again(examine: Callable[..., Any]) -> None:
    spec = [{"name": "app", "image": "a", "resources": {"limits": {"memory": "64Mi"}}}]
    web = pod(containers=[running(restarts=5, last=ran(137, "OOMKilled", at=100))], spec={"containers": spec})
    found = examine([web, node()], "pod/web-1")
    assert found.headline.code == "ContainerOomKilled"
    assert "killed for memory at its 64Mi limit, 5 restarts so far" in found.headline.summary
    assert not {"ContainerExitedError", "ContainerSigkilled"} & found.codes()
    assert any(
        cited.path == "spec.containers[0].resources.limits.memory" for cited in found.headline.evidence
    )


def test_an_out_of_memory_kill_without_a_limit_claims_none(examine: Callable[..., Any]) -> None:
    found = examine([looping(ran(137, "OOMKilled")), node()], "pod/web-1")
    assert "no limit of its own" in found.headline.summary


@pytest.mark.parametrize(
    ("why", "code", "words"),
    [
        (
            'exec: "/bin/servr": stat /bin/servr: no such file or directory: unknown',
            "CommandNotFound",
            "/bin/servr",
        ),
        (
            'exec: "servr": executable file not found in $PATH: unknown',
            "CommandNotFound",
            "servr was not found",
        ),
        ('exec: "/app": permission denied: unknown', "CommandNotExecutable", "permission denied"),
        ("exec /app: exec format error", "CommandNotExecutable", "exec format error"),
    ],
)
def test_a_command_that_cannot_be_started_is_named_and_has_no_log(
    why: str, code: str, words: str, examine: Callable[..., Any]
) -> None:
    found = examine([looping(never_ran(OCI + why)), node()], "pod/web-1")
    assert found.headline.code == code
    assert words in found.headline.summary
    assert "It never ran, so there are no logs." in found.headline.summary
    assert "ContainerExitedError" not in found.codes()
    assert not any("kubectl logs" in step.command for step in found.headline.next)


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        (127, "CommandNotFound"),
        (126, "CommandNotExecutable"),
        (139, "ContainerSegfault"),
        (3221225477, "ContainerSegfault"),
        (137, "ContainerSigkilled"),
        (143, "ContainerSigterm"),
        (134, "ContainerExitedError"),
        (255, "ContainerExitedError"),
    ],
)
def test_an_exit_code_gives_its_finding(code: int, finding: str, examine: Callable[..., Any]) -> None:
    assert finding in examine([looping(ran(code)), node()], "pod/web-1").codes()


def test_a_command_that_ends_well_for_ever_has_nothing_left_to_run(examine: Callable[..., Any]) -> None:
    found = examine([looping(ran(0, "Completed", seconds=0)), node()], "pod/web-1")
    assert found.headline.code == "CommandExitsImmediately"
    assert found.headline.severity == "critical"
    assert "exits 0 at once and is restarted for ever, 4 times so far" in found.headline.summary


@pytest.mark.parametrize("policy", ["Never", "OnFailure"])
def test_a_command_that_may_end_and_does_is_no_fault(policy: str, examine: Callable[..., Any]) -> None:
    done = container(ended=ran(0, "Completed"))
    goes_on = container("side", running=500, ready=True)
    web = sick_pod(done, goes_on, spec={"restartPolicy": policy})
    assert not {"CommandExitsImmediately", "ContainerExitedError"} & examine([web, node()]).codes()


def test_a_sound_sidecar_does_not_hide_a_crashing_app(examine: Callable[..., Any]) -> None:
    web = sick_pod(
        container("side", running=500, ready=True), container(waiting=BACK_OFF, last=ran(1), restarts=4)
    )
    found = examine([web, node()], "pod/web-1")
    assert found.headline.subject.container == "app"
    assert {one.subject.container for one in found.findings if one.step == "DP-09"} == {"app"}


def test_a_container_stopped_for_a_deletion_has_not_crashed(examine: Callable[..., Any]) -> None:
    web = looping(ran(137), deletionTimestamp=ago(-20))
    codes = examine([web, node()], "pod/web-1").codes()
    assert not {"ContainerSigkilled", "CrashLoop"} & codes


def test_a_container_the_kubelet_stopped_on_purpose_has_not_crashed(examine: Callable[..., Any]) -> None:
    web = sick_pod(container(ended=ran(143, at=30)), phase="Failed", spec={"restartPolicy": "Never"})
    stop = container_event(web, "Killing", "Stopping container app", type_="Normal", at=60)
    assert "ContainerSigterm" not in examine([web, node(), stop], "pod/web-1").codes()


def test_an_evicted_pods_exit_code_needs_no_second_explanation(examine: Callable[..., Any]) -> None:
    web = sick_pod(
        container(ended=ran(137)), phase="Failed", status={"reason": "Evicted", "message": "low on memory"}
    )
    assert "ContainerSigkilled" not in examine([web, node()], "pod/web-1").codes()


def job(name: str, *, done: bool) -> dict[str, Any]:
    condition = {"type": "Complete" if done else "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
    return {**workload("Job", name), "spec": {}, "status": {"conditions": [condition]}}


@pytest.mark.parametrize(("done", "severity"), [(True, "info"), (False, "critical")])
def test_a_failed_try_of_a_job_matters_only_while_the_job_has_not_succeeded(
    done: bool, severity: str, examine: Callable[..., Any]
) -> None:
    web = sick_pod(
        container(ended=ran(1, at=9000)),
        phase="Failed",
        spec={"restartPolicy": "Never"},
        ownerReferences=owner("Job", "export"),
    )
    assert examine([web, node(), job("export", done=done)]).one("ContainerExitedError").severity == severity


def test_one_crash_is_dated_by_its_end_and_a_loop_by_its_first_back_off(examine: Callable[..., Any]) -> None:
    web = looping(ran(1, at=60))
    told = container_event(
        web, "BackOff", "Back-off restarting failed container app", at=10, first=900, count=20
    )
    since = examine([web, node(), told], "pod/web-1").one("ContainerExitedError").since
    assert since is not None
    assert since.strftime("%Y-%m-%dT%H:%M:%SZ") == ago(900)


def test_pods_with_one_cause_are_one_finding_and_one_log_is_read(
    tmp_path: Path, examine: Callable[..., Any]
) -> None:
    pods = [
        looping(
            ran(1, message=f"request {i} failed"),
            name=f"web-abc-{i}",
            ownerReferences=owner("ReplicaSet", "web-abc"),
        )
        for i in range(30)
    ]
    for one in pods:
        write_log(tmp_path / "case", "ERROR no table", pod=one["metadata"]["name"])
    above = workload("ReplicaSet", "web-abc", replicas=30, ownerReferences=owner("Deployment", "web"))
    found = examine([*pods, above, workload("Deployment", "web", replicas=30), node()])
    one = found.one("ContainerExitedError")
    assert one.count == 30
    assert "all 30 pods of deployment/web" in one.summary
    assert len([1 for exhibit in found.steps["DP-09"].exhibits if hasattr(exhibit, "lines")]) == 1


def test_pods_that_end_differently_are_different_findings(examine: Callable[..., Any]) -> None:
    pods = [
        looping(ran(code), name=f"web-abc-{code}", ownerReferences=owner("ReplicaSet", "web-abc"))
        for code in (1, 2)
    ]
    found = examine([*pods, workload("ReplicaSet", "web-abc", replicas=2), node()])
    assert {one.facts["exit_code"] for one in found.findings if one.code == "ContainerExitedError"} == {1, 2}


def test_one_pod_costs_at_most_two_logs(tmp_path: Path, examine: Callable[..., Any]) -> None:
    names = ("a", "b", "c", "d")
    for name in names:
        write_log(tmp_path / "case", "ERROR no table", name=name)
    web = sick_pod(*[container(name, waiting=BACK_OFF, last=ran(1), restarts=3) for name in names])
    exhibits = examine([web, node()], "pod/web-1").steps["DP-09"].exhibits
    assert len([1 for one in exhibits if getattr(one, "lines", [])]) == 2
    assert len([1 for one in exhibits if "as many logs as it may" in getattr(one, "note", "")]) == 2


def failed_init(status: dict[str, Any], *, policy: str = "Always", phase: str = "Pending") -> dict[str, Any]:
    return sick_pod(
        container(waiting=("PodInitializing", "")),
        phase=phase,
        initialized=False,
        spec={"initContainers": [{"name": "migrate", "image": "a"}], "restartPolicy": policy},
        status={"initContainerStatuses": [status]},
    )


@pytest.mark.parametrize(
    ("status", "policy", "code", "words"),
    [
        (container("migrate", ended=ran(4)), "Always", "InitContainerFailed", "exited with code 4"),
        (
            container("migrate", waiting=BACK_OFF, last=ran(4), restarts=1),
            "Always",
            "InitCrashLoop",
            "exits with code 4",
        ),
        (container("migrate", ended=ran(4), restarts=3), "Always", "InitCrashLoop", "3 restarts"),
        (
            container("migrate", running=3, last=ran(4), restarts=3),
            "Always",
            "InitCrashLoop",
            "exits with code 4",
        ),
        (container("migrate", ended=ran(4)), "Never", "InitPodFailed", "failed for good"),
        (
            container("migrate", waiting=BACK_OFF, last=ran(137, "OOMKilled")),
            "Always",
            "InitCrashLoop",
            "for memory",
        ),
        (
            container(
                "migrate", waiting=BACK_OFF, last=never_ran(OCI + 'exec: "/x": no such file or directory')
            ),
            "Always",
            "InitCrashLoop",
            "/x was not found",
        ),
    ],
)
def test_a_failed_init_container_is_the_headline_with_its_code(
    status: dict[str, Any], policy: str, code: str, words: str, examine: Callable[..., Any]
) -> None:
    phase = "Failed" if policy == "Never" else "Pending"
    found = examine([failed_init(status, policy=policy, phase=phase), node()], "pod/web-1")
    assert found.headline.code == code
    assert words in found.headline.summary
    assert "migrate" in found.headline.summary
    assert "InitProgress" not in found.codes()


def test_an_init_container_that_failed_once_and_then_succeeded_is_no_fault(
    examine: Callable[..., Any],
) -> None:
    done = container("migrate", ended=ran(0, "Completed"), last=ran(4, at=200), restarts=1)
    web = pod(spec={"initContainers": [{"name": "migrate"}]}, status={"initContainerStatuses": [done]})
    assert not {"InitContainerFailed", "InitCrashLoop"} & examine([web, node()]).codes()


def test_containers_without_spec_or_times_do_not_break_the_step(examine: Callable[..., Any]) -> None:
    bare = {"name": "ghost", "state": {"terminated": {"exitCode": 1}}, "lastState": {"terminated": {}}}
    web = sick_pod(bare, containers=[{"name": "other"}])
    assert "ContainerExitedError" in examine([web, node(), event(web, "Killing", "odd")], "pod/web-1").codes()


@pytest.mark.parametrize(
    ("case", "target", "words"),
    [
        ("crashloop", "deployment/payments", ("both pods", "code 3", "migration 0042 missing")),
        ("crashloop", "pod/typo", ("/bin/servr", "never ran", "no logs")),
        ("crashloop", "pod/done-too-soon", ("exits 0", "restartPolicy is Always")),
        ("oom", "deployment/indexer", ("64Mi", "5 restarts")),
        ("statefulsets", "pod/db-1", ("replica cannot reach primary",)),
        ("jobs", "daemonset/collector", ("cannot open /var/run/collector.sock",)),
        ("init-containers", "pod/init-fails", ("migrate", "code 4", "column price missing")),
        ("init-containers", "pod/init-never", ("check", "code 2", "restartPolicy Never")),
        ("init-containers", "pod/sidecar-init", ("app", "code 1")),
    ],
)
def test_the_recorded_crashes_are_named_as_a_colleague_would(
    case: str, target: str, words: tuple[str, ...], diagnose: Callable[..., Any]
) -> None:
    summary = diagnose(case, target).headline.summary
    assert all(word in summary for word in words), summary


def test_every_container_of_the_recorded_pod_is_quoted_with_its_own_message(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose("termination-messages", "pod/many")
    quotes = {
        one.subject.container: one.facts["quote"]
        for one in found.findings
        if one.code == "ContainerExitedError"
    }
    assert quotes["custom-path"] == "disk quota exceeded"
    assert quotes["fallback"] == "panic: nil map"
    assert quotes["huge"].startswith("xxx")
    assert quotes["silent"] == ""


def test_the_second_voice_of_a_crash_is_its_log(diagnose: Callable[..., Any]) -> None:
    one = diagnose("crashloop", "deployment/payments").one("ContainerExitedError")
    assert 'relation "orders" does not exist' in one.explanation


@pytest.mark.parametrize("secret", ["s3cr3tpw"])
def test_no_secret_of_a_recorded_log_is_shown(secret: str, diagnose: Callable[..., Any]) -> None:
    import msgspec

    assert secret not in msgspec.json.encode(diagnose("crashloop").session.steps).decode()


@pytest.mark.parametrize("step", ["DP-06", "DP-07", "DP-09"])
def test_a_healthy_namespace_is_silent(step: str, diagnose: Callable[..., Any]) -> None:
    assert diagnose("healthy").steps[step].findings == []


def test_a_step_names_the_cause_before_the_symptom(diagnose: Callable[..., Any]) -> None:
    step = diagnose("crashloop", "deployment/payments").steps["DP-09"]
    assert [one.code for one in step.findings][:2] == ["ContainerExitedError", "CrashLoop"]
    assert "migration 0042 missing" in step.verdict
