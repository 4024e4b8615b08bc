"""The crictl guide on a live API server: one privileged pod on the node, one script, and gone again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from tests.guides.test_crictl_lists import api_pod
from tests.support.api_server import ApiServer, serve_case
from tests.support.exec_server import Asked, Said
from tests.support.made_cases import make_case, node, pod
from tests.support.made_crictl import VERSION, container, sandbox


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`serve(run)`: node n1 with pod web-1 behind an API server."""

    def start(run: Callable[[Asked], Any], **options: Any) -> Any:
        case = make_case(tmp_path / "case", [api_pod(), node()])
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
        return serve_case(case, run=run, **options)

    return start


def answers(asked: Asked) -> Said:
    """What the script prints on a node that also runs a pod nobody knows."""
    assert asked.argv[:4] == ("chroot", "/host", "sh", "-c")
    web = api_pod()
    said = {
        "crictl version": VERSION,
        "crictl pods -o json": json.dumps(
            {"items": [sandbox(web), sandbox(pod("gone-1"), uid="uid-old")]}, indent=2
        ),
        "crictl ps -a -o json": json.dumps({"containers": [container(web)]}, indent=2),
    }
    printed = "".join(
        f"=== runbook runs: {name}\n{text}\n=== runbook exit: 0\n"
        for name, text in said.items()
        if name in asked.argv[4]
    )
    return Said(printed.encode())


def run(server: ApiServer, tmp_path: Path, **options: Any) -> Any:
    server.kubeconfig(tmp_path / "kubeconfig")
    session = notebook.open("crictl", namespace="shop", target="node/n1", **options)
    assert session.start.failure is None, session.start.failure
    for name in session.step_names:
        getattr(session, name)()
    session.summary()
    failed = [step.error for step in session.steps if step.status == "failed"]
    assert not failed, failed
    return session


def codes(session: Any) -> set[str]:
    return {one.code for step in session.steps for one in step.findings}


def test_nothing_is_made_unless_it_is_allowed(serve: Any, tmp_path: Path) -> None:
    with serve(answers) as server:
        assert "CrictlNotAsked" in codes(run(server, tmp_path))
        assert server.writes.made == []


def test_the_node_is_asked_through_one_pod_that_is_gone_afterwards(serve: Any, tmp_path: Path) -> None:
    with serve(answers) as server:
        found = codes(run(server, tmp_path, allow_actions=True))
        assert {"CrictlReady", "ContainersMatchApi"} <= found
        assert "CrictlNotAsked" not in found
        assert len(server.exec.asked) == 1
        assert server.writes.made == server.writes.deleted != []
        assert server.writes.made[0].startswith("node-debugger-n1-")


def test_a_namespace_that_refuses_privileged_pods_is_told(serve: Any, tmp_path: Path) -> None:
    with serve(answers, enforce={"shop": "restricted"}) as server:
        session = run(server, tmp_path, allow_actions=True)
        assert server.writes.made == []
        assert server.exec.asked == []
        assert "CrictlNotAsked" in codes(session)
        assert "restricted" in str(session.steps[0].exhibits)
