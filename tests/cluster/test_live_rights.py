"""Who am I and what may I, asked before the first step; what is refused is said and the run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kuberunbooks import notebook
from kuberunbooks.cluster.live import LiveSource
from kuberunbooks.cluster.rights import can_i, survey
from kuberunbooks.errors import Unauthorized, Unreachable
from tests.support.api_server import ApiServer, Fault, serve_case
from tests.support.live import open_live

RIGHTS = (
    ("list", "", "pods"),
    ("list", "", "nodes"),
    ("get", "", "pods/log"),
    ("list", "apps", "deployments"),
)


@pytest.fixture
def ask(
    incident: Callable[[str], Path], tmp_path: Path
) -> Iterator[Callable[..., tuple[LiveSource, ApiServer]]]:
    """`ask(deny=[...])` surveys a server and gives the source and the server."""

    def run(
        namespace: str = "crashloop", one_by_one: bool = True, **options: object
    ) -> tuple[LiveSource, ApiServer]:
        with serve_case(incident("crashloop"), **options) as server:
            source = open_live(server, tmp_path)
            survey(source, source, RIGHTS, namespace, one_by_one=one_by_one)
            return source, server

    return run


def test_who_we_are_and_the_version_are_known_after_three_requests(ask: Callable[..., tuple]) -> None:
    source, server = ask(user="system:serviceaccount:ops:runbook", groups=["a", "b"])
    origin = source.origin()
    assert (origin.user, origin.groups) == ("system:serviceaccount:ops:runbook", ["a", "b"])
    assert origin.server_version == "v1.36.2"
    assert source.coverage.refused == []
    assert server.count() == 3


def test_what_is_not_allowed_is_in_the_coverage_with_the_command_that_shows_it(
    ask: Callable[..., tuple],
) -> None:
    source, server = ask(deny=["list nodes", "get pods/log", "list deployments.apps"])
    assert [(one.what, one.why, one.status, one.command) for one in source.coverage.refused] == [
        ("list nodes", "not permitted", 403, "kubectl auth can-i list nodes"),
        ("get pods/log", "not permitted", 403, "kubectl auth can-i get pods --subresource=log -n crashloop"),
        (
            "list deployments.apps",
            "not permitted",
            403,
            "kubectl auth can-i list deployments.apps -n crashloop",
        ),
    ]
    assert server.count() == 3


def test_rights_an_authorizer_cannot_list_are_asked_for_one_by_one(ask: Callable[..., tuple]) -> None:
    source, server = ask(rules_incomplete=True, deny=["list nodes"])
    assert [one.what for one in source.coverage.refused] == ["list nodes"]
    assert server.count("selfsubjectaccessreviews") == len(RIGHTS)


def test_a_run_on_one_pod_asks_no_more_than_three_questions(ask: Callable[..., tuple]) -> None:
    source, server = ask(rules_incomplete=True, deny=["list nodes"], one_by_one=False)
    assert source.coverage.refused == []
    assert server.count() == 3


def test_for_all_namespaces_each_right_is_asked_for_cluster_wide(ask: Callable[..., tuple]) -> None:
    source, server = ask(namespace="", deny=["list pods"])
    assert [(one.what, one.command) for one in source.coverage.refused] == [
        ("list pods", "kubectl auth can-i list pods -A")
    ]
    assert server.count("selfsubjectrulesreviews") == 0


def test_an_older_server_leaves_the_name_of_the_kubeconfig(ask: Callable[..., tuple]) -> None:
    source, server = ask(old=True)
    assert (source.origin().user, source.origin().groups) == ("tester", [])
    asked = [one.path for one in server.requests if one.path.endswith("selfsubjectreviews")]
    assert [path.split("/")[3] for path in asked] == ["v1", "v1beta1"]


def test_reviews_that_are_refused_leave_the_rights_unknown(ask: Callable[..., tuple]) -> None:
    source, _ = ask(allow_reviews=False, deny=["list nodes"])
    assert source.coverage.refused == []
    assert source.origin().user == "tester"


@pytest.mark.parametrize(
    "body", [b"null", b"{}", b"<html>", b'{"status": null}', b'{"status":{"userInfo":7}}']
)
def test_odd_answers_to_reviews_never_fail_a_run(body: bytes, ask: Callable[..., tuple]) -> None:
    source, _ = ask(faults=[Fault("selfsubject", body=body)])
    assert source.origin().user == "tester"


def test_an_odd_version_never_fails_a_run(ask: Callable[..., tuple]) -> None:
    for fault in (Fault("version", status=403), Fault("version", body=b"[]"), Fault("version", body=b"")):
        source, _ = ask(faults=[fault])
        assert source.origin().server_version == ""


def test_what_would_fail_every_request_fails_at_once(ask: Callable[..., tuple]) -> None:
    with pytest.raises(Unauthorized):
        ask(faults=[Fault(".", status=401)])
    with pytest.raises(Unreachable):
        ask(faults=[Fault(".", reset=True)])


def test_the_question_is_put_as_kubectl_takes_it() -> None:
    assert can_i("get", "pods/log", "shop") == "kubectl auth can-i get pods --subresource=log -n shop"
    assert can_i("list", "jobs.batch") == "kubectl auth can-i list jobs.batch -A"
    assert can_i("list", "nodes", "shop", namespaced=False) == "kubectl auth can-i list nodes"


def test_a_run_goes_on_without_what_is_forbidden(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny = ["list nodes", "get nodes", "list services", "get pods/log", "list events"]
    with serve_case(incident("crashloop"), deny=deny) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        session = notebook.open("pods", namespace="crashloop")
        assert session.start.failure is None
        foretold = {one.what for one in session.start.coverage.refused}
        results = [getattr(session, name)().data for name in session.step_names]
        refused = [one.what for one in session.summary().data.coverage.refused]
    assert {"get pods/log", "list events"} <= foretold
    assert not [one.error for one in results if one.status == "failed"]
    assert any(one.findings for one in results)
    assert len(refused) == len(set(refused)), "what was foretold and then refused is one entry"


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("pod/typo", False),
        ("typo", False),
        ("po/typo", False),
        ("", True),
        ("app=x", True),
        ("deployment/x", True),
    ],
)
def test_only_a_run_on_one_pod_leaves_rights_unasked(
    target: str,
    asked: bool,
    incident: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve_case(incident("crashloop"), rules_incomplete=True) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        notebook.open("pods", namespace="crashloop", target=target)
    assert (server.count("selfsubjectaccessreviews") > 0) is asked


@pytest.mark.parametrize(
    ("context", "server_url", "error", "exit_status"),
    [
        ("tset", "", "KubeconfigError", 2),
        ("", "http://127.0.0.1:9", "Unreachable", 3),
    ],
)
def test_a_cluster_that_cannot_be_opened_is_said_by_the_cell_and_every_step_is_skipped(
    context: str,
    server_url: str,
    error: str,
    exit_status: int,
    incident: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve_case(incident("crashloop")) as server:
        path = server.kubeconfig(tmp_path / "config", **({"server": server_url} if server_url else {}))
        monkeypatch.setenv("KUBECONFIG", str(path))
        session = notebook.open("pods", context=context, namespace="crashloop")
    failure = session.start.failure
    assert failure is not None
    assert (failure.error, failure.exit_status) == (error, exit_status)
    assert failure.advice
    assert {getattr(session, name)().data.status for name in session.step_names} == {"skipped"}
