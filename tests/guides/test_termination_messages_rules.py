"""The termination-messages guide on objects made by hand: each rule fires, and stays silent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.containers import container, container_event, never_ran, ran, sick_pod, write_log
from tests.support.made_cases import ago, event, make_case, node, owner, pod, running, stopped, workload

BACK_OFF = ("CrashLoopBackOff", "back-off 1m20s restarting failed container=app pod=web-1_shop(uid-web-1)")
FALLBACK = {"terminationMessagePolicy": "FallbackToLogsOnError"}
GUIDE = "termination-messages"

Examine = Callable[..., Any]


def looping(end: dict[str, Any], name: str = "app") -> dict[str, Any]:
    """The status of a container in back-off after this end."""
    return container(name, waiting=BACK_OFF, last=end, restarts=4)


def spec(name: str = "app", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "shop/web:1", **more}


@pytest.fixture
def look(examine: Examine) -> Examine:
    """`look(pod)`: the guide on this pod alone, as pod/web-1."""

    def run(*items: dict[str, Any], target: str = "pod/web-1", **options: Any) -> Diagnosis:
        found: Diagnosis = examine([*items, node()], target, guide=GUIDE, **options)
        return found

    return run


# --- has a container ended?


def test_a_pod_whose_containers_all_run_has_no_message_to_read(look: Examine) -> None:
    found = look(pod())
    assert found.headline.code == "TerminationNone"
    assert found.serious() == set()
    assert "No container of pod web-1 has ended" in found.headline.summary


def test_a_pod_that_has_not_started_is_not_said_to_have_ended(look: Examine) -> None:
    waiting = sick_pod(container(waiting=("ContainerCreating", "")), phase="Pending", started=10)
    assert look(waiting).serious() == set()
    assert look(waiting).codes() == {"TerminationNone"}


def test_a_target_that_is_not_there_is_said_to_be_missing(look: Examine) -> None:
    assert look(pod("other")).headline.code == "PodMissing"


def test_the_table_lists_every_end_with_the_failures_first(look: Examine) -> None:
    web = sick_pod(container("done", ended=ran(0, "Completed", at=5)), looping(ran(3, at=600), "app"))
    table = look(web).steps["TM-02"].exhibits[0]
    assert [row[1:6] for row in table.rows] == [
        ["app", "app", "CrashLoopBackOff", "3", "Error"],
        ["done", "app", "ended", "0", "ended without an error"],
    ]
    assert table.rows[0][6] == "2026-11-23 11:50:00 UTC"


def test_a_pod_that_was_evicted_is_explained_by_its_own_status(look: Examine) -> None:
    gone = sick_pod(
        container(ended=ran(137)),
        phase="Failed",
        status={"reason": "Evicted", "message": "The node was low."},
    )
    found = look(gone)
    assert found.headline.code == "PodEvicted"
    assert "TerminationFailingContainer" not in found.codes()


# --- what was said, and by whom


def test_a_message_of_a_container_that_succeeded_is_the_answer(look: Examine) -> None:
    done = sick_pod(container(ended=ran(0, "Completed", message="wrote 12 rows\n")), phase="Succeeded")
    found = look(done)
    assert found.serious() == set()
    assert found.headline.code == "TerminationMessageFound"
    assert 'completed with exit code 0 and left the message "wrote 12 rows"' in found.headline.summary


def test_a_message_in_state_is_said_to_be_missed_by_templates_that_read_last_state(look: Examine) -> None:
    done = sick_pod(container(ended=ran(0, "Completed", message="wrote 12 rows\n")), phase="Succeeded")
    step = look(done).one("TerminationMessageInStateOnly").next[0]
    assert "status.containerStatuses" in step.command
    assert ".state.terminated.message" in step.command


def test_a_message_in_last_state_is_not_in_state_only(look: Examine) -> None:
    found = look(sick_pod(looping(ran(3, message="no table"))))
    assert "TerminationMessageInStateOnly" not in found.codes()
    both = container(ended=ran(3, message="no table", at=5), last=ran(3, message="no table"), restarts=3)
    assert "TerminationMessageInStateOnly" not in look(sick_pod(both)).codes()


def test_a_success_without_a_message_is_nothing_to_worry_about(look: Examine) -> None:
    found = look(sick_pod(container(ended=ran(0, "Completed")), phase="Succeeded"))
    assert found.serious() == set()
    assert found.one("TerminationMessageEmpty").severity == "info"
    assert "TerminationFallbackSuggested" not in found.codes()


def test_the_words_of_the_runtime_are_no_termination_message(look: Examine) -> None:
    found = look(sick_pod(looping(never_ran('exec: "/bin/servr": no such file or directory: unknown'))))
    assert "never ran, so it left no message" in found.one("TerminationMessageFound").summary
    one = found.headline
    assert "never ran: /bin/servr could not be started" in one.summary
    assert "container runtime's word" in one.explanation
    assert not any("kubectl logs" in step.command for step in one.next), "there is no log of what never ran"
    assert "TerminationMessageEmptyOnError" not in found.codes()


def test_the_words_of_the_kubelet_about_a_vanished_container_are_no_message(look: Examine) -> None:
    lost = ran(137, "ContainerStatusUnknown", message="The container could not be located")
    found = look(sick_pod(looping(lost)))
    assert "vanished from its node (exit code 137)" in found.headline.summary
    assert "could not be located" not in found.headline.summary
    assert found.one("TerminationMessageFound").facts["author"] == "kubelet"


def test_a_message_the_kubelet_could_not_read_is_not_quoted_as_the_applications(look: Examine) -> None:
    text = "Error on reading termination log /var/lib/x: is a directory"
    found = look(sick_pod(looping(ran(3, message=text))))
    assert "its message could not be read" in found.headline.summary
    assert found.one("TerminationMessageFound").facts["author"] == "unreadable"


def test_a_message_of_many_lines_is_quoted_by_its_error_and_shown_by_its_first_lines(look: Examine) -> None:
    text = "starting\nERROR no table\nline 3\nline 4\nline 5\nline 6\n"
    found = look(sick_pod(looping(ran(3, message=text))))
    assert 'saying "ERROR no table"' in found.headline.summary
    excerpt = next(one for one in found.steps["TM-03"].exhibits if hasattr(one, "lines"))
    assert [line.text for line in excerpt.lines] == text.splitlines()[:5]
    assert excerpt.note == "First 5 of 6 lines."


def test_a_huge_hostile_message_is_bounded_everywhere(look: Examine) -> None:
    text = "<script>alert(1)</script> {{ 7 * 7 }} $(reboot) '" + "A" * 4000
    found = look(sick_pod(looping(ran(3, message=text))))
    assert "{{ 7 * 7 }}" in found.headline.summary
    assert len(found.headline.summary) < 500
    assert all(len(cited.value) < 1100 for one in found.findings for cited in one.evidence)
    assert all(len(cell) < 250 for row in found.steps["TM-03"].exhibits[0].rows for cell in row)


# --- which container fails


def test_of_several_failing_containers_the_newest_end_comes_first(look: Examine) -> None:
    web = sick_pod(
        looping(ran(1, at=300, message="first"), "old"),
        looping(ran(2, at=20, message="then"), "new"),
        running("ok"),
    )
    one = look(web).one("TerminationFailingContainer")
    assert [told["container"] for told in one.facts["failing"]] == ["new", "old"]
    assert one.summary.startswith(
        '2 of 3 containers of pod web-1 fail: new exits with code 2, saying "then"; old'
    )
    assert one.subject.container == ""
    assert one.facts["sound"] == ["ok"]


def test_many_pods_that_fail_alike_are_one_finding(examine: Examine) -> None:
    made = {"ownerReferences": owner("ReplicaSet", "web-x"), "labels": {"app": "web"}}
    pods = [
        sick_pod(looping(ran(3, message=f"table {number} missing\n")), name=f"web-{number}", **made)
        for number in range(3)
    ]
    sets = [
        workload("Deployment", "web", replicas=3),
        workload(
            "ReplicaSet",
            "web-x",
            replicas=3,
            app="web",
            ownerReferences=owner("Deployment", "web"),
            labels={"app": "web"},
        ),
    ]
    one = examine([*pods, *sets, node()], "deployment/web", guide=GUIDE).one("TerminationFailingContainer")
    assert one.count == 3
    assert "all 3 pods of deployment/web" in one.summary


def test_a_loop_is_critical(look: Examine) -> None:
    assert look(sick_pod(looping(ran(3)))).headline.severity == "critical"


def test_a_container_that_failed_once_and_runs_again_is_a_warning(look: Examine) -> None:
    found = look(pod(containers=[running(restarts=1, last=ran(3, at=300, message="no table"))]))
    assert found.headline.severity == "warning"
    assert found.headline.summary.endswith(
        'exited with code 3, saying "no table"; 1 restart so far, and it runs again.'
    )
    assert any("--previous" in step.command for step in found.headline.next)


def test_a_pod_that_failed_for_good_is_critical(look: Examine) -> None:
    gone = sick_pod(container(ended=ran(3)), phase="Failed", spec={"restartPolicy": "Never"})
    assert look(gone).headline.severity == "critical"


def test_an_end_older_than_asked_about_is_history(look: Examine) -> None:
    web = pod(containers=[running(restarts=1, last=ran(3, at=4000, message="no table"))])
    found = look(web)
    assert found.serious() == set()
    assert "it has run since and is ready" in found.one("TerminationMessageFound").summary
    assert "66 min ago" in found.one("TerminationMessageFound").summary


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(container(ended=ran(0, "Completed", at=5)), id="a task that is done"),
        pytest.param(running(restarts=1, last=ran(143, at=300)), id="asked to stop once"),
        pytest.param(running(restarts=1, last=ran(0, "Completed", at=300)), id="ended well once"),
    ],
)
def test_what_ended_as_it_should_is_no_failure(status: dict[str, Any], look: Examine) -> None:
    assert look(pod(containers=[status, running("other")])).serious() == set()


def test_containers_of_a_pod_that_is_being_deleted_have_not_failed(look: Examine) -> None:
    leaving = sick_pod(container(ended=ran(137, at=5)), deletionTimestamp=ago(-20))
    assert look(leaving).serious() == set()


def test_a_container_stopped_for_a_deadline_has_not_failed(look: Examine) -> None:
    web = sick_pod(container(ended=ran(137, at=10)))
    stop = container_event(web, "Killing", "Stopping container app", type_="Normal", at=40)
    assert "TerminationFailingContainer" not in look(web, stop).codes()


def test_a_job_that_succeeded_at_a_later_try_has_not_failed(look: Examine) -> None:
    job = workload("Job", "export")
    job["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    tried = sick_pod(
        container(ended=ran(1, message="busy")), phase="Failed", ownerReferences=owner("Job", "export")
    )
    codes = look(tried, job).codes()
    assert "TerminationMessageFound" in codes
    assert not {"TerminationFailingContainer", "TerminationMessageTruncated"} & codes


def test_an_ephemeral_containers_end_harms_nobody(look: Examine) -> None:
    debugger = {"ephemeralContainers": [spec("debugger")]}
    ended = {"ephemeralContainerStatuses": [container("debugger", ended=ran(130, message="bye"))]}
    found = look(pod(spec={**debugger}, status=ended))
    assert found.serious() == set()
    step = found.one("TerminationMessageInStateOnly").next[0]
    assert "ephemeralContainerStatuses" in step.command


def test_a_sound_sidecar_does_not_hide_that_an_init_container_fails(look: Examine) -> None:
    inits = {"initContainers": [spec("proxy", restartPolicy="Always"), spec("migrate")]}
    statuses = {
        "initContainerStatuses": [
            container("proxy", running=300, ready=True),
            looping(ran(4, message="no column"), "migrate"),
        ]
    }
    web = sick_pod(
        container(waiting=("PodInitializing", "")),
        phase="Pending",
        initialized=False,
        spec=inits,
        status=statuses,
    )
    one = look(web).headline
    assert one.summary.startswith('Init container migrate of pod web-1 exits with code 4, saying "no column"')
    assert one.severity == "critical"
    assert "initContainerStatuses" in next(step.command for step in one.next if "jsonpath" in step.command)


def test_an_init_container_that_succeeded_at_its_second_try_has_not_failed(look: Examine) -> None:
    inits = {"initContainers": [spec("migrate")]}
    twice = container("migrate", ended=ran(0, "Completed", at=40), last=ran(4, at=90), restarts=1)
    found = look(pod(spec=inits, status={"initContainerStatuses": [twice]}))
    assert found.serious() == set()


def test_a_killed_container_is_told_apart_from_one_that_ended_by_itself(look: Examine) -> None:
    assert (
        "killed for memory (exit code 137)" in look(sick_pod(looping(ran(137, "OOMKilled")))).headline.summary
    )


def test_a_signal_is_named(look: Examine) -> None:
    one = look(sick_pod(looping(ran(139)))).headline
    assert "exits with code 139" in one.summary


def test_a_container_its_probe_had_killed_is_said_to_be_stopped(look: Examine) -> None:
    web = sick_pod(looping(ran(0, "Completed", at=30)))
    text = "Container app failed liveness probe, will be restarted"
    found = look(web, container_event(web, "Killing", text, type_="Normal", at=35))
    assert "stopped because its liveness probe failed (exit code 0)" in found.headline.summary


# --- from the file or from the log


def fallback(message: str, *, code: int = 2, at: float = 30) -> dict[str, Any]:
    return sick_pod(looping(ran(code, message=message, at=at)), containers=[spec(**FALLBACK)])


def test_a_message_that_equals_the_end_of_the_log_came_from_it(tmp_path: Path, look: Examine) -> None:
    write_log(tmp_path / "case", "starting\nno table")
    found = look(fallback("starting\nno table\n"))
    assert 'which say "no table"' in found.one("TerminationMessageFromLogs").summary
    assert "TerminationMessageFound" not in found.codes()
    assert "TerminationMessageTruncated" not in found.codes()


def test_a_message_that_is_not_in_the_log_was_written_by_the_application(
    tmp_path: Path, look: Examine
) -> None:
    write_log(tmp_path / "case", "starting\nbye")
    found = look(fallback("no table\n"))
    one = found.one("TerminationMessageFound")
    assert (one.facts["source"], one.confidence) == ("file", "confirmed")
    assert 'saying "no table"' in found.headline.summary
    assert "TerminationMessageFromLogs" not in found.codes()


def test_without_the_log_the_source_is_left_open(look: Examine) -> None:
    found = look(fallback("no table\n"))
    one = found.one("TerminationMessageFound")
    assert one.confidence == "likely"
    assert "its own, or by its policy the end of its log" in one.summary
    assert "probably the end of its log" in found.headline.explanation
    assert "TerminationMessageFromLogs" not in found.codes()


def test_the_log_of_a_later_run_proves_nothing(tmp_path: Path, look: Examine) -> None:
    write_log(tmp_path / "case", "quite another run")  # written 11:58:00, the run in question ended 11:50:00
    found = look(fallback("no table\n", at=600))
    assert found.one("TerminationMessageFound").facts["source"] == "file or log"


def test_a_success_leaves_only_what_it_wrote_whatever_the_policy(look: Examine) -> None:
    done = sick_pod(
        container(ended=ran(0, "Completed", message="ok")), phase="Succeeded", containers=[spec(**FALLBACK)]
    )
    assert look(done).one("TerminationMessageFound").facts["source"] == "file"


# --- no message


def owned(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return sick_pod(looping(ran(1)), ownerReferences=owner(kind, name), **more)


def test_an_error_without_a_message_is_a_warning_that_is_not_the_headline(look: Examine) -> None:
    found = look(sick_pod(looping(ran(1))))
    assert found.one("TerminationMessageEmptyOnError").severity == "warning"
    assert found.headline.code == "TerminationFailingContainer"


def test_the_owners_template_is_patched_with_the_policy(look: Examine) -> None:
    web = owned("StatefulSet", "db")
    step = look(web, workload("StatefulSet", "db")).one("TerminationFallbackSuggested").next[0]
    assert step.changes
    assert step.command == (
        "kubectl patch statefulset/db -n shop --type=strategic -p "
        """'{"spec": {"template": {"spec": {"containers": [{"name": "app", """
        """"terminationMessagePolicy": "FallbackToLogsOnError"}]}}}}'"""
    )


