"""A case recorded from a run answers the same run with the same verdicts, and holds no secret."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.cluster.case_output import CASE_OUT
from tests.support.api_server import serve_case

RUNS = [
    ("crashloop", "deployment/payments"),
    ("crashloop", "pod/typo"),
    ("crashloop", ""),
    ("pending-resources", "deployment/reports"),
    ("config-missing", "pod/vault-client"),
    ("probes", "deployment/gateway"),
    ("healthy", ""),
    ("jobs", "cronjob/overlap"),
    ("crashloop", "pod/does-not-exist"),
]


def verdicts(session: notebook.Session) -> list[Any]:
    """What a run found, without what differs between any two runs."""
    assert session.start.failure is None, session.start.failure
    for name in session.step_names:
        getattr(session, name)()
    closing = session.summary().data
    found = [
        (step.id, step.status, one.code, one.severity, one.subject, one.summary, one.count, one.evidence)
        for step in session.steps
        for one in step.findings
    ]
    return [found, [(mark.lane, mark.at, mark.text) for mark in closing.marks], closing.change]


@pytest.fixture
def record(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[list[Any], Path]]:
    """`record("crashloop", "pod/typo")`: the verdicts of a live run on a served case, and the case it wrote."""

    def run(name: str, target: str, **options: Any) -> tuple[list[Any], Path]:
        written = tmp_path / "case.zip"
        monkeypatch.setenv(CASE_OUT, str(written))
        with serve_case(incident(name), **options) as server:
            monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
            session = notebook.open("pods", namespace=name, target=target)
            live = verdicts(session)
        monkeypatch.delenv(CASE_OUT)
        return live, written

    return run


@pytest.mark.parametrize(("name", "target"), RUNS)
def test_a_recorded_run_gives_the_same_verdicts_when_it_is_played_back(
    record: Callable[..., tuple[list[Any], Path]], name: str, target: str
) -> None:
    live, written = record(name, target)
    again = verdicts(notebook.open("pods", case=str(written), namespace=name, target=target))
    assert again == live


def test_the_secrets_of_a_run_are_nowhere_in_its_case(record: Callable[..., tuple[list[Any], Path]]) -> None:
    _, written = record("crashloop", "deployment/payments")
    with zipfile.ZipFile(written) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
        manifest = json.loads(archive.read("manifest.json"))
    assert b"s3cr3tpw" not in everything
    assert b"hunter2" not in everything
    assert b"postgres://pay:[redacted:password:" in everything
    assert manifest["redactions"]["password"] == 2
    assert manifest["scope"]["target"] == "deployment/payments"
