"""The geometry of the timeline: which marks go where in the SVG that the page draws.

Horizontal places are percentages and vertical ones pixels, so the drawing needs
no script and its text keeps its size from a phone to a wide screen. Bounded: what
does not fit is counted and stands in the table beneath. Used by page.py only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from kuberunbooks.findings import SEVERITIES, Mark, Severity, Words

from .words import clean

MOST_LANES = 12
MOST_TABLE_ROWS = 200
REACH_SECONDS = 6 * 3600.0
"""How far back the drawing reaches, unless the headline began earlier: older ones would press it together."""
BUCKET = 1.2
"""Marks of a kind closer than this, in percent of the width, are drawn as one."""
MOST_TICKS = 5

TOP, LANE, BOTTOM = 44, 40, 26
"""Pixels: room for the labels of alert and run, one lane, the axis."""

_EDGE = 3.0
_STEPS = (1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_DAY = 86400
SHAPES = ("event", "restart", "condition", "change", "deletion")


class Dot(NamedTuple):
    """A mark: `x` in percent; `shape` one of SHAPES; `title` all it stands for."""

    x: float
    shape: str
    severity: Severity
    title: str


class Span(NamedTuple):
    """A mark with a duration: from `x`, `width` wide, in percent."""

    x: float
    width: float
    severity: Severity


class Lane(NamedTuple):
    """One pod or object; `y` is where its line lies, in pixels."""

    name: str
    y: int
    dots: list[Dot]
    spans: list[Span]


class Rule(NamedTuple):
    """A vertical line: the alert, the run. `anchor` is the SVG text-anchor of its label."""

    x: float
    y: int
    kind: str
    label: str
    anchor: str


class Tick(NamedTuple):
    """A time on the axis, in UTC."""

    x: float
    label: str


class Drawing(NamedTuple):
    """The timeline, ready to be written: `height` in pixels, the rest as the template needs it."""

    height: int
    lanes: list[Lane]
    rules: list[Rule]
    ticks: list[Tick]
    kinds: list[str]
    description: str
    outside: int
    lanes_left: int


def draw(
    marks: Sequence[Mark],
    *,
    now: datetime | None,
    alert: datetime | None,
    since: datetime | None,
    recorded: bool,
    words: Words,
) -> Drawing | None:
    """The drawing of these marks; None when there is nothing to draw."""
    events = [mark for mark in marks if mark.kind not in ("alert", "run")]
    if not events:
        return None
    alert = alert or next((mark.at for mark in marks if mark.kind == "alert"), None)
    start, end = _window(events, now, alert, since)
    inside = [mark for mark in events if start <= mark.at.timestamp() <= end]
    by_name: dict[str, list[Mark]] = {}
    for mark in inside:
        by_name.setdefault(mark.lane, []).append(mark)
    lanes = _lanes(by_name, start, end, words)
    seen = {mark.kind if mark.kind in SHAPES else "event" for mark in inside}
    return Drawing(
        height=TOP + LANE * len(lanes) + BOTTOM,
        lanes=lanes,
        rules=_rules(start, end, now, alert, recorded, words),
        ticks=_ticks(start, end),
        kinds=[shape for shape in SHAPES if shape in seen],
        description=words(
            "timeline_desc",
            marks=words.count("mark", len(inside)),
            lanes=words.count("lane", len(by_name)),
            start=_clock(start, end - start),
            end=_clock(end, end - start),
        ),
        outside=len(events) - len(inside),
        lanes_left=len(by_name) - len(lanes),
    )


def alert_time(text: object) -> datetime | None:
    """The parameter `alert_time` (ISO 8601, UTC where it names no zone); None when it is no time."""
    if not isinstance(text, str) or not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def kind_word(kind: str, words: Words) -> str:
    """The kind of a mark as the reader sees it; a kind this version does not know stays as it is."""
    return words(f"kind_{kind}") if words.has(f"kind_{kind}") else clean(kind)


def _window(
    events: list[Mark], now: datetime | None, alert: datetime | None, since: datetime | None
) -> tuple[float, float]:
    times = [mark.at.timestamp() for mark in events]
    end = max([now.timestamp()] if now else times)
    reach = end - REACH_SECONDS
    for other in (since, alert):
        if other is not None and other.timestamp() <= end:
            reach = min(reach, other.timestamp() - 60)
    near = [at for at in times if reach <= at <= end] or [at for at in times if at <= end] or times
    start, end = min(near), max(end, *near)
    if alert is not None and alert.timestamp() <= end:
        start = min(start, alert.timestamp())
    return (start, end) if end - start >= 1 else (start - 30, end + 30)


def _place(at: float, start: float, end: float) -> float:
    """Percent of the width, with a margin at both edges."""
    return round(_EDGE + (at - start) / (end - start) * (100 - 2 * _EDGE), 2)


def _lanes(by_name: dict[str, list[Mark]], start: float, end: float, words: Words) -> list[Lane]:
    """The worst lanes, in the order in which something first happened to them."""

    def badness(name: str) -> tuple[int, datetime]:
        return min(SEVERITIES.index(mark.severity) for mark in by_name[name]), by_name[name][0].at

    worst = sorted(by_name, key=badness)[:MOST_LANES]
    return [
        Lane(
            name,
            TOP + LANE * index + 26,
            _dots(by_name[name], start, end, words),
            _spans(by_name[name], start, end),
        )
        for index, name in enumerate(sorted(worst, key=lambda name: by_name[name][0].at))
    ]


def _dots(marks: list[Mark], start: float, end: float, words: Words) -> list[Dot]:
    buckets: dict[tuple[int, str], list[Mark]] = {}
    for mark in marks:
        shape = mark.kind if mark.kind in SHAPES else "event"
        at = _place(mark.at.timestamp(), start, end)
        buckets.setdefault((int(at / BUCKET), shape), []).append(mark)
    dots = []
    for (_, shape), alike in buckets.items():
        worst = min(alike, key=lambda mark: SEVERITIES.index(mark.severity))
        at = _place(alike[0].at.timestamp(), start, end)
        dots.append(Dot(at, shape, worst.severity, _title(alike, words)))
    # The worst is drawn last, so that nothing harmless covers it.
    return sorted(_apart(dots), key=lambda dot: -SEVERITIES.index(dot.severity))


def _apart(dots: list[Dot]) -> list[Dot]:
    """Marks of different kinds at one moment, moved beside each other."""
    placed: list[Dot] = []
    for dot in sorted(dots, key=lambda dot: dot.x):
        least = placed[-1].x + BUCKET if placed else 0.0
        placed.append(dot._replace(x=round(min(max(dot.x, least), 100.0), 2)))
    return placed


def _title(alike: list[Mark], words: Words) -> str:
    first = alike[0]
    kind = kind_word(first.kind, words)
    text = f"{first.at.astimezone(UTC):%H:%M:%S} {kind}: {first.text[:200]}"
    times = sum(max(1, mark.count) for mark in alike)
    return f"{text} (×{times:,})" if times > 1 else text


def _spans(marks: list[Mark], start: float, end: float) -> list[Span]:
    spans = []
    for mark in marks:
        if mark.until is not None and mark.until > mark.at:
            left = _place(mark.at.timestamp(), start, end)
            right = _place(min(mark.until.timestamp(), end), start, end)
            spans.append(Span(left, round(right - left, 2), mark.severity))
    return spans[:50]


def _rules(
    start: float, end: float, now: datetime | None, alert: datetime | None, recorded: bool, words: Words
) -> list[Rule]:
    rules = []
    run = "timeline_recorded" if recorded else "timeline_run"
    for row, (kind, at, key) in enumerate((("run", now, run), ("alert", alert, "timeline_alert"))):
        if at is None or not start <= at.timestamp() <= end:
            continue
        x = _place(at.timestamp(), start, end)
        label = f"{words(key)} {at.astimezone(UTC):%H:%M:%S}"
        rules.append(Rule(x, 14 + 16 * row, kind, label, "end" if x > 50 else "start"))
    return rules


def _ticks(start: float, end: float) -> list[Tick]:
    span = end - start
    step = next((one for one in _STEPS if span / one <= MOST_TICKS), 0)
    step = step or _DAY * (int(span / _DAY / MOST_TICKS) + 1)
    ticks: list[Tick] = []
    at = (start // step + 1) * step
    while at < end and len(ticks) < 2 * MOST_TICKS:
        x = _place(at, start, end)
        if 6 <= x <= 94:
            ticks.append(Tick(x, _clock(at, step * MOST_TICKS)))
        at += step
    return ticks


def _clock(at: float, span: float) -> str:
    try:
        time = datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return ""
    if span > 2 * _DAY:
        return f"{time:%d %b}"
    return f"{time:%H:%M}" if span > MOST_TICKS * 59 else f"{time:%H:%M:%S}"