@pytest.mark.parametrize(
    ("items", "words"),
    [
        pytest.param([sick_pod(looping(ran(1)))], "kubectl replace --force -n shop -f FILE", id="a bare pod"),
        pytest.param(
            [owned("Job", "export"), workload("Job", "export")],
            "kubectl replace --force -n shop -f FILE",
            id="a job's template cannot be changed",
        ),
        pytest.param(
            [
                owned("Job", "export-1"),
                workload("Job", "export-1", ownerReferences=owner("CronJob", "export")),
                workload("CronJob", "export"),
            ],
            """kubectl patch cronjob/export -n shop --type=strategic -p '{"spec": {"jobTemplate": """,
            id="a cron job",
        ),
        pytest.param([owned("Rollout", "web")], "", id="an owner nobody knows"),
    ],
)
def test_what_to_change_depends_on_where_the_pod_comes_from(
    items: list[dict[str, Any]], words: str, look: Examine
) -> None:
    steps = look(*items).one("TerminationFallbackSuggested").next
    assert len(steps) == 1
    assert steps[0].command.startswith(words) if words else not steps[0].command


def test_an_init_container_is_patched_among_the_init_containers(look: Examine) -> None:
    web = sick_pod(
        container(waiting=("PodInitializing", "")),
        phase="Pending",
        initialized=False,
        spec={"initContainers": [spec("migrate")]},
        status={"initContainerStatuses": [looping(ran(4), "migrate")]},
        ownerReferences=owner("DaemonSet", "agent"),
    )
    step = look(web, workload("DaemonSet", "agent")).one("TerminationFallbackSuggested").next[0]
    assert '"initContainers": [{"name": "migrate"' in step.command


