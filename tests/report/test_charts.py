"""Charts: what is drawn is what was measured, and the words say the same."""

from __future__ import annotations

import math

import pytest

from kuberunbooks.findings import Bar, Bars, Lines, Moment, Series, StepResult, Threshold, finding
from kuberunbooks.findings.model import Subject
from kuberunbooks.report import text_of
from kuberunbooks.report.charts import MOST_SERIES, amount, draw_bars, draw_lines, series_text, sparkline
from tests.report.samples import before, memory_over_time, usage_of_nodes

MiB = 1024 * 1024


def lines(*series: Series, **more: object) -> Lines:
    """A chart of bytes."""
    return Lines(caption="c", unit="bytes", series=list(series), **more)  # type: ignore[arg-type]


def test_a_bar_with_a_full_of_its_own_is_measured_against_that() -> None:
    one, two, _ = draw_bars(usage_of_nodes())
    assert (one.width, one.level) == (96.67, "critical")
    assert one.marks == [(0, 60.0), (1, 100.0)], "a mark beyond the end stands at the end"
    assert two.marks == [(0, 80.0)], "a bar may lack a mark"


def test_bars_without_a_full_share_the_largest_value_or_mark() -> None:
    chart = Bars(
        caption="c",
        marks=["limit"],
        bars=[Bar(label="a", value=2, text="2", marks=[8]), Bar(label="b", value=4, text="4")],
    )
    assert [bar.width for bar in draw_bars(chart)] == [25.0, 50.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 0.0])
def test_a_value_that_is_no_amount_draws_an_empty_bar(value: float) -> None:
    (bar,) = draw_bars(Bars(caption="c", bars=[Bar(label="a", value=value, text="?", full=0.0)]))
    assert bar.width == 0.0


def test_a_gap_breaks_the_line_and_is_not_bridged() -> None:
    drawn = draw_lines(memory_over_time())
    assert drawn is not None
    assert len(drawn.lines[0].paths) == 2
    assert len(drawn.lines[1].paths) == 1


def test_a_threshold_above_all_values_is_inside_the_picture() -> None:
    drawn = draw_lines(memory_over_time())
    assert drawn is not None
    assert 0 < drawn.levels[0].place < 30
    assert drawn.levels[0].label == "limit 256Mi"


def test_the_words_of_a_line_are_its_last_lowest_and_highest_value() -> None:
    one = Series(name="a", points=[(0, 10 * MiB), (60, None), (120, 30 * MiB), (180, 20 * MiB)])
    assert series_text(one, "bytes") == "20Mi at last, 10Mi to 30Mi"
    assert series_text(Series(name="b", points=[(0, 5.0)]), "count") == "5 at last"
    assert series_text(Series(name="c", points=[(0, None), (60, math.nan)]), "count") == "no values"


def test_a_moment_outside_the_picture_is_left_out() -> None:
    chart = memory_over_time()
    chart.moments = [Moment(label="long ago", at=before(600))]
    drawn = draw_lines(chart)
    assert drawn is not None
    assert drawn.moments == []


def test_nothing_to_draw_is_said_and_not_drawn() -> None:
    assert draw_lines(lines()) is None
    assert draw_lines(lines(Series(name="a", points=[(0, None), (1, math.inf)]))) is None


def test_one_value_alone_is_still_a_stroke() -> None:
    drawn = draw_lines(lines(Series(name="a", points=[(0, 1.0)])))
    assert drawn is not None
    assert len(drawn.lines[0].paths[0].split()) == 2


def test_more_lines_than_can_be_told_apart_are_counted() -> None:
    many = [Series(name=str(i), points=[(0, 1.0), (1, 2.0)]) for i in range(MOST_SERIES + 3)]
    drawn = draw_lines(lines(*many))
    assert drawn is not None
    assert (len(drawn.lines), drawn.left_out) == (MOST_SERIES, 3)


def test_values_that_are_all_zero_lie_on_the_ground() -> None:
    drawn = draw_lines(lines(Series(name="a", points=[(0, 0.0), (60, 0.0)])))
    assert drawn is not None
    assert drawn.lines[0].paths == ["0.0,150.0 1000.0,150.0"]


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("cores", 0.25, "250m"),
        ("cores", 12.34, "12.3 cores"),
        ("bytes", 64 * MiB, "64Mi"),
        ("percent", 93.4, "93 %"),
        ("per second", 0.5, "0.5/s"),
        ("seconds", 30, "30 s"),
        ("count", 3, "3"),
        ("count", math.nan, "unknown"),
    ],
)
def test_amounts_are_written_as_their_unit_is(unit: str, value: float, text: str) -> None:
    assert amount(unit, value) == text  # type: ignore[arg-type]


def test_a_terminal_shows_bars_and_sparklines() -> None:
    step = StepResult(
        id="RM-05",
        name="s",
        title="t",
        status="warning",
        verdict="v",
        exhibits=[usage_of_nodes(), memory_over_time()],
        findings=[finding("NodeNotReady", Subject(kind="Node", namespace="", name="worker-1"))],
    )
    text = text_of(step)
    assert "worker-1                               ███████████████████░ 14.5 of 15 GiB, 97 %" in text
    assert "app: " in text
    assert "at last" in text
    assert sparkline(Series(name="a", points=[(0, 0.0), (1, None), (2, 7.0)])) == "▁ █"


def test_a_threshold_is_named_in_the_words_beneath() -> None:
    chart = lines(
        Series(name="a", points=[(0, 1.0), (1, 2.0)]), thresholds=[Threshold(label="limit", value=4.0)]
    )
    drawn = draw_lines(chart)
    assert drawn is not None
    assert [level.label for level in drawn.levels] == ["limit 4"]
