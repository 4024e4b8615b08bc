"""Answers that look like success and are none: nothing passes for empty, absent or healthy by them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.findings import Summary
from kuberunbooks.report import RunReport, compose
from tests.support.api_server import ApiServer, Fault, serve_case
from tests.support.live import FAST, open_live

SUCCESS = {"kind": "Status", "apiVersion": "v1", "status": "Success"}
ALIEN = {
    "an empty object": b"{}",
    "a Status with code 200": json.dumps(SUCCESS).encode(),
    "items that are no list": b'{"kind": "PodList", "apiVersion": "v9", "items": {"a": 1}}',
    "a list of something else": b'{"kind": "SecretList", "items": [{"metadata": {"name": "x"}}]}',
    "bytes that are no text": b'{"kind": "PodList", "items": [{"metadata": {"name": "\xff"}}]}',
    "nesting without end": b'{"a":' * 100_000,
}
NOT_FOUND = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404, "details": {}}
NOBODY_SERVES_IT = [b"404 page not found\n", json.dumps(NOT_FOUND).encode()]


@pytest.fixture
def diagnose_live(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunReport]:
    """Runs the pods guide against a served incident with faults: `(name, target, *faults)`."""

    def diagnose(name: str, target: str, *faults: Fault, seen: list[ApiServer] | None = None) -> RunReport:
        with serve_case(incident(name), faults=faults) as server:
            monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
            guide = notebook.open("pods", namespace=name, target=target)
            for step in guide.step_names:
                getattr(guide, step)()
            closing = guide.summary().data
            assert isinstance(closing, Summary)
            if seen is not None:
                seen.append(server)
        return compose(guide.start, guide.steps, closing)

    return diagnose


@pytest.mark.parametrize("body", ALIEN.values(), ids=ALIEN)
@pytest.mark.parametrize(
    ("target", "read"), [("", r"/pods\?"), ("pod/frontend-55986958f6-dz6q6", "/pods/[^/]+$")]
)
def test_pods_that_were_not_read_are_never_called_healthy(
    diagnose_live: Callable[..., RunReport], target: str, read: str, body: bytes
) -> None:
    report = diagnose_live("healthy", target, Fault(read, body=body))
    assert (report.outcome, report.severity) == ("unknown", "unknown")
    assert report.failure is not None
    assert (report.failure.error, report.failure.exit_status) == ("BadAnswer", 3)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/nodes", body=b"{}"),
        Fault("/nodes", status=401),
        Fault("/nodes", body=b"<html>", type="text/html"),
    ],
    ids=["alien", "401", "web page"],
)
def test_a_failed_read_of_evidence_stands_beside_the_good_verdict(
    diagnose_live: Callable[..., RunReport], fault: Fault
) -> None:
    report = diagnose_live("healthy", "", fault)
    assert report.outcome == "good"
    assert "not everything could be read (list nodes)" in report.verdict
    assert "1 not read (list nodes)" in report.coverage_line


@pytest.mark.parametrize("body", NOBODY_SERVES_IT, ids=["text", "Status"])
@pytest.mark.parametrize(
    ("name", "target"), [("crashloop", ""), ("crashloop", "pod/typo"), ("crashloop", "ty")]
)
def test_a_server_without_this_api_does_not_prove_that_anything_is_absent(
    diagnose_live: Callable[..., RunReport], name: str, target: str, body: bytes
) -> None:
    report = diagnose_live(name, target, Fault("^/(api|version)", status=404, body=body))
    assert report.outcome == "unknown"
    assert not report.findings


def test_a_node_answered_with_an_unserved_path_is_unknown_and_not_gone(
    diagnose_live: Callable[..., RunReport],
) -> None:
    report = diagnose_live("crashloop", "pod/typo", Fault("/nodes", status=404, body=NOBODY_SERVES_IT[0]))
    assert "NodeMissing" not in {one.code for one in report.findings}


def test_a_namespace_whose_workloads_were_not_read_is_not_called_empty_of_them(
    diagnose_live: Callable[..., RunReport],
) -> None:
    nothing: dict[str, Any] = {"kind": "PodList", "apiVersion": "v1", "items": []}
    report = diagnose_live(
        "healthy",
        "",
        Fault(r"/pods\?", body=json.dumps(nothing).encode()),
        Fault("/apis/(apps|batch)", status=400),
    )
    assert "no workloads" not in report.verdict
    assert "could not be read" in report.verdict


@pytest.mark.parametrize("status", [403, 404])
def test_events_that_were_refused_for_the_namespace_are_not_asked_for_pod_by_pod(
    diagnose_live: Callable[..., RunReport], status: int
) -> None:
    seen: list[ApiServer] = []
    diagnose_live("crashloop", "", Fault("/events", status=status), seen=seen)
    # Refused, the same events are asked for once more by events.k8s.io.
    assert seen[0].count("/events") == (2 if status == 403 else 1)


@pytest.mark.parametrize("body", [b"{}", json.dumps(SUCCESS).encode()], ids=["empty", "Status"])
def test_a_review_without_an_answer_takes_no_right_away(
    diagnose_live: Callable[..., RunReport], body: bytes
) -> None:
    report = diagnose_live("healthy", "", Fault("selfsubject", body=body))
    assert report.coverage.refused == []


def test_a_run_whose_every_read_is_throttled_waits_in_all_as_long_as_its_patience(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    limits = FAST._replace(waits=(0.1, 0.1, 0.1), retry_after=0.1, patience=0.25)
    fault = Fault(".", status=429, headers={"Retry-After": "86400"})
    with serve_case(incident("healthy"), faults=[fault]) as server:
        source = open_live(server, tmp_path, limits=limits)
        for _ in range(5):
            with pytest.raises(Exception, match="Too many requests"):
                source.raw("version")
    assert server.count() == 7


def test_a_packed_answer_that_ends_in_its_header_is_cut_off(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    fault = Fault(".", body=b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", headers={"Content-Encoding": "gzip"})
    with serve_case(incident("healthy"), faults=[fault]) as server:
        source = open_live(server, tmp_path, limits=FAST)
        with pytest.raises(Exception, match="is cut off"):
            source.item("api/v1/nodes/a")