def test_a_policy_that_falls_back_already_is_not_suggested(look: Examine) -> None:
    found = look(fallback("", code=1))
    assert "TerminationFallbackSuggested" not in found.codes()
    assert "found nothing in its log to take" in found.one("TerminationMessageEmptyOnError").explanation


def test_an_empty_log_is_said_to_be_no_help(tmp_path: Path, look: Examine) -> None:
    write_log(tmp_path / "case", "")
    found = look(sick_pod(looping(ran(1))))
    assert "it left no message, and its log is empty" in found.headline.summary
    assert "must first write something" in found.one("TerminationFallbackSuggested").summary


def test_a_log_that_was_not_read_is_not_called_empty(look: Examine) -> None:
    found = look(sick_pod(looping(ran(1))))
    assert "log" not in found.headline.summary
    assert "empty" not in found.one("TerminationFallbackSuggested").summary


# --- paths


@pytest.mark.parametrize(
    ("path", "mounts", "obstacle"),
    [
        ("/tmp/my-log", [], ""),
        ("/data/my-log", [{"name": "data", "mountPath": "/data"}], ""),
        ("/data/", [], "directory"),
        ("/data", [{"name": "data", "mountPath": "/data"}], "directory"),
        ("/data", [{"name": "data", "mountPath": "/data/cache"}], "directory"),
        ("/data/my-log", [{"name": "data", "mountPath": "/data", "readOnly": True}], "read-only"),
        ("/etc/app/my-log", [{"name": "config", "mountPath": "/etc/app/"}], "read-only"),
        ("/database/my-log", [{"name": "data", "mountPath": "/data", "readOnly": True}], ""),
        ("/data/file", [{"name": "data", "mountPath": "/data/file", "subPath": "file"}], ""),
    ],
)
def test_a_path_that_cannot_be_written_is_said_to_be_so(
    path: str, mounts: list[dict[str, Any]], obstacle: str, look: Examine
) -> None:
    web = sick_pod(
        looping(ran(1)),
        containers=[spec(terminationMessagePath=path, volumeMounts=mounts)],
        spec={"volumes": [{"name": "data", "emptyDir": {}}, {"name": "config", "configMap": {"name": "c"}}]},
    )
    one = look(web).one("TerminationPathCustom")
    assert one.facts["obstacle"] == obstacle
    assert one.severity == ("warning" if obstacle else "info")


