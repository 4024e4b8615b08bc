"""Geometry of the charts: bars with marks, and lines over time, ready for their templates.

Called from the templates as filters, and by the terminal for its text. Horizontal places
are percent, so that a chart is as wide as the page; the words beside it say in numbers
what it shows, for those who cannot see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from kuberunbooks.findings import Bar, Bars, Lines, Series, Unit
from kuberunbooks.objects import quantity_text

MOST_SERIES = 6
"""Lines that can still be told apart by dash and colour; more are named as left out."""

HEIGHT = 150
"""Pixels a chart of lines is high, without its axis."""

_WIDTH = 1000
_TICKS = 4
_BLOCKS = "▁▂▃▄▅▆▇█"
_SPARKS = 40
_ROOM = 1.08
_EDGE = 12.0
_AXIS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


class DrawnBar(NamedTuple):
    """One bar: its width and its marks in percent; a mark is its place among the chart's marks and where."""

    label: str
    text: str
    level: str
    width: float
    marks: list[tuple[int, float]]


class Line(NamedTuple):
    """One line: `paths` are its unbroken pieces as SVG points; `text` says it in numbers."""

    name: str
    style: int
    paths: list[str]
    text: str


class Rule(NamedTuple):
    """A straight line across the chart with its label: `place` in percent (time) or pixels (level)."""

    place: float
    label: str
    anchor: str


class DrawnLines(NamedTuple):
    """A chart of lines: levels and lines in pixels of HEIGHT, times in percent."""

    lines: list[Line]
    levels: list[Rule]
    scale: list[Rule]
    moments: list[Rule]
    ticks: list[Rule]
    left_out: int


def draw_bars(chart: Bars) -> list[DrawnBar]:
    """The bars; those without a `full` of their own share the largest value or mark as their scale."""
    shared = max((value for bar in chart.bars if not bar.full for value in _values(bar)), default=0.0)
    drawn = []
    for bar in chart.bars:
        scale = bar.full or shared
        marks = [
            (index, _percent(value, scale)) for index, value in enumerate(bar.marks) if value is not None
        ]
        drawn.append(DrawnBar(bar.label, bar.text, bar.level, _percent(bar.value, scale), marks))
    return drawn


def draw_lines(chart: Lines) -> DrawnLines | None:
    """The lines; None when there is not one value to draw."""
    shown = chart.series[:MOST_SERIES]
    values = [value for one in shown for value in _numbers(one)]
    times = [at for one in shown for at, value in one.points if value is not None]
    if not values:
        return None
    start, end = min(times), max(max(times), min(times) + 1.0)
    top = max([*values, *(one.value for one in chart.thresholds)]) * _ROOM or 1.0
    lines = [
        Line(one.name, index, _paths(one, start, end, top), series_text(one, chart.unit))
        for index, one in enumerate(shown)
    ]
    levels = [
        Rule(_height(one.value, top), f"{one.label} {amount(chart.unit, one.value)}", "end")
        for one in chart.thresholds
    ]
    highest = top / _ROOM
    scale = [
        Rule(_height(value, top), amount(chart.unit, value), "start") for value in (highest / 2, highest)
    ]
    return DrawnLines(
        lines,
        levels,
        scale,
        [
            _labelled(one.label, one.at.timestamp(), start, end)
            for one in chart.moments
            if start <= one.at.timestamp() <= end
        ],
        _ticks(start, end),
        len(chart.series) - len(shown),
    )


def series_text(one: Series, unit: Unit) -> str:
    """A line in words: `250m at last, 120m to 310m`."""
    values = list(_numbers(one))
    if not values:
        return "no values"
    low, high = amount(unit, min(values)), amount(unit, max(values))
    last = amount(unit, values[-1])
    return f"{last} at last" if low == high else f"{last} at last, {low} to {high}"


def sparkline(one: Series) -> str:
    """A line as block characters, for a terminal; a blank where values are missing."""
    points = one.points[:: max(1, math.ceil(len(one.points) / _SPARKS))]
    top = max(_numbers(one), default=0.0)
    return "".join(
        " " if value is None or not math.isfinite(value)
        else _BLOCKS[min(7, max(0, int(value / top * 7)))] if top > 0 else _BLOCKS[0]
        for _, value in points
    )  # fmt: skip


def amount(unit: Unit, value: float) -> str:
    """A value of a unit, for people."""
    if not math.isfinite(value):
        return "unknown"
    if unit == "cores":
        return f"{value:.1f} cores" if value >= 10 else quantity_text("cpu", Decimal(round(value, 3)))
    if unit == "bytes":
        return quantity_text("memory", Decimal(round(value)))
    number = f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2g}"
    return {"percent": f"{number} %", "per second": f"{number}/s", "seconds": f"{number} s"}.get(unit, number)


def _values(bar: Bar) -> Iterable[float]:
    yield bar.value
    yield from (one for one in bar.marks if one is not None)


def _numbers(one: Series) -> Iterable[float]:
    return (value for _, value in one.points if value is not None and math.isfinite(value))


def _percent(value: float, scale: float) -> float:
    if scale <= 0 or not math.isfinite(value):
        return 0.0
    return round(min(100.0, max(0.0, value / scale * 100)), 2)


def _height(value: float, top: float) -> float:
    return round(HEIGHT * (1 - min(1.0, max(0.0, value / top))), 1)


def _paths(one: Series, start: float, end: float, top: float) -> list[str]:
    """The unbroken pieces; a single value between two gaps is drawn as a short stroke."""
    pieces: list[list[str]] = [[]]
    for at, value in one.points:
        if value is None or not math.isfinite(value):
            if pieces[-1]:
                pieces.append([])
            continue
        pieces[-1].append(f"{(at - start) / (end - start) * _WIDTH:.1f},{_height(value, top)}")
    alone = [piece * 2 if len(piece) == 1 else piece for piece in pieces if piece]
    return [" ".join(piece) for piece in alone]


def _ticks(start: float, end: float) -> list[Rule]:
    step = next((one for one in _AXIS if (end - start) / one <= _TICKS), math.ceil((end - start) / _TICKS))
    first = math.ceil(start / step) * step
    pattern = "%d %b" if step >= _AXIS[-1] else "%H:%M"
    times: Sequence[float] = [first + index * step for index in range(_TICKS + 1)]
    return [
        _labelled(datetime.fromtimestamp(at, UTC).strftime(pattern), at, start, end)
        for at in times
        if at <= end
    ]


def _labelled(label: str, at: float, start: float, end: float) -> Rule:
    place = round((at - start) / (end - start) * 100, 2)
    anchor = "start" if place < _EDGE else "end" if place > 100 - _EDGE else "middle"
    return Rule(place, label, anchor)
