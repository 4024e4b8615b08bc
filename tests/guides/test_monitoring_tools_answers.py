"""What a Prometheus answers, what it is asked, and what the shape of a curve says. Values are made."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kuberunbooks.errors import BadAnswer
from kuberunbooks.guides.monitoring_tools.questions import (
    MOST_POINTS,
    Scope,
    pattern,
    quoted,
    window,
)
from kuberunbooks.guides.rules.memory_climb import before_kill, longest_above
from kuberunbooks.guides.rules.prometheus_answers import (
    alertmanager_alerts,
    firing_alerts,
    series,
    targets_down,
    time_of,
    values,
)
from tests.support.made_cases import NOW
from tests.support.made_prometheus import matrix, success, vector

MIB = float(1 << 20)
LIMIT = 256 * MIB


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def test_series_keep_their_finite_values_in_order_of_time() -> None:
    points = [(60, "2"), (120, "1"), (30, "NaN"), (20, "+Inf"), (10, "-Inf"), (0, "3e0")]
    (one,) = series(encoded(matrix(({"pod": "web-1"}, points))))
    assert one.labels == {"pod": "web-1"}
    assert [value for _, value in one.points] == [1.0, 2.0, 3.0]
    assert one.last == 3.0


def test_series_without_a_value_are_no_series() -> None:
    assert series(encoded(matrix(({"pod": "a"}, [(0, "NaN")]), ({"pod": "b"}, [])))) == []
    assert series(encoded(matrix())) == []


def test_instant_values_are_read_alike() -> None:
    (one,) = values(encoded(vector(({"up": "1"}, "7"), ({"up": "0"}, "NaN"))))
    assert (one.labels, one.last) == ({"up": "1"}, 7.0)


@pytest.mark.parametrize("read", [series, values, firing_alerts, targets_down])
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not that of a Prometheus"),
        (b"<html>login</html>", "not that of a Prometheus"),
        (b"[]", "not that of a Prometheus"),
        (b'{"status":"error","errorType":"bad_data","error":"parse error"}', "could not answer: parse error"),
        (b'{"status":"error"}', "could not answer"),
    ],
)
def test_what_is_no_answer_is_refused_in_words(read: Callable[[bytes], Any], body: bytes, says: str) -> None:
    with pytest.raises(BadAnswer, match=says):
        read(body)


def test_a_vector_is_no_matrix() -> None:
    with pytest.raises(BadAnswer):
        series(encoded(vector(({}, "1"))))
    with pytest.raises(BadAnswer):
        values(encoded(success({"resultType": "scalar", "result": [1, "1"]})))


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "text",
        {"resultType": "matrix", "result": None},
        {
            "resultType": "matrix",
            "result": [None, 3, {"metric": None, "values": [[None, "1"], [1], 5, None]}],
        },
        {"resultType": "matrix", "result": [{"metric": {"a": 1}, "values": [[1e300, "1"], [-1, "1"]]}]},
    ],
)
def test_odd_content_costs_itself_only(odd: object) -> None:
    try:
        assert series(encoded(success(odd))) == []
    except BadAnswer:
        assert not isinstance(odd, dict)


def alert(state: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": "Made", **labels},
        "annotations": {"summary": "made"},
        "state": state,
        "activeAt": "2026-11-23T11:00:00.123456789Z",
        "value": "1e+00",
    }


def test_only_alerts_that_fire_are_alerts() -> None:
    found = firing_alerts(encoded(success({"alerts": [alert(), alert("pending"), None, {}]})))
    assert [one.name for one in found] == ["Made"]
    assert found[0].since is not None
    assert found[0].since.hour == 11


def test_of_an_alertmanager_the_active_ones_count() -> None:
    listed = [
        {"labels": {"alertname": "A"}, "startsAt": "2026-11-23T11:00:00Z", "status": {"state": "active"}},
        {"labels": {"alertname": "B"}, "status": {"state": "suppressed", "silencedBy": ["1"]}},
        {"labels": None, "status": None},
    ]
    assert [one.name for one in alertmanager_alerts(encoded(listed))] == ["A"]
    with pytest.raises(BadAnswer):
        alertmanager_alerts(b'{"status":"success"}')


def test_targets_that_are_down_come_with_the_reason() -> None:
    targets = [
        {
            "labels": {"job": "web"},
            "health": "down",
            "lastError": "connection refused",
            "scrapeUrl": "http://x/",
        },
        {"labels": {"job": "ok"}, "health": "up", "lastError": ""},
        {"labels": {"job": "new"}, "health": "unknown"},
    ]
    (one,) = targets_down(encoded(success({"activeTargets": targets})))
    assert (one.labels["job"], one.error) == ("web", "connection refused")


def test_times_are_utc_and_odd_ones_none() -> None:
    assert time_of("2026-11-23T12:00:00") == NOW
    assert time_of(" 2026-11-23T14:00:00+02:00 ") == NOW
    for odd in (None, "", "yesterday", 5, "0001-01-01T00:00:00+14:00"):
        assert time_of(odd) is None


@pytest.mark.parametrize("since", [30.0, 3600.0, 86400.0, 7 * 86400.0, 400 * 86400.0])
def test_a_line_has_no_more_points_than_a_drawing_shows(since: float) -> None:
    span = window(NOW, since, None)
    assert (span.end - span.start).total_seconds() / span.step <= MOST_POINTS
    assert span.step >= 30
    assert span.step % 15 == 0
    assert int(span.rate.removesuffix("s")) >= 2 * span.step


def test_the_window_lies_around_the_alert_and_never_past_now() -> None:
    long_ago = NOW - timedelta(days=2)
    span = window(NOW, 3600.0, long_ago)
    assert (span.start, span.end) == (long_ago - timedelta(hours=1), long_ago + timedelta(hours=1))
    just = window(NOW, 3600.0, NOW - timedelta(minutes=5))
    assert (just.start, just.end) == (NOW - timedelta(minutes=65), NOW)
    assert window(NOW, 3600.0, NOW + timedelta(hours=3)) == window(NOW, 3600.0, None)


def test_values_stay_in_their_quotes_and_patterns_match_only_themselves() -> None:
    assert quoted('a"} or vector(1) #\\\n') == '"a\\"} or vector(1) #\\\\\\n"'
    assert pattern("web.1+(x|y)") == r"web\.1\+\(x\|y\)"
    assert Scope("cluster").pods == ""


def line(
    value: Callable[[float], float], *, seconds: int = 3600, step: int = 30
) -> list[tuple[float, float]]:
    return [(float(at), value(at / seconds)) for at in range(0, seconds, step)]


def sawtooth(part: float) -> float:
    return (80 + 160 * part + 8 * math.sin(part * 90)) * MIB


@pytest.mark.parametrize("value", [lambda part: (100 + 150 * part) * MIB, sawtooth])
def test_a_steady_climb_to_the_limit_is_one(value: Callable[[float], float]) -> None:
    climb = before_kill(line(value), LIMIT, 3600.0, 30.0)
    assert climb is not None
    assert climb.shape == "climbed"
    assert climb.seconds == 3570


@pytest.mark.parametrize(
    ("value", "killed"),
    [
        (lambda _: 240 * MIB, 3600.0),  # near the limit all the time
        (lambda part: (60 if part < 0.9 else 250) * MIB, 3600.0),  # one jump, seen
        (lambda part: (100 + 150 * part) * MIB, 9000.0),  # killed long after the last value
        (lambda part: (250 - 50 * part) * MIB, 3600.0),  # falling
    ],
)
def test_other_ways_to_the_limit_are_not_named(value: Callable[[float], float], killed: float) -> None:
    assert before_kill(line(value), LIMIT, killed, 30.0) is None


def test_far_below_the_limit_just_before_the_kill_is_a_jump() -> None:
    jump = before_kill(line(lambda _: 60 * MIB), LIMIT, 3600.0, 30.0)
    assert jump is not None
    assert jump.shape == "jumped"
    coarse = before_kill(line(lambda _: 60 * MIB, seconds=36000, step=300), LIMIT, 36000.0, 300.0)
    assert coarse is None, "between two values of a coarse line anything may have happened"


def test_only_the_run_that_was_killed_counts() -> None:
    def two_runs(part: float) -> float:
        return (100 + 150 * part * 2) * MIB if part < 0.5 else (40 + (part - 0.5)) * MIB

    found = before_kill(line(two_runs), LIMIT, 3600.0, 30.0)
    assert found is not None
    assert found.shape == "jumped"
    assert before_kill(line(lambda part: (100 + 150 * part) * MIB)[:8], LIMIT, 240.0, 30.0) is None
    assert before_kill([], LIMIT, 240.0, 30.0) is None
    assert before_kill(line(lambda _: 60 * MIB), 0.0, 3600.0, 30.0) is None


def test_the_longest_stretch_above_a_level_ends_at_a_gap() -> None:
    points = line(lambda part: 0.5 if part > 0.5 else 0.1)
    assert longest_above(points, 0.25, 30.0) == (1830.0, 3570.0)
    gap = [point for point in points if not 2400 < point[0] < 2700]
    assert longest_above(gap, 0.25, 30.0) == (2700.0, 3570.0)
    assert longest_above(points, 0.9, 30.0) is None
