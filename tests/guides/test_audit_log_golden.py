"""AU-11, AU-12 on the recorded audit log: the same answers from a file, packed, in parts, and from a case."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from kuberunbooks import notebook
from kuberunbooks.guides.audit.log_reading import Source, read_log
from kuberunbooks.guides.rules.audit_trail import about_of
from tests.support.audit_events import Analysis, event, lines


@pytest.fixture
def log(incident: Callable[[str], Path]) -> bytes:
    return (incident("audit") / "audit.log").read_bytes()


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A case that holds nothing but its time, so that the log comes from a parameter."""
    case = tmp_path / "empty"
    case.mkdir()
    (case / "manifest.json").write_text('{"recorded_at": "2026-11-24T00:00:00Z"}')
    return case


def test_the_headline_tells_the_whole_story(incident: Callable[[str], Path]) -> None:
    found = Analysis(incident("audit"))
    assert found.headline is not None
    assert found.headline.code == "AuditRbacChanged"
    said = found.headline.summary
    assert "User admin made ClusterRoleBinding temp-admin" in said
    assert "removed it 0.2 s later" in said
    assert "what it gave is not in the log" in said
    assert "level Metadata" in said
    assert "user admin listed secrets of namespace healthy" in said
    assert "user viewer (12 times) and user nobody (6 times) were refused" in said


def test_viewer_and_nobody_were_refused_and_nobody_else(incident: Callable[[str], Path]) -> None:
    found = Analysis(incident("audit"))
    refused = [(code, name) for code, name in found.serious() if code == "AuditForbiddenBurst"]
    assert refused == [("AuditForbiddenBurst", "viewer"), ("AuditForbiddenBurst", "nobody")]
    assert len(found.serious()) == 3


def test_secrets_and_shells_are_told_with_their_commands(incident: Callable[[str], Path]) -> None:
    found = Analysis(incident("audit"))
    assert "list secrets (1)" in found.one("AuditSecretRead").summary
    assert "debugging/ephemeral-demo: sh -c id" in found.one("AuditExecUsed").summary


def test_requests_are_counted_once_though_long_ones_have_two_events(incident: Callable[[str], Path]) -> None:
    found = Analysis(incident("audit"))
    assert found.one("AuditLogRead").facts["requests"] == 947


def test_the_seven_questions_are_answered_for_an_object(incident: Callable[[str], Path]) -> None:
    found = Analysis(incident("audit"), about="clusterrolebinding/temp-admin")
    answers = dict(found.rows("The seven questions"))
    assert list(answers) == [
        "What happened?",
        "When?",
        "Who did it?",
        "On what?",
        "Where was it observed?",
        "From where?",
        "To where?",
    ]
    assert answers["What happened?"].startswith("user admin deleted ClusterRoleBinding temp-admin")
    assert "2026-11-23 21:30:25 UTC" in answers["When?"]
    assert "system:masters" in answers["Who did it?"]
    assert "audit.log" in answers["Where was it observed?"]
    assert "127.0.0.1" in answers["From where?"]
    assert "kubectl" in answers["From where?"]
    assert [row[2] for row in found.rows("What was done")] == ["created", "deleted", "read"]
    first = found.what_happened.marks[0]
    assert (first.lane, first.text) == ("admin", "user admin created ClusterRoleBinding temp-admin")


def test_a_user_is_asked_about_by_name(incident: Callable[[str], Path]) -> None:
    found = Analysis(incident("audit"), about="viewer")
    assert found.one("AuditTimelineBuilt").facts["requests"] == 26
    assert any(row[4] == "refused (403)" for row in found.rows("What was done"))


