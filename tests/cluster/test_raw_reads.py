"""A GET that is no list: options, answers that are refusals, and the same again from the case of the run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.cluster.live import LiveSource
from kuberunbooks.cluster.recorder import RecordingSource
from kuberunbooks.errors import NotCollected, Refused, ServerFault
from kuberunbooks.redaction import Redactor
from tests.support.api_server import ApiServer, Fault, serve_case

VERBOSE = (("verbose", ""),)
FAILING = b"[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"


@contextmanager
def recording(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Cluster, RecordingSource]]:
    """A live cluster whose answers are kept."""
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
    source = RecordingSource(LiveSource())
    source.raw("version")
    cluster = Cluster(source)
    try:
        yield cluster, source
    finally:
        cluster.close()


def replayed(source: RecordingSource, tmp_path: Path) -> Cluster:
    """The case of what was read until now."""
    source.write(tmp_path / "case.zip", Redactor())
    return Cluster(CaseSource(tmp_path / "case.zip"))


@pytest.fixture
def folder(incident: Callable[[str], Path], tmp_path: Path) -> Path:
    """A case of one's own, with a kubelet's numbers and an answer that depends on a query."""
    copy = Path(shutil.copytree(incident("autoscaling"), tmp_path / "own"))
    answer = copy / "raw" / "prom/api/v1/query%3Fquery%3Dup%257Bjob%253D%2522a%252Fb%2522%257D.json"
    answer.parent.mkdir(parents=True)
    answer.write_text(json.dumps({"status": "success"}))
    return copy


def test_a_kubelets_answer_stands_under_its_node_live_and_in_the_case(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "api/v1/nodes/lab-node-1/proxy/metrics/resource"
    with (
        serve_case(folder) as server,
        recording(server, tmp_path, monkeypatch) as (cluster, source),
    ):
        live = cluster.raw(path)
        assert b"node_cpu_usage_seconds_total" in live
        assert server.requests[-1].path == f"/{path}"
        case = replayed(source, tmp_path)
        assert case.raw(path) == live == case.recorded("nodes/lab-node-1/metrics/resource")


def test_options_choose_the_answer_and_are_encoded_on_the_way(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = (("query", 'up{job="a/b"}'),)
    with (
        serve_case(folder) as server,
        recording(server, tmp_path, monkeypatch) as (cluster, source),
    ):
        assert json.loads(cluster.raw("prom/api/v1/query", query)) == {"status": "success"}
        assert server.requests[-1].query == {"query": 'up{job="a/b"}'}
        with pytest.raises(Refused):
            cluster.raw("prom/api/v1/query", (("query", "down"),))
        case = replayed(source, tmp_path)
    assert json.loads(case.raw("prom/api/v1/query", query)) == {"status": "success"}
    with pytest.raises(Refused):
        case.raw("prom/api/v1/query", (("query", "down"),))
    with pytest.raises(NotCollected):
        case.raw("prom/api/v1/query", (("query", "other"),))


def test_a_failing_health_check_is_an_answer_asked_once_and_whole(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault(r"/readyz", status=500, body=FAILING, type="text/plain")
    with (
        serve_case(folder, faults=[fault]) as server,
        recording(server, tmp_path, monkeypatch) as (cluster, source),
    ):
        with pytest.raises(ServerFault) as live:
            cluster.raw("readyz", VERBOSE, patient=False)
        assert server.count("/readyz") == 1
        assert server.requests[-1].query == {}  # an option without a value goes out, and chooses nothing
        case = replayed(source, tmp_path)
    with pytest.raises(ServerFault) as again:
        case.raw("readyz", VERBOSE, patient=False)
    assert live.value.text == again.value.text == FAILING.decode()
    assert str(live.value) == str(again.value) == "The server answered 500 to readyz."


def test_a_list_of_checks_recorded_as_readyz_answers_the_verbose_question(folder: Path) -> None:
    assert b"[+]ping ok" in Cluster(CaseSource(folder)).raw("readyz", VERBOSE)


def test_a_plain_sentence_of_the_server_is_still_the_errors_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = Fault(r"/metrics", status=503, body=b"the backend is gone", type="text/plain")
    with (
        serve_case(folder, faults=[fault]) as server,
        recording(server, tmp_path, monkeypatch) as (cluster, _),
        pytest.raises(ServerFault, match="the backend is gone"),
    ):
        cluster.raw("metrics", patient=False)


def test_secrets_in_a_refusal_do_not_enter_the_case(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"check failed\nlogin postgres://app:hunter2secret@db/shop\n"
    fault = Fault(r"/livez", status=500, body=body, type="text/plain")
    with (
        serve_case(folder, faults=[fault]) as server,
        recording(server, tmp_path, monkeypatch) as (cluster, source),
    ):
        with pytest.raises(ServerFault):
            cluster.raw("livez", VERBOSE, patient=False)
        case = replayed(source, tmp_path)
    with pytest.raises(ServerFault) as again:
        case.raw("livez", VERBOSE, patient=False)
    assert "check failed" in again.value.text
    assert "hunter2secret" not in again.value.text


def test_the_lines_of_a_health_check_are_no_json(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serve_case(folder) as server,
        recording(server, tmp_path, monkeypatch) as (cluster, source),
    ):
        live = cluster.raw("readyz", VERBOSE)
        assert live.startswith(b"[+]ping ok")
        case = replayed(source, tmp_path)
        assert case.raw("readyz", VERBOSE) == live
        assert "raw/readyz.txt" in CaseSource(tmp_path / "case.zip").files.names()
