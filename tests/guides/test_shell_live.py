"""The shell guide on a live API server: what it runs, in which order, and that it runs nothing unasked."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Finding
from tests.guides.test_shell_inside import web
from tests.support.api_server import ApiServer, serve_case
from tests.support.exec_server import Asked, Said, local_process, not_found
from tests.support.made_cases import make_case, node

Run = Callable[..., list[Finding]]


def only(*shells: str) -> Callable[[Asked], subprocess.Popen[bytes] | Said]:
    """A container that has only these programs; what shells are told really runs, here."""

    def run(asked: Asked) -> subprocess.Popen[bytes] | Said:
        if asked.argv[0] not in shells:
            return Said(missing=not_found(asked.argv[0]))
        return local_process(
            Asked(asked.namespace, asked.pod, asked.container, ("sh", *asked.argv[1:]), asked.stdin)
        )

    return run


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`serve(run)`: pod web-1 behind an API server."""

    def start(run: Callable[[Asked], Any]) -> Any:
        case = make_case(tmp_path / "case", [web(), node()])
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        return serve_case(case, run=run)

    return start


def diagnose(server: ApiServer, tmp_path: Path, **options: Any) -> list[Finding]:
    """All steps on the pod, live."""
    server.kubeconfig(tmp_path / "kubeconfig")
    return list(_findings(notebook.open("shell", namespace="shop", target="pod/web-1", **options)))


def _findings(session: Any) -> Iterator[Finding]:
    assert session.start.failure is None, session.start.failure
    for name in session.step_names:
        getattr(session, name)()
    session.summary()
    for step in session.steps:
        assert step.status != "failed", step.error
        yield from step.findings


def test_nothing_is_run_unless_it_is_allowed(serve: Any, tmp_path: Path) -> None:
    with serve(only("sh")) as server:
        found = diagnose(server, tmp_path, command="ls")
        assert server.exec.asked == []
        assert {one.code for one in found if one.code.startswith("Shell")} == {
            "ShellTargetRunning",
            "ShellNotTried",
        }


def test_one_exec_answers_every_step(serve: Any, tmp_path: Path) -> None:
    with serve(only("sh")) as server:
        found = diagnose(server, tmp_path, allow_actions=True)
        assert [one.argv[:2] for one in server.exec.asked] == [("sh", "-c")]
        assert (server.exec.asked[0].pod, server.exec.asked[0].container) == ("web-1", "app")
        codes = {one.code for one in found}
        assert {"ShellAvailable", "InsideUser", "InsideProcesses"} <= codes
        assert "ShellNotTried" not in codes


def test_a_shell_of_a_debug_image_is_found_where_it_is(serve: Any, tmp_path: Path) -> None:
    with serve(only("/busybox/sh")) as server:
        found = diagnose(server, tmp_path, allow_actions=True)
        assert [one.argv[0] for one in server.exec.asked] == ["sh", "/busybox/sh"]
        assert next(one for one in found if one.code == "ShellAvailable").facts["shell"] == "/busybox/sh"


def test_without_any_shell_that_is_the_answer(serve: Any, tmp_path: Path) -> None:
    with serve(only()) as server:
        found = diagnose(server, tmp_path, allow_actions=True)
        one = next(one for one in found if one.code == "ShellMissing")
        assert (
            one.facts["tried"]
            == [asked.argv[0] for asked in server.exec.asked]
            == ["sh", "/busybox/sh", "bash"]
        )


def test_the_command_is_run_word_by_word_and_read_by_the_same_rules(serve: Any, tmp_path: Path) -> None:
    def run(asked: Asked) -> Any:
        return local_process(asked) if asked.argv[0] == "printf" else only("sh")(asked)

    with serve(run) as server:
        found = diagnose(server, tmp_path, allow_actions=True, command="printf '%s|' 'a b' '$HOME'")
        assert server.exec.asked[-1].argv == ("printf", "%s|", "a b", "$HOME")
        one = next(one for one in found if one.code == "ExecCommandOk")
        assert "a b|$HOME|" in str(one.evidence)


def test_a_refused_exec_is_told_and_nothing_is_sent(serve: Any, tmp_path: Path) -> None:
    with serve(only("sh")) as server:
        server.deny |= {"create pods/exec", "get pods/exec"}
        found = diagnose(server, tmp_path, allow_actions=True)
        assert server.exec.asked == []
        assert any(one.code == "ExecForbidden" for one in found)
