"""Traffic that goes to a workstation: what shows it, when it is forgotten, and when nothing may be said.

All of Telepresence here is made, not recorded: tests/support/made_telepresence.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Diagnosis
from tests.support.made_cases import make_case
from tests.support.made_telepresence import (
    LIST_FILTERED,
    LIST_NONE,
    LIST_OLD,
    LIST_TEXT,
    METRICS,
    NO_METRICS,
    SECRET,
    SESSION,
    agent_pod,
    check_words,
    installed,
    intercept_info,
    list_json,
    manager,
    node_agent_job,
    replaced_pod,
    slept_pod,
    status_json,
    transcript,
    web,
    write_log,
    written,
)

DAY = 86_400


@pytest.fixture
def look(examine: Callable[..., Diagnosis], tmp_path: Path) -> Callable[..., Diagnosis]:
    """The guide on made objects, with pasted output when given."""

    def run(
        items: list[dict[str, Any]],
        target: str = "service/web",
        *,
        pasted: str = "",
        name: str = "pasted.txt",
        **options: Any,
    ) -> Diagnosis:
        if pasted:
            options["transcripts"] = written(tmp_path, pasted, name)
        found = examine(items, target, guide="telepresence", **options)
        check_words(found)
        return found

    return run


def test_a_global_intercept_older_than_a_day_is_the_headline(look: Callable[..., Diagnosis]) -> None:
    old = list_json(intercept_info(age=3 * DAY))
    found = look([*installed(), *web(), agent_pod()], pasted=old, name="list.json")
    one = found.one("InterceptForgotten")
    assert found.headline is one
    assert one.severity == "critical"
    assert "Service web" in one.summary
    assert "ana@laptop" in one.summary
    assert "3 days" in one.summary
    assert one.next[0].command == "telepresence leave web"
    assert one.next[0].changes
    assert any("telepresence uninstall web" in step.command for step in one.next)
    marks = [mark for step in found.session.steps for mark in step.marks]
    assert [mark.text for mark in marks] == ["intercept web by ana@laptop"]


def test_what_is_younger_than_a_day_is_somebody_at_work(look: Callable[..., Diagnosis]) -> None:
    found = look(
        [*installed(), *web(), agent_pod()], pasted=list_json(intercept_info(age=3 * 3600)), name="list.json"
    )
    assert found.serious() == set()
    assert found.headline is found.one("InterceptActive")
    assert "All traffic" in found.headline.summary


def test_an_intercept_with_a_filter_takes_only_some_requests_and_is_less_grave(
    look: Callable[..., Diagnosis],
) -> None:
    info = intercept_info(mechanism="http", age=2 * DAY)
    found = look([*installed(), *web(), agent_pod()], pasted=list_json(info), name="list.json")
    one = found.one("InterceptForgotten")
    assert one.severity == "warning"
    assert "X-User: ana" in one.summary


@pytest.mark.parametrize("kind", [{"wiretap": True}])
def test_a_wiretap_takes_nothing_however_old(kind: dict[str, Any], look: Callable[..., Diagnosis]) -> None:
    found = look(
        [*installed(), *web(), agent_pod()],
        pasted=list_json(intercept_info(age=9 * DAY, **kind)),
        name="list.json",
    )
    assert found.serious() == set()
    assert "copy" in found.one("InterceptHarmless").summary


def test_an_intercept_whose_client_is_gone_is_named_whatever_its_age(look: Callable[..., Diagnosis]) -> None:
    found = look(
        [*installed(version="2.27.4"), *web(), agent_pod()],
        pasted=list_json(intercept_info(disposition=3)),
        name="list.json",
    )
    one = found.one("InterceptOrphaned")
    assert one.severity == "critical"
    assert "session of ana@laptop is gone" in one.summary
    assert any(f"telepresence revoke {SESSION}:web" in step.command for step in one.next)


def test_a_release_without_revoke_is_not_told_to_revoke(look: Callable[..., Diagnosis]) -> None:
    found = look(
        [*installed(version="2.23.0"), *web(), agent_pod()],
        pasted=list_json(intercept_info(age=2 * DAY)),
        name="list.json",
    )
    commands = [step.command for step in found.one("InterceptForgotten").next]
    assert not any("revoke" in command for command in commands)
    assert "kubectl rollout restart deployment/traffic-manager -n ambassador" in commands


def test_an_old_release_takes_the_agent_out_by_a_flag(look: Callable[..., Diagnosis]) -> None:
    found = look(
        [*installed(version="2.20.2"), *web(), agent_pod(version="2.20.2")],
        pasted=list_json(intercept_info(age=2 * DAY)),
        name="list.json",
    )
    assert any(
        "telepresence uninstall --agent web" in step.command for step in found.one("InterceptForgotten").next
    )


@pytest.mark.parametrize("state", [4, "AGENT_ERROR"])
def test_what_is_not_active_diverts_nothing(state: Any, look: Callable[..., Diagnosis]) -> None:
    found = look(
        [*installed(), *web(), agent_pod()],
        pasted=list_json(intercept_info(disposition=state, age=9 * DAY)),
        name="list.json",
    )
    assert found.serious() == set()
    assert "InterceptFailing" in found.codes()


@pytest.mark.parametrize(
    ("text", "kind"),
    [(LIST_TEXT, "All traffic"), (LIST_OLD, "All traffic"), (LIST_FILTERED, "Some requests")],
)
def test_the_list_as_text_tells_too(text: str, kind: str, look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(), *web(), agent_pod()], pasted=text)
    assert kind in found.one("InterceptActive").summary
    assert found.serious() == set()


def test_a_status_tells_names_and_clients(look: Callable[..., Diagnosis]) -> None:
    said = status_json(intercepts=[{"name": "web", "client": "ana@laptop"}])
    found = look([*installed(), *web(), agent_pod()], pasted=said, name="status.json")
    assert "ana@laptop" in found.one("InterceptActive").summary
    assert "not known" in found.one("InterceptActive").summary


def test_the_managers_metrics_tell_of_everybody(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(), *web(), agent_pod()], pasted=METRICS)
    assert "ana@laptop" in found.one("InterceptActive").summary
    assert "bo@laptop" not in repr(found.findings)


def test_that_nothing_is_intercepted_is_said_only_of_whom_it_is_known(look: Callable[..., Diagnosis]) -> None:
    quiet = look([*installed(), *web(), agent_pod()], pasted=LIST_NONE)
    assert "others are not in its list" in quiet.one("InterceptsNone").summary
    sure = look([*installed(), *web(), agent_pod()], pasted=NO_METRICS)
    assert "By the traffic manager nothing" in sure.one("InterceptsNone").summary
    assert quiet.serious() | sure.serious() == set()


def test_without_any_output_it_says_that_it_cannot_be_seen(look: Callable[..., Diagnosis]) -> None:
    found = look([*installed(), *web(), agent_pod()])
    assert found.serious() == set()
    one = found.one("InterceptsUnseen")
    assert "no object of the cluster" in one.summary
    assert any("telepresence list --intercepts" in step.command for step in one.next)


def test_output_that_is_hours_old_accuses_nobody(look: Callable[..., Diagnosis]) -> None:
    said = transcript(
        "telepresence list --output json", list_json(intercept_info(age=9 * DAY)), ago_seconds=7200
    )
    found = look([*installed(), *web(), agent_pod()], pasted=said, name="transcript.json")
    assert found.serious() == set()
    assert "printed 2 h ago" in found.one("InterceptActive").summary


def test_intercepts_of_other_workloads_and_namespaces_are_no_finding_of_this_one(
    look: Callable[..., Diagnosis],
) -> None:
    other = intercept_info(name="api", agent="api", age=9 * DAY)
    far = intercept_info(namespace="elsewhere", age=9 * DAY)
    found = look([*installed(), *web(), agent_pod()], pasted=list_json(other, far), name="list.json")
    assert not {"InterceptForgotten", "InterceptActive"} & found.codes()
    whole = look([*installed(), *web(), agent_pod()], "", pasted=list_json(other, far), name="list.json")
    assert whole.one("InterceptForgotten").facts["workload"] == "api"


@pytest.mark.parametrize("make", [replaced_pod, slept_pod])
def test_a_replaced_container_shows_in_the_pods_alone(
    make: Callable[..., dict[str, Any]], look: Callable[..., Diagnosis]
) -> None:
    old = look([*installed(), *web(replicas=2), make("web-1", age=4 * DAY), make("web-2", age=2 * DAY)])
    one = old.one("InterceptForgotten")
    assert old.headline is one
    assert one.severity == "critical"
    assert "Container app" in one.summary
    assert "2 of 2 pods" in one.summary
    assert "4 days" in one.summary
    assert one.subject.text == "deployment/web"
    young = look([*installed(), *web(), make("web-1", age=3600)])
    assert young.serious() == set()
    assert "Container app" in young.one("InterceptActive").summary


def test_a_replaced_container_without_a_manager_is_brought_back_by_nobody(
    look: Callable[..., Diagnosis],
) -> None:
    found = look([*web(), replaced_pod("web-1", age=3600)])
    one = found.one("InterceptOrphaned")
    assert found.headline is one
    assert "no traffic manager any more" in one.summary
    assert one.next[0].command == "kubectl rollout restart deployment/web -n shop"


def test_a_manager_scaled_to_none_brings_nothing_back(look: Callable[..., Diagnosis]) -> None:
    found = look([*manager(replicas=0, ready=0), *web(), replaced_pod("web-1", age=3600)])
    assert "scaled to 0" in found.one("InterceptOrphaned").summary
    assert found.one("TrafficManagerUnhealthy").facts["scaled"]


def test_a_client_that_replaced_a_container_is_named_with_the_pods(look: Callable[..., Diagnosis]) -> None:
    said = list_json(intercept_info(replace=True, age=600))
    found = look([*installed(), *web(), replaced_pod("web-1", age=2 * DAY)], pasted=said, name="list.json")
    one = found.one("InterceptForgotten")
    assert "ana@laptop" in one.summary
    assert "2 days" in one.summary
    assert one.next[0].command == "telepresence leave web --container app"


def test_no_environment_of_an_application_reaches_the_report(look: Callable[..., Diagnosis]) -> None:
    said = list_json(intercept_info(replace=True, age=2 * DAY))
    found = look([*installed(), *web(), replaced_pod("web-1", age=2 * DAY)], pasted=said, name="list.json")
    assert SECRET not in repr(found.session.steps) + repr(found.closing)
    # Nor into a case that is kept of the run: what was given is kept without it.
    assert SECRET not in repr(found.session._cluster.given_transcripts)  # type: ignore[union-attr]
    bare = json.dumps(json.loads(list_json(intercept_info(age=2 * DAY)))["stdout"])
    for name in ("bare.json", "bare.txt"):
        again = look([*installed(), *web(), agent_pod()], pasted=bare, name=name)
        assert "InterceptForgotten" in again.codes()
        assert SECRET not in repr(again.session._cluster.given_transcripts)  # type: ignore[union-attr]


def _with_log(
    tmp_path: Path,
    items: list[dict[str, Any]],
    *lines: tuple[float, str],
    managers: tuple[tuple[float, str], ...] = (),
    **options: Any,
) -> Diagnosis:
    case = make_case(tmp_path / "logged", items)
    write_log(case, list(lines))
    if managers:
        write_log(
            case,
            list(managers),
            pod_name="traffic-manager-0",
            container="traffic-manager",
            namespace="ambassador",
        )
    return Diagnosis(case, "service/web", "shop", guide="telepresence", **options)


ENDED = "Forward target changed from intercept 'web' (ana@laptop:9000) to 10.0.0.5:8080 : lis=:9900"
BEGAN = "Forward target changed from 10.0.0.5:8080 to intercept 'web' (ana@laptop:9000) : lis=:9900"
TAKEN = f'2026-11-20 12:00:00.1234 info    Setting intercept "{SESSION}:web" as ACTIVE : /fwd'
LOGFMT = f'level=info msg="Setting intercept \\"{SESSION}:web\\" as ACTIVE" THREAD=/fwd'


@pytest.mark.parametrize("line", [TAKEN, LOGFMT])
def test_an_agents_log_tells_of_an_intercept_but_not_whether_it_holds(line: str, tmp_path: Path) -> None:
    found = _with_log(tmp_path, [*installed(), *web(), agent_pod()], (3 * DAY, line))
    assert found.serious() == set()
    one = found.one("InterceptSeenInLog")
    assert one.confidence == "likely"
    assert one.facts["id"] == f"{SESSION}:web"
    assert found.headline is one


def test_an_agent_at_level_debug_tells_that_it_holds(tmp_path: Path) -> None:
    found = _with_log(
        tmp_path,
        [*installed(), *web(), agent_pod()],
        (3 * DAY, TAKEN),
        (
            3 * DAY - 1,
            BEGAN,
        ),
    )
    one = found.one("InterceptForgotten")
    assert one.severity == "warning"
    assert "3 days" in one.summary


def test_an_agent_at_level_debug_tells_that_it_ended(tmp_path: Path) -> None:
    found = _with_log(
        tmp_path,
        [*installed(), *web(), agent_pod()],
        (3 * DAY, TAKEN),
        (
            2 * DAY,
            ENDED,
        ),
    )
    assert "InterceptSeenInLog" not in found.codes()
    assert "InterceptsUnseen" in found.codes()


def test_a_session_that_ended_ended_its_intercepts(tmp_path: Path) -> None:
    gone = ((2 * DAY, f"debug   Client Session {SESSION} removed. It has expired"),)
    found = _with_log(tmp_path, [*installed(), *web(), agent_pod()], (3 * DAY, TAKEN), managers=gone)
    assert "InterceptSeenInLog" not in found.codes()
    earlier = ((4 * DAY, f"debug   Session {SESSION} removed. Explicit removal"),)
    again = _with_log(tmp_path / "b", [*installed(), *web(), agent_pod()], (3 * DAY, TAKEN), managers=earlier)
    assert "InterceptSeenInLog" in again.codes()


def test_the_log_dates_what_a_workstation_lists(tmp_path: Path) -> None:
    listed = written(tmp_path, list_json(intercept_info(age=None)), "list.json")
    found = _with_log(tmp_path, [*installed(), *web(), agent_pod()], (3 * DAY, TAKEN), transcripts=listed)
    one = found.one("InterceptForgotten")
    assert one.severity == "critical"
    assert len(one.evidence) == 2


def test_a_node_agent_means_that_somebody_is_attached(look: Callable[..., Diagnosis]) -> None:
    make = partial(installed, env={"NODE_AGENT_ENABLED": "true"})
    young = look([*make(), *web(), agent_pod(), node_agent_job()])
    assert young.serious() == set()
    assert "NodeAgentAttached" in young.codes()
    old = look([*make(), *web(), agent_pod(), node_agent_job(age=2 * DAY)])
    assert old.one("NodeAgentAttached").severity == "warning"
    other = look([*make(), *web(), agent_pod(), node_agent_job(workload_name="api", age=2 * DAY)])
    assert "NodeAgentAttached" not in other.codes()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"cmd":"list"}',
        '{"cmd":"list","stdout":[null,1]}',
        '{"user_daemon":[]}',
        "{",
        "a: intercepted\n",
        '{"cmd":"list","stdout":[{"intercept_infos":[{"spec":null,"disposition":99,"modified_at":{"seconds":"x"}}]}]}',
    ],
)
def test_odd_output_is_no_reason_to_fail(text: str, look: Callable[..., Diagnosis]) -> None:
    for name in ("odd.txt", "odd2.txt"):
        found = look([*installed(), *web(), agent_pod()], pasted=text, name=name)
        assert found.serious() == set()


def test_hostile_names_stay_inside_their_quotes(look: Callable[..., Diagnosis]) -> None:
    info = intercept_info(name="web; rm -rf /", client="$(id)@`id`", age=2 * DAY)
    found = look([*installed(), *web(), agent_pod()], pasted=list_json(info), name="list.json")
    assert found.one("InterceptForgotten").next[0].command == "telepresence leave 'web; rm -rf /'"