def test_a_path_is_no_warning_while_the_container_runs_well(look: Examine) -> None:
    mounts = [{"name": "data", "mountPath": "/data", "readOnly": True}]
    sound = pod(spec={"containers": [spec(terminationMessagePath="/data/x", volumeMounts=mounts)]})
    found = look(sound)
    assert found.one("TerminationPathCustom").severity == "info"
    assert found.serious() == set()


def test_the_usual_path_is_not_worth_a_word(look: Examine) -> None:
    assert "TerminationPathCustom" not in look(sick_pod(looping(ran(1)))).codes()


# --- limits


def full(size: int, containers: int = 1, **more: Any) -> dict[str, Any]:
    names = ["app", *(f"other-{number}" for number in range(containers - 1))]
    return sick_pod(
        looping(ran(1, message="x" * size)),
        *(running(name) for name in names[1:]),
        containers=[spec(names[0], **more), *(spec(name) for name in names[1:])],
    )


@pytest.mark.parametrize(
    ("size", "containers", "part"),
    [
        (4096, 1, "beginning"),
        (4093, 1, "beginning"),
        (4092, 1, ""),
        (4096, 3, "beginning"),
        (3072, 3, ""),
        (3072, 4, "end"),
        (3068, 4, ""),
        (1024, 12, "end"),
        (1000, 12, ""),
    ],
)
def test_a_message_as_long_as_it_may_be_is_taken_for_cut(
    size: int, containers: int, part: str, look: Examine
) -> None:
    found = [
        one for one in look(full(size, containers)).findings if one.code == "TerminationMessageTruncated"
    ]
    assert bool(found) is bool(part)
    assert all(f"its {part} is probably missing" in one.summary for one in found)


