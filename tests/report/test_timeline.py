"""Where marks go on the timeline, and what is said of those that do not fit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kuberunbooks.findings import Mark, Words
from kuberunbooks.report.timeline import MOST_LANES, Drawing, alert_time, draw

from .samples import NOW, before, marks

WORDS = Words()


def drawn(found: list[Mark], **options: Any) -> Drawing:
    settings = {"now": NOW, "alert": None, "since": None, "recorded": False, "words": WORDS, **options}
    made = draw(sorted(found, key=lambda mark: mark.at), **settings)
    assert made is not None
    return made


def event(minutes: float, lane: str = "pod/a", **options: Any) -> Mark:
    return Mark(lane=lane, at=before(minutes), kind=options.pop("kind", "event"), text="x", **options)


def test_lanes_stand_in_the_order_in_which_something_happened() -> None:
    assert [lane.name for lane in drawn(marks()).lanes][:2] == ["deployment/web", "pod/web-5c9d8b7f6-old1"]


def test_later_is_further_right() -> None:
    lane = drawn([event(at) for at in (50, 30, 10)]).lanes[0]
    places = sorted(dot.x for dot in lane.dots)
    assert len(places) == 3
    assert 0 < places[0] < places[1] < places[2] < 100


def test_an_old_mark_does_not_press_the_incident_together() -> None:
    made = drawn([event(60 * 24 * 30), event(20), event(10)])
    assert made.outside == 1
    assert max(dot.x for dot in made.lanes[0].dots) - min(dot.x for dot in made.lanes[0].dots) > 30


def test_the_drawing_reaches_back_to_the_beginning_of_the_headline() -> None:
    made = drawn([event(60 * 20), event(10)], since=before(60 * 20))
    assert made.outside == 0


def test_alert_and_run_are_lines() -> None:
    made = drawn(marks(), alert=before(16.66))
    assert [rule.kind for rule in made.rules] == ["run", "alert"]
    assert made.rules[1].x < made.rules[0].x


def test_many_marks_at_once_become_one_that_counts_them() -> None:
    dots = drawn([event(10, count=3), event(10, count=4), event(50)]).lanes[0].dots
    assert len(dots) == 2
    assert any("(×7)" in dot.title for dot in dots)


def test_the_worst_lanes_are_drawn_and_the_rest_counted() -> None:
    calm = [event(30 + at, lane=f"pod/calm-{at}") for at in range(30)]
    made = drawn([*calm, event(5, lane="pod/sick", severity="critical", kind="restart")])
    assert len(made.lanes) == MOST_LANES
    assert "pod/sick" in [lane.name for lane in made.lanes]
    assert made.lanes_left == 31 - MOST_LANES


def test_no_mark_no_drawing() -> None:
    assert draw([], now=NOW, alert=None, since=None, recorded=False, words=WORDS) is None


def test_ticks_are_few_and_in_order() -> None:
    for minutes in (0.2, 1, 7, 45, 200, 60 * 30, 60 * 24 * 40):
        ticks = drawn([event(minutes), event(0)], since=before(minutes)).ticks
        assert 1 <= len(ticks) <= 6, minutes
        assert [tick.x for tick in ticks] == sorted(tick.x for tick in ticks)


@given(
    st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=20),
    st.integers(-(10**6), 10**6),
)
def test_any_times_can_be_drawn(times: list[datetime], offset: int) -> None:
    found = [Mark(lane="a", at=at, kind="event", text="x") for at in times]
    made = drawn(found, now=NOW + timedelta(seconds=offset))
    for lane in made.lanes:
        assert all(0 <= dot.x <= 100 for dot in lane.dots)


def test_the_alert_time_is_iso_and_utc_unless_it_says_otherwise() -> None:
    assert alert_time("2026-11-23T14:06:00Z") == alert_time("2026-11-23T15:06:00+01:00")
    assert alert_time("2026-11-23T14:06:00") == alert_time("2026-11-23T14:06:00Z")
    for nonsense in ("", "soon", None, 5):
        assert alert_time(nonsense) is None
