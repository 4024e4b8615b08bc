"""Jobs and CronJobs: how they ended, what their last pod said, what is suspended on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from tests.support.containers import container, ran, sick_pod
from tests.support.made_cases import ago, ended, event, make_case, node, owner, pod, workload

Examine = Callable[..., Any]


def job(
    name: str = "export",
    *,
    reason: str = "BackoffLimitExceeded",
    type_: str = "Failed",
    at: float = 120,
    spec: dict[str, Any] | None = None,
    cron: str = "",
) -> dict[str, Any]:
    """A Job that ended so many seconds ago; `cron` is the CronJob that made it."""
    made = workload("Job", name, **({"ownerReferences": owner("CronJob", cron)} if cron else {}))
    made["spec"] |= {"backoffLimit": 1, "parallelism": 1, "completions": 1, **(spec or {})}
    made["status"] = {"conditions": [], "failed": 2}
    if reason:
        made["status"]["conditions"] = [
            {
                "type": type_,
                "status": "True",
                "reason": reason,
                "message": "as said",
                "lastTransitionTime": ago(at),
            }
        ]
    return made


def failed_pod(
    name: str = "export-x", of: str = "export", *, code: int = 1, at: float = 130, **state: Any
) -> dict[str, Any]:
    """A failed pod of a Job."""
    status = {
        "name": "app",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": {**ended(code, at=at), **state}},
    }
    return pod(
        name,
        phase="Failed",
        ready=False,
        containers=[status],
        labels={"app": of, "job-name": of},
        ownerReferences=owner("Job", of),
    )


def cron_job(name: str = "nightly", *, suspend: bool = False, **status: Any) -> dict[str, Any]:
    """A CronJob."""
    return {
        "kind": "CronJob",
        "apiVersion": "batch/v1",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "creationTimestamp": ago(90000),
        },
        "spec": {"schedule": "0 1 * * *", "suspend": suspend, "failedJobsHistoryLimit": 1},
        "status": status,
    }


def test_a_failed_job_says_with_which_code_and_which_words_its_last_pod_ended(
    diagnose: Callable[..., Any],
) -> None:
    found = diagnose("controllers", "job/nightly-export")
    assert found.headline.code == "JobBackoffLimitExceeded"
    assert "cannot reach warehouse:5439" in found.headline.summary
    assert found.headline.facts["exit_code"] == 1
    assert any(
        one.source.endswith("/job.log") and "warehouse" in one.value for one in found.headline.evidence
    )


def test_a_job_stopped_by_its_deadline_says_so_with_the_seconds(diagnose: Callable[..., Any]) -> None:
    found = diagnose("jobs", "job/too-slow")
    assert found.headline.code == "JobDeadlineExceeded"
    assert "15" in found.headline.summary


def test_a_failing_cron_job_is_headlined_by_why_its_newest_run_failed(diagnose: Callable[..., Any]) -> None:
    found = diagnose("jobs", "cronjob/overlap")
    assert found.headline.code == "JobBackoffLimitExceeded"
    for word in ("cronjob/overlap", "75", "lock held by run 41"):
        assert word in found.headline.summary
    assert found.one("CronJobFailing").facts["times"] == 3


def test_a_suspended_cron_job_is_an_answer_and_no_alarm(diagnose: Callable[..., Any]) -> None:
    found = diagnose("jobs", "cronjob/paused")
    assert found.headline.code == "CronJobSuspended"
    assert found.serious() == set()


def test_a_budget_of_failing_pods_stays_beside_their_own_cause(diagnose: Callable[..., Any]) -> None:
    found = diagnose("jobs", "daemonset/collector")
    assert found.one("DisruptionBudgetExhausted").severity == "info"
    assert "/var/run/collector.sock" in found.headline.summary


def test_a_completed_job_is_quiet(diagnose: Callable[..., Any]) -> None:
    assert diagnose("healthy", "job/once").serious() == set()


def test_the_termination_message_is_quoted_before_any_log(examine: Examine) -> None:
    found = examine([job(), failed_pod(message="disk full\n")], "job/export").one("JobBackoffLimitExceeded")
    assert found.facts["quote"] == "disk full"
    assert any(one.path.endswith("terminated.message") for one in found.evidence)


def test_of_several_failed_pods_the_last_one_is_quoted(examine: Examine) -> None:
    pods = [failed_pod("export-a", message="first", at=300), failed_pod("export-b", message="second", at=200)]
    assert examine([job(), *pods], "job/export").one("JobBackoffLimitExceeded").facts["quote"] == "second"


@pytest.mark.parametrize("reason", ["BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", ""])
@pytest.mark.parametrize("cron", ["", "nightly"])
def test_every_end_of_a_job_has_a_sentence_and_commands_that_can_be_copied(
    reason: str, cron: str, examine: Examine
) -> None:
    one = job(reason=reason, cron=cron, spec={"activeDeadlineSeconds": 5, "suspend": not reason})
    found = examine([cron_job(suspend=True), one, failed_pod()])
    for item in found.findings:
        if item.step == "DP-11":
            assert item.title != item.code
            assert item.summary.endswith(".")
            assert all(step.command for step in item.next)


def test_without_its_pods_a_failed_job_says_that_why_is_not_known(examine: Examine) -> None:
    found = examine([job()], "job/export").one("JobBackoffLimitExceeded")
    assert "why is not known" in found.summary
    assert all("logs" not in step.command for step in found.next)


def test_a_failed_pod_without_container_states_gives_its_own_reason(examine: Examine) -> None:
    evicted = failed_pod()
    evicted["status"] |= {"reason": "Evicted", "containerStatuses": []}
    assert "Evicted" in examine([job(), evicted], "job/export").one("JobBackoffLimitExceeded").summary


def test_a_deadline_that_has_passed_counts_before_the_pods_are_gone(examine: Examine) -> None:
    stopping = job(reason="DeadlineExceeded", type_="FailureTarget", spec={"activeDeadlineSeconds": 30})
    assert examine([stopping], "job/export").one("JobDeadlineExceeded").facts["deadline"] == 30


def test_a_job_ended_by_its_own_rules_names_the_rule(examine: Examine) -> None:
    assert (
        "PodFailurePolicy" in examine([job(reason="PodFailurePolicy")], "job/export").one("JobFailed").summary
    )


def test_a_running_job_is_quiet(examine: Examine) -> None:
    running = job(reason="")
    running["status"] = {"active": 1}
    assert examine([running], "job/export").serious() == set()


def test_a_suspended_job_is_an_answer_and_no_alarm(examine: Examine) -> None:
    found = examine([job(reason="", spec={"suspend": True})], "job/export")
    assert found.headline.code == "JobSuspended"
    assert found.serious() == set()


def test_a_failure_that_a_later_run_made_good_is_only_a_warning_and_soon_history(examine: Examine) -> None:
    later = job("nightly-2", reason="Completed", type_="Complete", at=60, cron="nightly")
    recent = [cron_job(lastSuccessfulTime=ago(60)), job("nightly-1", at=600, cron="nightly"), later]
    found = examine(recent, "cronjob/nightly")
    assert found.one("JobBackoffLimitExceeded").severity == "warning"
    assert "CronJobFailing" not in found.codes()


def test_a_failure_of_yesterday_that_a_later_run_made_good_is_information(examine: Examine) -> None:
    later = job("nightly-2", reason="Completed", type_="Complete", at=60, cron="nightly")
    old = [cron_job(lastSuccessfulTime=ago(60)), job("nightly-1", at=86400, cron="nightly"), later]
    assert examine(old, "cronjob/nightly").one("JobBackoffLimitExceeded").severity == "info"


def test_only_failures_since_the_last_success_are_counted(examine: Examine) -> None:
    cron = cron_job(lastSuccessfulTime=ago(1000))
    seen = [
        event(cron, "SawCompletedJob", f"Saw completed job: nightly-{n}, condition: {how}", at=at)
        for n, how, at in ((1, "Failed", 2000), (2, "Complete", 1000), (3, "Failed", 500), (4, "Failed", 120))
    ]
    found = examine([cron, job("nightly-4", cron="nightly"), *seen], "cronjob/nightly").one("CronJobFailing")
    assert found.facts["times"] == 2


def test_of_many_failed_runs_of_one_cron_job_only_the_newest_is_a_finding(examine: Examine) -> None:
    runs = [job(f"nightly-{n}", at=1000 - n, cron="nightly") for n in range(5)]
    found = examine([cron_job(), *runs])
    assert found.one("JobBackoffLimitExceeded").subject.name == "nightly-4"
    assert found.one("CronJobFailing").facts["times"] == 5


def test_a_hundred_failed_jobs_do_not_read_a_hundred_logs(tmp_path: Path) -> None:
    items = [one for n in range(100) for one in (job(f"job-{n}"), failed_pod(f"job-{n}-x", f"job-{n}"))]
    session = notebook.open("pods", case=str(make_case(tmp_path, items)), namespace="shop")
    asked: list[str] = []
    read = session._cluster.log
    session._cluster.log = lambda one, name, **more: (asked.append(one.name), read(one, name, **more))[1]
    assert len(session.workloads().data.findings) == 100
    assert len(asked) == 10


@pytest.mark.parametrize("field", ["conditions", "failed", "active"])
def test_null_fields_of_jobs_break_nothing(field: str, examine: Examine) -> None:
    odd = job()
    odd["status"][field] = None
    examine([odd, failed_pod()], "job/export")


def init_failed(job_status: dict[str, Any]) -> list[dict[str, Any]]:
    """A Job, and a pod of it whose init container failed."""
    one = workload("Job", "export")
    one["spec"]["backoffLimit"] = 3
    one["status"] = job_status
    failed = sick_pod(
        container(waiting=("PodInitializing", "")),
        phase="Failed",
        initialized=False,
        ownerReferences=owner("Job", "export"),
        spec={"restartPolicy": "Never", "initContainers": [{"name": "fetch", "image": "x"}]},
        status={"initContainerStatuses": [container("fetch", ended=ran(2))]},
    )
    return [node(), one, failed]


def test_an_init_container_that_failed_is_no_alarm_once_its_job_has_succeeded(examine: Examine) -> None:
    done = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    found = examine(init_failed(done))
    assert found.one("InitPodFailed").severity == "info"


def test_an_init_container_that_failed_is_a_warning_while_its_job_tries_again(examine: Examine) -> None:
    assert examine(init_failed({"active": 1})).one("InitPodFailed").severity == "warning"
