"""What an API server counts against what its flags let through; a count that stands still is no loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.case import CaseSource
from kuberunbooks.cluster.recorder import RecordingSource
from kuberunbooks.guides.audit import readings
from kuberunbooks.guides.audit.resolve import Audited, resolve
from kuberunbooks.guides.registry import Request
from kuberunbooks.guides.rules.audit_counters import read_counters
from kuberunbooks.guides.rules.audit_flags import Batch
from kuberunbooks.guides.rules.audit_tuning import enough_qps, sums
from kuberunbooks.redaction import Redactor
from tests.support.api_server import serve_case
from tests.support.auditing import GOOD, api_server, audit, metrics
from tests.support.live import open_live
from tests.support.made_cases import NOW, make_case

DAY = 86_400
BATCHED = [*GOOD, "--audit-log-mode=batch", "--audit-log-batch-max-size=10"]
HOOK = [*GOOD, f"--audit-webhook-config-file={GOOD[0].partition('=')[2]}"]


def measured(tmp_path: Path, flags: Any, first: str, second: str = "", **options: Any) -> Any:
    files = {"raw/metrics.txt": first}
    if second:
        files["raw/metrics%3Fafter%3D60s.txt"] = second
    return audit(tmp_path, [api_server(flags=flags)] if flags is not None else [], files=files, **options)


def test_the_guides_own_example_comes_out_as_the_guide_says() -> None:
    """100 requests a second give 200 events; in batches of 100 that is 2 a second; 5 s of them are 1,000."""
    found = sums(Batch("batch", 1000, 100, 30, True, 2, 5), 200, 5)
    assert found is not None
    assert (found.batches, found.taken, found.needed, found.held) == (2, 200, 1000, 5)
    assert not found.is_throttled
    assert enough_qps(Batch("batch", 1000, 100, 30, True, 2, 5), 200) == 3


def test_other_modes_have_no_buffer() -> None:
    assert sums(Batch("blocking", 1000, 100, 30, True, 2, 5), 200, 5) is None


@pytest.mark.parametrize(
    ("flags", "rate", "code", "severity"),
    [
        ([*HOOK, "--audit-webhook-batch-throttle-qps=1"], 401, "AuditThrottleTooLow", "warning"),
        ([*HOOK, "--audit-webhook-batch-throttle-qps=1"], 399, "AuditTuningOk", "ok"),
        ([*HOOK, "--audit-webhook-batch-throttle-enable=false"], 1900, "AuditTuningOk", "ok"),
        (HOOK, 1999, "AuditTuningOk", "ok"),
        (HOOK, 2100, "AuditBufferTooSmall", "info"),
        ([*BATCHED, "--audit-log-batch-buffer-size=900"], 200, "AuditBufferTooSmall", "warning"),
        ([*BATCHED, "--audit-log-batch-buffer-size=1100"], 200, "AuditTuningOk", "ok"),
    ],
)
def test_limits_are_compared_with_the_events_there_are(
    flags: list[str], rate: float, code: str, severity: str, tmp_path: Path
) -> None:
    found = measured(tmp_path, flags, metrics(events=rate * DAY, levels={"Metadata": rate * DAY}))
    one = found.one(code)
    assert one.severity == severity
    assert found.serious() == ({code} if severity == "warning" else set())
    assert f"{rate:,.0f} events a second on average" in one.summary


def test_a_log_that_writes_at_once_has_nothing_to_tune(tmp_path: Path) -> None:
    found = measured(tmp_path, GOOD, metrics(events=9e9, levels={"Metadata": 9e9}))
    assert not found.codes() & {"AuditTuningOk", "AuditThrottleTooLow", "AuditBufferTooSmall"}


def test_without_counters_or_with_a_young_server_nothing_is_compared(tmp_path: Path) -> None:
    young = measured(tmp_path / "a", HOOK, metrics(events=9e9, levels={"Metadata": 9e9}, up=60))
    unread = audit(tmp_path / "b", [api_server(flags=HOOK)])
    for found in (young, unread):
        assert found.steps["AU-08"].status == "skipped"
        assert not found.codes() & {"AuditTuningOk", "AuditThrottleTooLow", "AuditBufferTooSmall"}


def test_counters_tell_that_nothing_is_audited_where_no_pod_does(tmp_path: Path) -> None:
    off = measured(tmp_path / "a", None, metrics())
    assert off.headline is off.one("AuditDisabled")
    assert "AuditConfigInvisible" not in off.codes()
    on = measured(tmp_path / "b", None, metrics(events=10, levels={"None": 3, "Metadata": 5}))
    assert {"AuditEnabled", "AuditConfigInvisible"} <= on.codes()
    young = measured(tmp_path / "c", None, metrics(up=30))
    assert not young.codes() & {"AuditDisabled", "AuditEnabled"}


def test_lost_events_of_one_reading_are_no_alarm(tmp_path: Path) -> None:
    lost = metrics(events=1000, levels={"Metadata": 500}, errors={"buffered": 40, "webhook": 2})
    one = measured(tmp_path, GOOD, lost).one("AuditEventsDropped")
    assert one.severity == "info"
    assert "42 events of 1000 made did not get through" in one.summary
    assert "whether that goes on one reading does not tell" in one.summary


def test_lost_events_are_critical_when_they_become_more(tmp_path: Path) -> None:
    first = metrics(events=1000, levels={"Metadata": 500}, errors={"buffered": 40})
    second = metrics(events=1600, levels={"Metadata": 800}, errors={"buffered": 45})
    growing = measured(tmp_path / "a", GOOD, first, second, watch_seconds=60)
    one = growing.one("AuditEventsDropped")
    assert one.severity == "critical"
    assert "5 events did not get through in 60 s: its buffer was full" in one.summary
    still = measured(tmp_path / "b", GOOD, first, second.replace("45", "40"), watch_seconds=60)
    assert still.one("AuditEventsDropped").severity == "info"
    assert "none in the last 60 s" in still.one("AuditEventsDropped").summary


def test_refused_requests_are_critical_when_they_become_more(tmp_path: Path) -> None:
    first = metrics(events=1000, levels={"Metadata": 500}, rejected=3)
    assert measured(tmp_path / "a", GOOD, first).one("AuditRequestsRejected").severity == "info"
    second = metrics(events=1000, levels={"Metadata": 500}, rejected=8)
    found = measured(tmp_path / "b", GOOD, first, second, watch_seconds=60)
    assert "5 requests failed in 60 s" in found.one("AuditRequestsRejected").summary
    assert found.headline is found.one("AuditRequestsRejected")


def test_two_readings_give_the_rate_between_them(tmp_path: Path) -> None:
    first = metrics(events=1000, levels={"Metadata": 500})
    second = metrics(events=1600, levels={"Metadata": 800})
    found = measured(tmp_path, HOOK, first, second, watch_seconds=60)
    assert "made 600 events in 60 s, 10.0 a second" in found.one("AuditEventsFlowing").summary
    assert found.one("AuditTuningOk").summary.startswith("10 events a second over 60 s")


def test_no_event_is_critical_only_where_the_policy_asked_for_some(tmp_path: Path) -> None:
    def flow(first: str, second: str, place: str) -> Any:
        return measured(tmp_path / place, GOOD, first, second, watch_seconds=60)

    before = metrics(events=10, levels={"None": 50, "Metadata": 5})
    asked = flow(before, metrics(events=10, levels={"None": 60, "Metadata": 9}), "a")
    assert asked.one("AuditEventsNotFlowing").severity == "critical"
    idle = flow(before, metrics(events=10, levels={"None": 60, "Metadata": 5}), "b")
    assert "AuditEventsNotFlowing" not in idle.codes()
    never = measured(tmp_path / "c", GOOD, metrics(levels={"None": 5000}))
    assert never.one("AuditEventsNotFlowing").severity == "info"


def test_another_api_servers_reading_is_not_compared(tmp_path: Path) -> None:
    first = metrics(events=1000, levels={"Metadata": 500}, errors={"log": 1})
    other = metrics(events=9000, levels={"Metadata": 500}, errors={"log": 99}, up=DAY + 500)
    found = measured(tmp_path, GOOD, first, other, watch_seconds=60)
    assert found.one("AuditEventsDropped").severity == "info"
    notes = [one.text for one in found.steps["AU-09"].exhibits if hasattr(one, "text")]
    assert any("another API server answered" in text for text in notes)


def test_a_case_without_a_second_reading_says_so(tmp_path: Path) -> None:
    found = measured(tmp_path, GOOD, metrics(events=10, levels={"Metadata": 5}), watch_seconds=60)
    notes = [one.text for one in found.steps["AU-09"].exhibits if hasattr(one, "text")]
    assert any("only one reading" in text for text in notes)
    assert found.one("AuditEventsFlowing").facts["seconds"] == 0


def test_only_a_live_cluster_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slept(seconds: float) -> None:
        raise AssertionError(f"slept {seconds} s on a case")

    monkeypatch.setattr(readings.time, "sleep", slept)
    measured(tmp_path, GOOD, metrics(events=10, levels={"Metadata": 5}), watch_seconds=60)


def test_a_live_run_waits_once_and_its_case_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(tmp_path / "case", [])
    (case / "raw").mkdir()
    (case / "raw/metrics.txt").write_text(metrics(events=1000, levels={"Metadata": 500}, errors={"log": 1}))
    later = metrics(events=1300, levels={"Metadata": 650}, errors={"log": 4})
    (case / "raw/metrics%3Fafter%3D30s.txt").write_text(later)
    slept: list[float] = []
    monkeypatch.setattr(readings.time, "sleep", slept.append)
    with serve_case(case) as api:
        recorder = RecordingSource(open_live(api, tmp_path))
        cluster = Cluster(recorder)
        target = Audited("", "", options={"watch_seconds": 10})
        live = readings.readings(target, cluster)
        assert readings.readings(target, cluster) is live
        assert api.count("metrics") == 2
        recorder.write(tmp_path / "out.zip", Redactor())
        cluster.close()
    assert slept == [30]
    assert live.added is not None
    assert (live.added.events, live.added.errors) == (300, {"log": 3})
    again = Audited("", "", options={"watch_seconds": 10})
    assert readings.readings(again, Cluster(CaseSource(tmp_path / "out.zip"))) == live
    assert slept == [30]


def test_files_that_were_given_to_a_live_run_are_in_its_case(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(POLICY)
    (tmp_path / "hook.yaml").write_text("users: [{name: u, user: {token: sesame-7f3a}}]")
    options = {"policy": str(tmp_path / "mine.yaml"), "webhook_config": str(tmp_path / "hook.yaml")}
    case = make_case(tmp_path / "case", [])
    with serve_case(case) as api:
        recorder = RecordingSource(open_live(api, tmp_path))
        cluster = Cluster(recorder)
        resolve(cluster, Request("", "", 3600, options))
        recorder.write(tmp_path / "out.zip", Redactor())
        cluster.close()
    held = resolve(Cluster(CaseSource(tmp_path / "out.zip")), Request("", "", 3600, {}))
    assert held.files["policy"].body.decode() == POLICY
    assert b"sesame" not in held.files["webhook_config"].body


POLICY = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n"


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"apiserver_audit_event_total x\n", b"\xff\x00"])
def test_what_is_no_reading_of_an_api_server_is_none(body: bytes) -> None:
    assert read_counters(body) is None


def test_a_reading_without_a_start_has_no_rate() -> None:
    found = read_counters(b"apiserver_audit_event_total 5\n")
    assert found is not None
    assert found.rate(NOW) is None