def test_bytes_count_and_not_characters(look: Examine) -> None:
    web = sick_pod(looping(ran(1, message="ü" * 2047)))
    assert look(web).one("TerminationMessageTruncated").facts["size"] == 4094


def test_init_containers_share_the_room_and_ephemeral_ones_too(look: Examine) -> None:
    more = {"initContainers": [spec("a"), spec("b")], "ephemeralContainers": [spec("c")]}
    found = look(sick_pod(looping(ran(1, message="x")), spec=more))
    assert found.one("TerminationLimitReduced").facts["limit"] == 3072
    assert "TerminationLimitReduced" not in look(full(10, 3)).codes()


def test_a_long_log_shows_what_its_end_does_not(tmp_path: Path, look: Examine) -> None:
    lines = ["ERROR no table", *(f"line {number}" for number in range(100))]
    write_log(tmp_path / "case", "\n".join(lines))
    found = look(fallback("\n".join(lines[-80:]) + "\n"))
    one = found.one("TerminationMessageTruncated")
    assert one.confidence == "confirmed"
    assert 'what was cut off says "ERROR no table"' in one.summary
    assert 'saying "ERROR no table" (in its log' in found.headline.summary
    assert found.headline.code == "TerminationFailingContainer"


def test_two_kilobytes_of_log_are_cut_within_a_line(tmp_path: Path, look: Examine) -> None:
    lines = [f"{number} {'y' * 98}" for number in range(100, 150)]
    write_log(tmp_path / "case", "\n".join(lines))
    found = look(fallback(("\n".join(lines) + "\n")[-2048:]))
    assert found.one("TerminationMessageTruncated").confidence == "confirmed"
    assert "TerminationMessageFromLogs" in found.codes()


