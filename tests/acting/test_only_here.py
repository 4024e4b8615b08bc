"""What the README promises: only the package `acting` can write, and only where actions are allowed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from kuberunbooks import notebook
from kuberunbooks.guides import guides
from tests.support.api_server import serve_case

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "lib/kuberunbooks"
WRITES = {"POST", "PUT", "PATCH", "DELETE"}


def constants(path: Path) -> list[str]:
    """The text constants of a module, docstrings and all."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]


def imported(path: Path) -> set[str]:
    """The names of what a module imports."""
    found: set[str] = set()
    for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(one, ast.ImportFrom):
            found |= {f"{'.' * one.level}{one.module or ''}"} | {name.name for name in one.names}
        elif isinstance(one, ast.Import):
            found |= {name.name for name in one.names}
    return found


def test_no_other_module_names_a_method_that_writes_but_for_the_reviews() -> None:
    named = {
        str(path.relative_to(LIBRARY)): sorted(WRITES & set(constants(path)))
        for path in LIBRARY.rglob("*.py")
        if WRITES & set(constants(path))
    }
    assert named == {
        "acting/writing.py": ["DELETE", "PATCH", "POST"],
        "cluster/transport.py": ["POST"],
        # The labels of the API server's own request counters.
        "guides/cluster/api_server.py": ["DELETE", "PATCH", "POST", "PUT"],
    }


def test_the_rules_of_guides_talk_to_nobody() -> None:
    for path in (LIBRARY / "guides").rglob("*.py"):
        assert not imported(path) & {"urllib3", "http.client", "websockets", "socket"}, path


def test_what_runs_commands_is_not_even_loaded_where_it_is_not_allowed() -> None:
    code = "import sys, kuberunbooks.acting.permission, kuberunbooks.guides.rules.planned_actions; "
    code += (
        "print([one for one in sys.modules if one.startswith('websockets') or one.endswith('acting.actor')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_no_other_module_reaches_for_what_writes_or_runs() -> None:
    doors = {"Writer", "execute", "LiveActor", "Websocket", "dial"}
    outside = [path for path in LIBRARY.rglob("*.py") if path.parent.name != "acting"]
    assert [str(path) for path in outside if imported(path) & doors] == []
    assert [str(path) for path in outside if "actor_for" in imported(path)] == [str(LIBRARY / "notebook.py")]
    assert [str(path) for path in outside if "Leftovers" in imported(path)] == [str(LIBRARY / "cli.py")]


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("name", guides())
def test_no_guide_sends_a_write_that_nobody_allowed(
    name: str, allowed: bool, incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = {"shell", "crictl", "ephemeral-debug"}
    if allowed and name in active:
        pytest.skip("acts, when allowed")
    # Namespace crashloop holds no Service, so there is nothing the services guide could ask.
    with serve_case(incident("crashloop")) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        session = notebook.open(name, namespace="crashloop", target="", allow_actions=allowed)
        for step in session.step_names:
            getattr(session, step)()
        session.summary()
        sent = [
            one for one in server.requests if one.method != "GET" or "upgrade" in map(str.lower, one.headers)
        ]
    assert [one.path for one in sent if "/selfsubject" not in one.path] == []


def test_the_active_role_holds_what_the_actions_ask_for_and_no_more() -> None:
    from kuberunbooks.acting.actions import add_ephemeral_container, make_pod, run_command

    role = yaml.safe_load((ROOT / "deploy/rbac/runbook-prober.yaml").read_text(encoding="utf-8"))
    given = {
        (verb, group, resource)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    pod = {"metadata": {"name": "x", "namespace": "y"}, "spec": {}}
    asked = {
        tuple(right)
        for action in (
            run_command("y", "x", "c", ["true"]),
            make_pod(pod, words="", kubectl=[]),
            add_ephemeral_container("y", "x", {"name": "d"}, words="", kubectl=[]),
        )
        for right in action.rights
    }
    assert given == asked