def test_a_log_tells_the_same_plain_packed_and_in_parts(log: bytes, empty: Path, tmp_path: Path) -> None:
    half = log.index(b"\n", len(log) // 2) + 1
    plain = tmp_path / "plain.log"
    plain.write_bytes(log)
    packed = tmp_path / "no-name-says-so.log"
    packed.write_bytes(gzip.compress(log[:half]) + gzip.compress(log[half:]))
    rotated = tmp_path / "rotated"
    rotated.mkdir()
    (rotated / "audit.log").write_bytes(log[half:])
    (rotated / "audit-2026-11-23T21-20-00.000.log.gz").write_bytes(gzip.compress(log[:half]))
    told = [Analysis(empty, audit_log=str(path)) for path in (plain, packed, rotated)]
    summaries = [[one.summary for one in found.suspicious.findings] for found in told]
    assert summaries[0] == summaries[1] == summaries[2]
    assert [found.one("AuditLogRead").facts["requests"] for found in told] == [947, 947, 947]


def test_a_copy_of_a_rotated_file_is_not_counted_twice(log: bytes, empty: Path, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "audit-1.log").write_bytes(log)
    (folder / "audit-1.log.gz").write_bytes(gzip.compress(log))
    found = Analysis(empty, audit_log=str(folder))
    assert found.one("AuditLogRead").facts["requests"] == 947


def test_the_run_keeps_in_its_case_what_it_made_of_the_log(
    log: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = tmp_path / "audit.log"
    given.write_bytes(log)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    case = tmp_path / "case.zip"
    monkeypatch.setenv("RUNBOOK_CASE_OUT", str(case))
    session = notebook.open("audit", audit_log=str(given), about="user/viewer")
    first = [session.what_happened().data, session.suspicious().data]
    session.summary()
    monkeypatch.delenv("RUNBOOK_CASE_OUT")
    again = Analysis(case)
    assert case.stat().st_size < 30_000
    for before, after in zip(first, again.steps, strict=True):
        assert [one.summary for one in before.findings] == [one.summary for one in after.findings]
        assert before.exhibits == after.exhibits


def test_what_a_run_leaves_of_a_command_holds_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("mysql", "-pS3cr3tPass", "--password=An0therOne", "--token", "Th1rdOne4567890")
    uri = "/x?" + "&".join(f"command={word}" for word in words)
    given = tmp_path / "audit.log"
    given.write_bytes(lines([event("eve", "get", "pods", name="db-0", sub="exec", code=101, uri=uri)]))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path))
    case = tmp_path / "case.zip"
    monkeypatch.setenv("RUNBOOK_CASE_OUT", str(case))
    session = notebook.open("audit", audit_log=str(given), about="eve")
    told = repr([session.what_happened().data, session.suspicious().data])
    session.summary()
    held = zipfile.ZipFile(case).read("raw/audit/reading.json").decode()
    for text in (told, held):
        assert "mysql" in text
        for secret in ("S3cr3tPass", "An0therOne", "Th1rdOne4567890"):
            assert secret not in text


def test_another_question_to_such_a_case_is_not_answered_by_the_first(log: bytes, tmp_path: Path) -> None:

    reading = read_log([Source("audit.log", lambda: iter([log]))], about=about_of("user/viewer"))
    case = tmp_path / "case"
    (case / "raw" / "audit").mkdir(parents=True)
    (case / "raw" / "audit" / "reading.json").write_bytes(msgspec.json.encode(reading))
    (case / "manifest.json").write_text('{"recorded_at": "2026-11-24T00:00:00Z"}')
    found = Analysis(case, about="user/nobody")
    assert "AuditTimelineBuilt" not in found.codes()
    assert any("user/viewer" in getattr(one, "text", "") for one in found.what_happened.exhibits)


def test_without_a_log_the_steps_say_what_to_name(empty: Path) -> None:
    found = Analysis(empty)
    assert {step.status for step in found.steps} == {"skipped"}
    assert "audit_log=" in found.what_happened.verdict


def test_a_log_that_is_not_there_stops_the_run(empty: Path) -> None:
    session = notebook.open("audit", case=str(empty), audit_log="/nowhere/audit.log")
    assert session.start.failure is not None
    assert session.start.failure.sentence == "There is no audit log at /nowhere/audit.log."
    assert session.start.failure.exit_status == 2


def test_a_log_that_may_not_be_read_is_no_good_news(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_bytes(b"\x1f\x8bno gzip at all")
    found = Analysis(empty, audit_log=str(tmp_path / "audit.log"))
    assert "audit.log (it is damaged)" in found.one("AuditLogIncomplete").summary
    assert found.suspicious.status == "skipped"
