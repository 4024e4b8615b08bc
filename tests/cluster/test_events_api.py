"""Events are the same by core/v1 and events.k8s.io/v1; who may read them only there misses nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Finding, headline
from tests.support.api_server import serve_case

CORE = "api/v1/namespaces/probes/events"
OTHER = "apis/events.k8s.io/v1/namespaces/probes/events"


def as_other(event: dict[str, Any]) -> dict[str, Any]:
    """A core/v1 event as events.k8s.io/v1 serves it (pkg/apis/events/v1/conversion.go)."""
    moved = {
        "involvedObject": "regarding",
        "message": "note",
        "count": "deprecatedCount",
        "firstTimestamp": "deprecatedFirstTimestamp",
        "lastTimestamp": "deprecatedLastTimestamp",
        "source": "deprecatedSource",
        "reportingComponent": "reportingController",
    }
    return {moved.get(field, field): value for field, value in event.items()}


@pytest.fixture
def case(incident: Callable[[str], Path], tmp_path: Path) -> Path:
    """The incident `probes`, in which core/v1 events were refused and those of events.k8s.io/v1 recorded."""
    folder = tmp_path / "case"
    shutil.copytree(incident("probes"), folder)
    listed = json.loads((folder / f"{CORE}.json").read_bytes())
    (folder / f"{CORE}.json").unlink()
    target = folder / f"{OTHER}.json"
    target.parent.mkdir(parents=True)
    listed["items"] = [as_other(one) for one in listed["items"]]
    target.write_text(json.dumps(listed))
    refused = folder / "errors" / f"{CORE}.403.json"
    refused.parent.mkdir(parents=True)
    refused.write_text(json.dumps({"kind": "Status", "code": 403, "message": "events is forbidden"}))
    return folder


def findings(**parameters: Any) -> list[Finding]:
    session = notebook.open("pods", namespace="probes", target="deployment/gateway", **parameters)
    assert session.start.failure is None, session.start.failure
    for name in session.step_names:
        getattr(session, name)()
    closing = session.summary().data
    assert closing.coverage.event_window.seconds is not None
    return [one for step in session.steps for one in step.findings]


def told(found: list[Finding]) -> list[tuple[str, str]]:
    return sorted((one.code, one.summary) for one in found)


def test_a_case_that_holds_only_the_other_api_gives_the_same_findings(
    case: Path, incident: Callable[[str], Path]
) -> None:
    usual = findings(case=str(incident("probes")))
    assert told(findings(case=str(case))) == told(usual)
    top = headline(usual)
    assert top is not None
    assert top.code == "LivenessProbeFailing"


def test_a_server_that_permits_only_the_other_api_gives_the_same_headline(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_case(case) as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
        top = headline(findings(context="test"))
        assert server.count(f"/{OTHER}") == 1
    assert top is not None
    assert top.code == "LivenessProbeFailing"
    assert any("Killing" in one.source or "events" in one.source for one in top.evidence)


def test_where_neither_may_be_read_the_refusal_is_that_of_the_usual_api(case: Path) -> None:
    (case / f"{OTHER}.json").unlink()
    session = notebook.open("pods", case=str(case), namespace="probes", target="deployment/gateway")
    for name in session.step_names:
        getattr(session, name)()
    closing = session.summary().data
    assert [one.path for one in closing.coverage.refused] == [CORE]
    assert not [one for one in closing.coverage.missing if "events.k8s.io" in one.path]
