"""Reading audit logs of all kinds: events are found, what is none is counted, memory stays bounded."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuberunbooks.errors import BadParameter
from kuberunbooks.guides.audit.log_files import log_files
from kuberunbooks.guides.audit.log_reading import Source, files_of, read_log
from kuberunbooks.guides.rules import audit_lines
from kuberunbooks.guides.rules.audit_event import AuditEvent
from kuberunbooks.guides.rules.audit_lines import AuditLines, LinesRead
from tests.support.audit_events import analyse, event, lines


def read(body: bytes, piece: int = 1 << 18) -> tuple[list[AuditEvent], LinesRead]:
    """The events of a log that comes in pieces of this size, and what became of its lines."""
    count = LinesRead()
    pieces = (body[start : start + piece] for start in range(0, len(body), piece))
    return [one for some in AuditLines(count).events(pieces) for one in some], count


EVENTS = [event(name=f"web-{number}") for number in range(5)]
NAMES = [one["objectRef"]["name"] for one in EVENTS]


def names(found: list[AuditEvent]) -> list[str]:
    return [one.object_ref.name for one in found if one.object_ref is not None]


@pytest.mark.parametrize("piece", [7, 100, 1000, 1 << 18])
def test_lines_are_put_together_whatever_the_pieces(piece: int) -> None:
    found, count = read(lines(EVENTS), piece)
    assert names(found) == NAMES
    assert (count.events, count.lines, count.lost) == (5, 5, 0)


def test_windows_line_ends_and_blank_lines_do_no_harm() -> None:
    found, count = read(lines(EVENTS).replace(b"\n", b"\r\n\r\n"))
    assert names(found) == NAMES
    assert count.lost == 0


def test_a_list_as_a_webhook_gets_it_is_read() -> None:
    listed = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": EVENTS}
    assert names(read(json.dumps(listed).encode() + b"\n" + lines(EVENTS))[0]) == NAMES * 2


def test_json_as_jq_prints_it_is_read() -> None:
    for given in (
        "\n".join(json.dumps(one, indent=2) for one in EVENTS),
        json.dumps({"kind": "EventList", "items": EVENTS}, indent=2),
        json.dumps(EVENTS, indent=2),
        json.dumps(EVENTS),
    ):
        found, count = read(given.encode())
        assert names(found) == NAMES, given[:40]
        assert count.lost == 0


def stored(event_line: bytes, size: int) -> Iterator[bytes]:
    """A line as containerd stores it: in parts of this size."""
    parts = [event_line[start : start + size] for start in range(0, len(event_line), size)]
    for number, part in enumerate(parts, 1):
        flag = b"F" if number == len(parts) else b"P"
        yield b"2026-11-23T21:00:00.123456789Z stdout " + flag + b" " + part + b"\n"


@pytest.mark.parametrize("size", [50, 16384])
def test_standard_output_as_containerd_stores_it_is_read(size: int) -> None:
    klog = b"2026-11-23T21:00:00.1Z stderr F I1123 21:00:00.1 1 controller.go:615] quota admission added\n"
    log = b"".join(part for one in EVENTS for part in stored(lines([one]).rstrip(), size))
    found, count = read(klog + log)
    assert names(found) == NAMES
    assert (count.foreign, count.cut) == (1, 0)


def test_standard_output_as_docker_stores_it_is_read() -> None:
    log = b""
    for one in EVENTS:
        text = lines([one]).decode()
        for part in (text[:200], text[200:]):
            log += (
                json.dumps({"log": part, "stream": "stdout", "time": "2026-11-23T21:00:00Z"}).encode() + b"\n"
            )
    assert names(read(log)[0]) == NAMES


def test_something_before_the_json_is_passed_over() -> None:
    log = b"".join(b"2026-11-23 21:00:00,000 cp-1 audit: " + lines([one]) for one in EVENTS)
    assert names(read(log)[0]) == NAMES


def test_what_is_no_event_is_counted_by_kind() -> None:
    cut = lines([EVENTS[0]])[:400] + b"\n"
    legacy = b'2026-11-23T21:00:00Z AUDIT: id="1" stage="ResponseComplete" ip="10.0.0.1" method="get"\n'
    core = b'{"kind":"Event","apiVersion":"v1","reason":"BackOff","metadata":{"name":"x"}}\n'
    found, count = read(cut + legacy + core + b"hello\n" + b"[1,2\n" + b"\xff\xfe{\n" + lines(EVENTS))
    assert names(found) == NAMES
    assert (count.cut, count.legacy, count.foreign) == (1, 1, 4)


def test_a_log_that_is_being_written_may_end_in_the_middle() -> None:
    found, count = read(lines(EVENTS)[:-300])
    assert names(found) == NAMES[:-1]
    assert (count.lost, count.unfinished) == (0, 1)


def test_odd_fields_cost_the_field_and_not_the_event() -> None:
    odd = event() | {
        "verb": None,
        "user": {"username": 7, "groups": None},
        "sourceIPs": "10.0.0.1",
        "objectRef": {"resource": "pods", "name": ["x"]},
        "responseStatus": [],
        "stageTimestamp": "yesterday",
        "annotations": {"authorization.k8s.io/decision": "allow", "other": {"a": 1}},
    }
    found, count = read(lines([odd]))
    assert count.lost == 0
    assert found[0].object_ref is not None
    assert (found[0].verb, found[0].object_ref.resource, found[0].code) == ("", "pods", 0)


def test_json_that_is_nested_without_end_is_foreign() -> None:
    found, count = read(b"[" * 200_000 + b"\n" + b'{"a":' * 200_000 + b"\n" + lines(EVENTS))
    assert names(found) == NAMES
    assert count.foreign == 2


def test_a_line_without_end_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_lines, "MOST_LINE", 10_000)
    found, count = read(
        lines(EVENTS[:2]) + b'{"auditID":"' + b"x" * 50_000 + b'"}\n' + lines(EVENTS[2:]), 4096
    )
    assert names(found) == NAMES
    assert count.long == 1


def test_bodies_of_requests_are_not_needed_to_be_small() -> None:
    large = event(verb="create", name="big", requestObject={"data": {"a": "x" * 3_000_000}})
    assert names(read(lines([large, *EVENTS]))[0]) == ["big", *NAMES]


def test_a_file_that_is_cut_off_or_damaged_gives_what_it_has(tmp_path: Path) -> None:
    packed = gzip.compress(lines(event(name=f"web-{number}") for number in range(3000)))
    for name, body in (
        ("cut.gz", packed[:-2000]),
        ("damaged.gz", packed[:5000] + b"x" * 5000 + packed[10000:]),
    ):
        path = tmp_path / name
        path.write_bytes(body)
        reading = read_log(files_of(str(path)))
        assert reading.files[0].why_not in ("it is cut off", "it is damaged")
        assert 0 < reading.requests < 3000


def test_what_could_not_be_read_is_said(tmp_path: Path) -> None:
    found = analyse(tmp_path, b"hello\n" * 3 + lines(EVENTS))
    incomplete = found.one("AuditLogIncomplete")
    assert "3 lines of 8 are no audit event" in incomplete.summary
    assert incomplete.severity == "info"


def test_a_log_without_any_event_is_no_good_news(tmp_path: Path) -> None:
    found = analyse(
        tmp_path, b'2026-11-23T21:00:00Z AUDIT: id="1"\n{"stageTimestamp":"2026-11-23T21:00:00Z"}\n'
    )
    assert found.suspicious.status == "skipped"
    assert "json is the default" in found.one("AuditLogIncomplete").explanation


def test_files_are_read_oldest_first_whatever_their_names(tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_bytes(lines([event(after=300)]))
    (tmp_path / "audit.log.1").write_bytes(lines([event(after=200)]))
    (tmp_path / "audit.log.2.gz").write_bytes(gzip.compress(lines([event(after=100)])))
    (tmp_path / "cp-2").mkdir()
    (tmp_path / "cp-2" / "audit.log").write_bytes(lines([event(after=150)]))
    found = [str(one.path.relative_to(tmp_path)) for one in log_files(str(tmp_path))]
    assert found == ["audit.log.2.gz", "cp-2/audit.log", "audit.log.1", "audit.log"]


def test_patterns_and_several_files_are_understood(tmp_path: Path) -> None:
    for name in ("a.log", "b.log", "c.txt"):
        (tmp_path / name).write_bytes(lines([event()]))
    assert len(log_files(f"{tmp_path}/*.log")) == 2
    assert len(log_files(f"{tmp_path}/a.log, {tmp_path}/c.txt")) == 2


def test_other_files_in_a_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "audit.log").write_bytes(lines([event()]))
    (tmp_path / "syslog").write_bytes(b"hello\n")
    (tmp_path / ".audit.log.swp").write_bytes(b"x")
    assert [one.path.name for one in log_files(str(tmp_path))] == ["audit.log"]


def test_a_pipe_or_device_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(BadParameter, match="no regular file"):
            log_files(str(place))


def test_reading_ends_when_its_time_is_up(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(lines(event() for _ in range(2000)))
    (tmp_path / "b.log").write_bytes(lines(event(after=9) for _ in range(2000)))
    reading = read_log(files_of(str(tmp_path)), seconds=0)
    assert "the time was up" in {one.why_not for one in reading.files}
    assert reading.requests < 4000


def test_a_source_is_named_in_what_it_gave() -> None:
    reading = read_log([Source("cp-1.log", lambda: iter([lines([event(user="eve", resource="secrets")])]))])
    assert reading.secrets[0].deeds[0].file == "cp-1.log"
