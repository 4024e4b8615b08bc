"""What commands printed: read from a case or a file a person gives, handed on in the run's own case."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.cluster.transcripts import (
    MOST_BYTES,
    decode_transcripts,
    pasted_transcripts,
    read_transcripts,
)
from kuberunbooks.errors import BadParameter
from tests.support.api_server import serve_case

PRINTED = {
    "target": {"kind": "pod", "namespace": "services", "pod": "client"},
    "argv": ["curl", "-u", "admin:hunter2hunter2", "http://10.244.0.204:9376/"],
    "stdout": "000\n",
    "stderr": "curl: (7) Failed to connect. Authorization: Bearer abcdefabcdefabcdefabcdef",
    "exit_code": 7,
    "at": "2026-11-23T21:29:06Z",
}


def findings(session: notebook.Session) -> list[tuple[Any, ...]]:
    """What every step found, without where it was read."""
    assert session.start.failure is None, session.start.failure
    for name in session.step_names:
        getattr(session, name)()
    session.summary()
    return [(step.id, one.code, one.summary) for step in session.steps for one in step.findings]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs of this test write their case."""
    monkeypatch.setenv(CASE_OUT, str(tmp_path / "case.zip"))
    return tmp_path / "case.zip"


@pytest.mark.parametrize("live", [True, False])
def test_given_transcripts_enter_the_case_without_their_secrets_and_answer_the_run_again(
    live: bool,
    incident: Callable[[str], Path],
    written: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = shutil.copytree(incident("services"), tmp_path / "services")
    shutil.rmtree(folder / "transcripts")
    file = tmp_path / "heard.json"
    file.write_text(json.dumps([PRINTED]))
    asked = {"namespace": "services", "target": "service/wrong-port"}
    if live:
        with serve_case(folder) as server:
            monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "config")))
            first = findings(notebook.open("services", transcripts=str(file), **asked))
    else:
        first = findings(notebook.open("services", case=str(folder), transcripts=str(file), **asked))
    assert any(code == "PodEndpointUnreachable" for _, code, _ in first)
    with zipfile.ZipFile(written) as archive:
        kept = archive.read("transcripts/001.json")
    assert b"hunter2" not in kept
    assert b"abcdefabcdef" not in kept
    assert json.loads(kept)["exit_code"] == 7
    monkeypatch.delenv(CASE_OUT)
    assert findings(notebook.open("services", case=str(written), **asked)) == first


def test_given_transcripts_stand_beside_those_of_the_case(
    incident: Callable[[str], Path], written: Path, tmp_path: Path
) -> None:
    file = tmp_path / "heard.json"
    file.write_text(json.dumps(PRINTED))
    findings(
        notebook.open(
            "services",
            case=str(incident("services")),
            namespace="services",
            target="service/wrong-port",
            transcripts=str(file),
        )
    )
    with zipfile.ZipFile(written) as archive:
        names = [name for name in archive.namelist() if name.startswith("transcripts/")]
    assert names == sorted(names)
    assert names[-1] == "transcripts/034.json"


def test_text_that_is_no_json_is_what_a_command_printed_on_the_node_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "rules.txt").write_bytes(b"*nat\n\xff\nCOMMIT\n")
    (found,) = read_transcripts(str(tmp_path), "n1")
    assert (found.target.text, found.argv, found.source) == ("node/n1", [], "rules.txt")
    assert found.stdout.startswith("*nat")


def test_pasted_text_is_what_a_command_printed_on_the_node_that_is_named() -> None:
    (found,) = pasted_transcripts("\ufeffPS> hostname\r\nwin-1\udcff\r\n", "win-1")
    assert (found.target.text, found.argv, found.source) == ("node/win-1", [], "pasted")
    # A command line may hold bytes that are no UTF-8: they must not keep a case from being written.
    assert found.stdout == "PS> hostname\r\nwin-1?\r\n"


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_nothing_pasted_is_no_transcript(text: str) -> None:
    assert pasted_transcripts(text, "win-1") == []


def test_a_paste_that_is_longer_than_any_file_may_be_is_refused() -> None:
    with pytest.raises(BadParameter, match="longer than 64 MiB"):
        pasted_transcripts("x" * (MOST_BYTES + 1))


def test_a_file_that_does_not_exist_is_said() -> None:
    with pytest.raises(BadParameter, match="no file"):
        list(read_transcripts("/no/such/file"))


def test_what_has_no_end_or_may_not_be_read_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (str(pipe), "/dev/zero", "/proc/self/mem"):
        with pytest.raises(BadParameter, match="cannot be used as pasted output"):
            list(read_transcripts(path))
    assert list(read_transcripts(str(tmp_path))) == []


@pytest.mark.parametrize("body", [b"", b"{", b'{"stdout": 3}', b"[[]]", b'{"target": "x"}'])
def test_what_is_no_transcript_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="is no transcript"):
        decode_transcripts(body, "x.json")
