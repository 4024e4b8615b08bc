"""A case recorded from a run answers the same run with the same verdicts, and holds no secret."""

from __future__ import annotations

import errno
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from kuberunbooks import notebook
from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.cluster.manifest import Manifest
from kuberunbooks.errors import NotCollected
from kuberunbooks.objects import Pod
from tests.support.api_server import serve_case

SCHEMA = Path(__file__).parents[2] / "docs" / "case-manifest.schema.json"

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
    ("pending-resources", ""),
    ("eviction", ""),
    ("services", "app=hostnames"),
]

DENIED = [
    ("crashloop", "deployment/payments", ["get pods/log", "list nodes", "get nodes"]),
    ("crashloop", "pod/typo", ["list events", "list pods"]),
    ("pending-resources", "", ["list nodes", "list services", "list deployments.apps"]),
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
    """`record("crashloop", "pod/typo")`: the verdicts of a live run on a served case, and its case."""

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


@pytest.mark.parametrize(("name", "target", "deny"), DENIED)
def test_what_was_refused_is_refused_again_when_it_is_played_back(
    record: Callable[..., tuple[list[Any], Path]], name: str, target: str, deny: list[str]
) -> None:
    live, written = record(name, target, deny=deny)
    again = verdicts(notebook.open("pods", case=str(written), namespace=name, target=target))
    assert again == live


def test_a_case_of_one_pod_says_that_it_is_only_that_pod(
    record: Callable[..., tuple[list[Any], Path]],
) -> None:
    _, written = record("crashloop", "pod/typo")
    case = CaseSource(written)
    pods = "api/v1/namespaces/crashloop/pods"
    assert case.manifest.partial[pods] == ["fieldSelector=metadata.name=typo"]
    cluster = Cluster(case)
    assert cluster.get(Pod, "crashloop", "typo").name == "typo"
    assert not cluster.read(Pod, "crashloop").complete
    with pytest.raises(NotCollected):
        cluster.get(Pod, "crashloop", "done-too-soon")


def test_pages_become_one_file_and_a_list_that_was_started_over_holds_nothing_twice(
    record: Callable[..., tuple[list[Any], Path]],
) -> None:
    for options in ({"big_page": 2}, {"big_page": 2, "page_expires": True}):
        _, written = record("crashloop", "", **options)
        with zipfile.ZipFile(written) as archive:
            listed = json.loads(archive.read("api/v1/namespaces/crashloop/pods.json"))
        names = [item["metadata"]["name"] for item in listed["items"]]
        assert len(names) == len(set(names)) == 4
        assert listed["kind"] == "PodList"
        assert "continue" not in listed["metadata"]


def test_recording_the_same_run_twice_gives_the_same_bytes(
    record: Callable[..., tuple[list[Any], Path]],
) -> None:
    _, written = record("crashloop", "pod/typo")
    first = {name: content for name, content in contents(written).items() if name != "manifest.json"}
    record("crashloop", "pod/typo")
    assert {name: content for name, content in contents(written).items() if name != "manifest.json"} == first


def test_a_case_that_is_read_is_handed_on_whole_and_redacted(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "out" / "case.zip"
    monkeypatch.setenv(CASE_OUT, str(written))
    first = verdicts(notebook.open("pods", case=str(incident("crashloop")), namespace="crashloop"))
    whole = contents(written)
    assert {name for name in whole if name != "manifest.json"} == {
        path.relative_to(incident("crashloop")).as_posix()
        for path in incident("crashloop").rglob("*")
        if path.is_file()
    }
    assert b"s3cr3tpw" not in b"".join(whole.values())
    again_written = tmp_path / "again.zip"
    monkeypatch.setenv(CASE_OUT, str(again_written))
    again = verdicts(notebook.open("pods", case=str(written), namespace="crashloop"))
    assert again == first
    assert again_written.read_bytes() == written.read_bytes(), "redacted already: copied as it is"


def test_a_case_that_cannot_be_written_is_said_in_the_coverage_and_leaves_nothing_behind(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "case.zip").mkdir()
    monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))
    session = notebook.open("pods", case=str(incident("healthy")), namespace="healthy")
    assert "case.zip could not be written" in " ".join(session.summary().data.coverage.truncated)
    assert [path.name for path in tmp_path.iterdir()] == ["case.zip"]


def test_a_run_that_could_not_look_still_leaves_what_it_was_told(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "case.zip"
    monkeypatch.setenv(CASE_OUT, str(written))
    with serve_case(incident("crashloop"), deny=["list pods", "get pods"]) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        live = notebook.open("pods", namespace="crashloop", target="pod/typo").start.failure
    assert live is not None
    monkeypatch.delenv(CASE_OUT)
    again = notebook.open("pods", case=str(written), namespace="crashloop", target="pod/typo").start.failure
    assert again is not None
    assert (again.error, again.sentence) == (live.error, live.sentence) == ("Forbidden", live.sentence)


def test_the_manifest_is_as_its_schema_says(record: Callable[..., tuple[list[Any], Path]]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    _, written = record("crashloop", "pod/typo", deny=["list nodes"])
    manifest = json.loads(contents(written)["manifest.json"])
    jsonschema.validate(manifest, schema, format_checker=jsonschema.FormatChecker())
    assert set(schema["properties"]) == {field.name for field in msgspec.structs.fields(Manifest)}
    assert manifest["recorded_at"]


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


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


def test_a_full_disk_stops_the_recording_and_not_the_diagnosis(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))
    with serve_case(incident("crashloop")) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        session = notebook.open("pods", namespace="crashloop", target="pod/typo")
        found, _, _ = verdicts(session)
    assert any(finding[2] == "CommandNotFound" for finding in found)
    assert "No space left on device" in " ".join(session.summary().data.coverage.truncated)
    assert not (tmp_path / "case.zip").exists()
