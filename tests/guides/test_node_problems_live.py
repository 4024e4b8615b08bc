"""The node-problems guide on a live API server: same verdict, few requests, nothing claimed when refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kuberunbooks import notebook
from tests.support.api_server import serve_case
from tests.support.made_cases import make_case
from tests.support.made_npd import condition, config_map, daemon_set, detector, problem, watched


class Run(NamedTuple):
    """Codes by severity, and the paths that were asked for (not who we are and what we may)."""

    codes: dict[str, str]
    paths: list[str]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`live(objects, target, deny=…)`: a run against a server that holds these objects."""

    def run(items: list[dict[str, Any]], target: str = "", deny: list[str] | None = None) -> Run:
        case = make_case(tmp_path / "case", items)
        with serve_case(case, deny=deny or []) as server:
            monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
            session = notebook.open("node-problems", target=target)
            assert session.start.failure is None, session.start.failure
            for name in session.step_names:
                getattr(session, name)()
            paths = [one.path for one in server.requests if one.method == "GET"]
        assert [step.error for step in session.steps if step.status == "failed"] == []
        codes = {one.code: one.severity for step in session.steps for one in step.findings}
        return Run(codes, [path for path in paths if "/api/v1" in path or "/apis/apps" in path])

    return run


def many(count: int) -> list[dict[str, Any]]:
    names = [f"n{number}" for number in range(count)]
    bad = condition("KernelDeadlock", "True", "DockerHung", "hung")
    return [
        *(watched(name, bad) if name == "n1" else watched(name) for name in names),
        *(detector(name) for name in names),
        daemon_set(count),
        config_map(),
        problem("n1", "TaskHung", "task x:1 blocked for more than 120 seconds."),
    ]


def test_the_verdict_is_that_of_the_case(live: Any, examine: Any) -> None:
    recorded = examine(many(3), guide="node-problems")
    assert live(many(3)).codes == {one.code: one.severity for one in recorded.findings}


@pytest.mark.parametrize("target", ["", "n1"])
def test_requests_do_not_grow_with_the_cluster(target: str, live: Any) -> None:
    few, more = live(many(3), target), live(many(60), target)
    assert len(few.paths) == len(more.paths) <= 6
    assert few.codes.keys() == more.codes.keys()
    assert {"KernelDeadlock", "KernelTaskHung"} <= few.codes.keys()


@pytest.mark.parametrize(
    "deny",
    [
        ["list nodes", "get nodes"],
        ["list daemonsets.apps"],
        ["list pods"],
        ["get configmaps"],
        ["list events", "list events.events.k8s.io"],
        ["list nodes", "get nodes", "list daemonsets.apps", "list pods", "get configmaps", "list events"],
    ],
)
def test_what_may_not_be_read_makes_no_alarm(deny: list[str], live: Any) -> None:
    everything = live(many(3)).codes
    left = live(many(3), deny=deny).codes
    serious = {code for code, severity in left.items() if severity in ("critical", "warning")}
    assert serious <= {code for code, severity in everything.items() if severity in ("critical", "warning")}
    assert (
        not {"NpdNotDeployed", "NpdConfigInvalid", "NpdConditionNotReported", "NpdCoverageIncomplete"}
        & left.keys()
    )
