"""An audit log in a case loses bodies and the secrets of commands, and still tells what happened."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kuberunbooks import notebook
from kuberunbooks.redaction import Redactor
from kuberunbooks.redaction.audit_log import clean_audit_log
from tests.support.audit_events import Analysis, event, lines

SECRET = {"kind": "Secret", "metadata": {"name": "db"}, "data": {"key": "aHVudGVyMg=="}}
GIVEN = {"roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "User", "name": "eve"}]}


def log() -> bytes:
    uri = "/api/v1/namespaces/shop/pods/db-0/exec?command=mysql&command=-pS3cr3tPass&container=db&stdout=true"
    return lines(
        [
            event("eve", "create", "secrets", code=201, requestObject=SECRET, responseObject=SECRET),
            event("eve", "get", "pods", name="db-0", sub="exec", code=101, uri=uri),
            event(
                "eve",
                "create",
                "clusterrolebindings",
                group="rbac.authorization.k8s.io",
                namespace="",
                name="gift",
                code=201,
                requestObject=GIVEN,
            ),
        ]
    )


def test_no_body_of_a_secret_and_no_password_of_a_command_is_left() -> None:
    for pack in (bytes, gzip.compress):
        cleaned = clean_audit_log(pack(log()), Redactor())
        text = gzip.decompress(cleaned) if pack is gzip.compress else cleaned
        for secret in (b"aHVudGVyMg", b"S3cr3tPass"):
            assert secret not in text
        assert b"command=mysql" in text
        assert b"container=db" in text


def test_what_was_given_to_whom_stays() -> None:
    kept = clean_audit_log(log(), Redactor()).splitlines()[2]
    assert json.loads(kept)["requestObject"] == GIVEN


def test_lists_and_lines_that_are_cut_off_or_packed_badly_give_nothing_away() -> None:
    listed = json.dumps(
        {"kind": "EventList", "items": [json.loads(one) for one in log().splitlines()]}
    ).encode()
    cut = log().splitlines()[0][:-40]
    prefix = b"2026-11-23T21:00:00Z stdout "
    line = log().splitlines()[0]
    parts = prefix + b"P " + line[:500] + b"\n" + prefix + b"F " + line[500:]
    docker = json.dumps({"log": log().splitlines()[1].decode() + "\n", "stream": "stdout"}).encode()
    for body in (listed, cut, prefix + b"F " + log(), gzip.compress(log())[:-9], parts, docker):
        cleaned = clean_audit_log(body, Redactor())
        assert b"aHVudGVyMg" not in cleaned
        assert b"S3cr3tPass" not in cleaned


def test_events_without_secrets_keep_their_bytes(incident: Callable[[str], Path]) -> None:
    recorded = (incident("audit") / "audit.log").read_bytes()
    assert clean_audit_log(recorded, Redactor()) == recorded


def test_a_copied_case_gives_the_same_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "audit.log").write_bytes(log())
    copy = tmp_path / "copy.zip"
    monkeypatch.setenv("RUNBOOK_CASE_OUT", str(copy))
    session = notebook.open("audit", case=str(folder))
    first = session.suspicious().data
    session.summary()
    monkeypatch.delenv("RUNBOOK_CASE_OUT")
    again = Analysis(copy).suspicious
    assert b"S3cr3tPass" not in zipfile.ZipFile(copy).read("audit.log")
    assert [one.code for one in first.findings] == [one.code for one in again.findings]
    assert first.findings[0].summary == again.findings[0].summary