def test_a_message_as_long_as_a_logs_end_may_be_is_likely_cut_when_the_log_is_gone(look: Examine) -> None:
    text = "\n".join(f"line {number}" for number in range(80))
    assert look(fallback(text)).one("TerminationMessageTruncated").confidence == "likely"
    assert "TerminationMessageTruncated" not in look(fallback("line 1\nline 2\n")).codes()


def test_a_cut_message_of_a_success_is_no_alarm(look: Examine) -> None:
    done = sick_pod(container(ended=ran(0, "Completed", message="x" * 4096)), phase="Succeeded")
    found = look(done)
    assert found.serious() == set()
    assert found.one("TerminationMessageTruncated").severity == "info"


# --- everyday life, and what could not be read


def test_everyday_life_of_a_namespace_gives_no_alarm(examine: Examine) -> None:
    made = {"ownerReferences": owner("ReplicaSet", "web-x"), "labels": {"app": "web"}}
    items = [
        workload("Deployment", "web", replicas=2),
        workload("ReplicaSet", "web-x", app="web", replicas=2, ownerReferences=owner("Deployment", "web")),
        pod("web-1", **made),
        pod("web-2", containers=[running(restarts=1, last=ran(1, at=90_000))], **made),
        sick_pod(
            container(waiting=("ContainerCreating", "")), name="web-3", phase="Pending", started=5, **made
        ),
        sick_pod(container(ended=ran(143, at=3)), name="web-4", deletionTimestamp=ago(-20), **made),
        pod("task", phase="Succeeded", ready=False, containers=[stopped(code=0, reason="Completed")]),
        node(),
    ]
    found = examine(items, guide=GUIDE)
    assert found.serious() == set()


