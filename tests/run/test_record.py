"""`runbook record`: what it takes is enough for the same verdict later, and holds nothing it should not."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.api_server import serve_case

from .conftest import Notebooks


def _verdict(own: Notebooks, *arguments: str) -> dict[str, str]:
    ended = own.run("pods", "-p", "target=deployment/payments", "-n", "crashloop", "--json", *arguments)
    result = json.loads(ended.stdout)
    return {key: result[key] for key in ("verdict", "headline", "severity")}


def test_a_recorded_case_gives_the_verdict_of_the_live_cluster(
    own: Notebooks, incident: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_case(incident("crashloop")) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(own.cwd / "config")))
        live = _verdict(own)
        taken = own.command("record", "-n", "crashloop", "--out", "taken.zip")
    assert taken.returncode == 0, taken.stderr
    assert taken.stdout.startswith("taken.zip holds ")
    assert _verdict(own, "--case", "taken.zip") == live
    assert live["severity"] == "critical"


def test_what_is_refused_is_said_and_the_rest_is_taken(
    own: Notebooks, incident: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_case(incident("crashloop"), deny=["list nodes", "get pods/log"]) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(own.cwd / "config")))
        taken = own.command("record", "-n", "crashloop", "--out", "taken.zip")
    assert taken.returncode == 0, taken.stderr
    assert "Not recorded: list nodes" in taken.stdout
    names = zipfile.ZipFile(own.cwd / "taken.zip").namelist()
    assert "api/v1/namespaces/crashloop/pods.json" in names
    assert not [name for name in names if name.startswith("api/v1/secrets") or name.endswith(".log")]


@pytest.mark.parametrize(
    "arguments",
    [[], ["-n", "shop", "-A"], ["-n", "shop", "--out", "case.txt"], ["-n", "x", "--context", "none"]],
)
def test_what_makes_no_sense_is_status_2(
    own: Notebooks, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(own.cwd / "none"))
    assert own.command("record", *arguments).returncode == 2
    assert not list(own.cwd.glob("case.*"))
