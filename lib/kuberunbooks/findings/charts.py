"""Numbers a step leaves behind to be drawn: bars side by side, and values over time.

Guides make them, the report draws them as inline SVG (report/charts.py) and writes them
as text in a terminal. They are data, so that report.json holds the numbers themselves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from kuberunbooks.cluster import Data

Level = Literal["critical", "warning", "info"]
Unit = Literal["cores", "bytes", "percent", "per second", "seconds", "count"]


class Bar(Data, kw_only=True):
    """One bar: `value` of `full` (0: of the largest of all bars), and where its marks stand on it.

    `text` is what a person reads beside it (`1.6 of 2 cores, 80 %`). `marks` belong to those
    of the chart, in order; None where this one has no such mark.
    """

    label: str
    value: float
    text: str
    full: float = 0.0
    marks: list[float | None] = []
    level: Level = "info"


class Bars(Data, kw_only=True, tag_field="type", tag="bars"):
    """Amounts side by side; `marks` names the marks every bar may carry (`request`, `limit`)."""

    caption: str
    bars: list[Bar]
    marks: list[str] = []
    omitted: int = 0


class Series(Data, kw_only=True):
    """One line: (seconds since 1970 UTC, value), in order of time; a value of None breaks the line."""

    name: str
    points: list[tuple[float, float | None]]


class Threshold(Data, kw_only=True):
    """A level worth comparing with: a limit, a request."""

    label: str
    value: float


class Moment(Data, kw_only=True):
    """A time worth comparing with: the alert, when the headline began."""

    label: str
    at: datetime


class Lines(Data, kw_only=True, tag_field="type", tag="lines"):
    """Values over time. `unit` says what they are: bytes, cores (1.0 is one core), percent (0 to 100), …"""

    caption: str
    unit: Unit
    series: list[Series]
    thresholds: list[Threshold] = []
    moments: list[Moment] = []