def test_without_events_and_logs_no_alarm_is_added(examine: Examine) -> None:
    web = sick_pod(looping(ran(3, message="no table")))
    back_off = event(web, "BackOff", "Back-off restarting failed container", type_="Warning")
    found = examine([web, back_off, node()], "pod/web-1", guide=GUIDE, without=("Event",))
    assert found.headline.code == "TerminationFailingContainer"
    assert found.headline.severity == "critical"
    assert 'saying "no table"' in found.headline.summary


def test_hundreds_of_pods_that_fail_alike_are_one_finding_from_one_log(tmp_path: Path) -> None:
    made = {"ownerReferences": owner("ReplicaSet", "web-x"), "labels": {"app": "web"}}
    pods = [sick_pod(looping(ran(1)), name=f"web-{number}", **made) for number in range(500)]
    for number in range(3):
        write_log(tmp_path / "case", "ERROR no table", pod=f"web-{number}")
    sets = [
        workload("Deployment", "web", replicas=500),
        workload("ReplicaSet", "web-x", app="web", replicas=500, ownerReferences=owner("Deployment", "web")),
    ]
    found = Diagnosis(make_case(tmp_path / "case", [*pods, *sets, node()]), "", "shop", guide=GUIDE)
    one = found.one("TerminationFailingContainer")
    assert one.count == 500
    assert 'its log says "ERROR no table"' in one.summary
    assert len(found.steps["TM-02"].exhibits[0].rows) == 50
    assert found.steps["TM-02"].exhibits[0].omitted == 450


def test_a_finding_of_many_pods_quotes_the_pod_it_names(tmp_path: Path, examine: Examine) -> None:
    made = {"ownerReferences": owner("ReplicaSet", "web-x"), "labels": {"app": "web"}}
    pods = [sick_pod(looping(ran(1, at=90 - number)), name=f"web-{number}", **made) for number in range(3)]
    for number in range(3):
        write_log(tmp_path / "case", "ERROR no table", pod=f"web-{number}")
    found = examine([*pods, node()], guide=GUIDE)
    assert {"TerminationFailingContainer", "TerminationFallbackSuggested"} < found.codes()
    for one in found.findings:
        logs = [cited.source for cited in one.evidence if cited.source.startswith("logs/")]
        assert logs == [f"logs/shop/{one.subject.name}/app.log"]


def test_an_init_container_of_a_job_that_succeeded_later_has_not_failed(look: Examine) -> None:
    job = workload("Job", "export")
    job["status"] = {"succeeded": 1, "conditions": [{"type": "Complete", "status": "True"}]}
    tried = sick_pod(
        container(waiting=("PodInitializing", "")),
        phase="Failed",
        initialized=False,
        spec={"initContainers": [spec("fetch")], "restartPolicy": "Never"},
        status={"initContainerStatuses": [container("fetch", ended=ran(2))]},
        ownerReferences=owner("Job", "export"),
    )
    assert look(tried, job).serious() == set()
    job["status"] = {"failed": 1}
    assert look(tried, job).headline.severity == "critical"
