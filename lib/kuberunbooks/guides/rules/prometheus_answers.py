"""What a Prometheus answers over its HTTP API: series, values, firing alerts, scraped targets.

The forms are those of https://prometheus.io/docs/prometheus/latest/querying/api/ (Thanos and
VictoriaMetrics answer the same), and of Alertmanager's API v2. Pure functions on bytes; what
is odd in them is left out, what is no answer raises BadAnswer. Called by the steps of
monitoring-tools.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from kuberunbooks.errors import BadAnswer
from kuberunbooks.objects import NOT_JSON, Time

_LATEST = 4102444800.0  # the year 2100: later ones are no times
_LONGEST = 500
"""Characters of a server's own words that are kept."""


class Series(NamedTuple):
    """A series: its labels, and (seconds since 1970, value) in order of time. Finite values only."""

    labels: dict[str, str]
    points: list[tuple[float, float]]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[-1][1]


class Alert(NamedTuple):
    """An alert that fires; `since` as the server dates it."""

    labels: dict[str, str]
    annotations: dict[str, str]
    since: Time

    @property
    def name(self) -> str:
        """Label alertname."""
        return self.labels.get("alertname", "")


class ScrapeTarget(NamedTuple):
    """Something a Prometheus cannot scrape: its labels, where it asks, and why that fails."""

    labels: dict[str, str]
    url: str
    error: str


class _Answer(msgspec.Struct):
    status: str = ""
    data: Any = None
    error: str = ""


_DECODER = msgspec.json.Decoder(_Answer)


def series(body: bytes) -> list[Series]:
    """The series of a range query; those without a finite value are left out. Raises BadAnswer."""
    found = []
    for labels, one in _results(body, "matrix"):
        points = sorted(point for value in _list(one.get("values")) if (point := _point(value)) is not None)
        if points:
            found.append(Series(labels, points))
    return found


def values(body: bytes) -> list[Series]:
    """The values of an instant query, each a series of one point. Raises BadAnswer."""
    found = []
    for labels, one in _results(body, "vector"):
        point = _point(one.get("value"))
        if point is not None:
            found.append(Series(labels, [point]))
    return found


def firing_alerts(body: bytes) -> list[Alert]:
    """The alerts of /api/v1/alerts that fire (not those that are only pending). Raises BadAnswer."""
    alerts = _mapping(_data(body)).get("alerts")
    return [
        Alert(_texts(one.get("labels")), _texts(one.get("annotations")), time_of(one.get("activeAt")))
        for one in map(_mapping, _list(alerts))
        if one.get("state") == "firing"
    ]


def alertmanager_alerts(body: bytes) -> list[Alert]:
    """The alerts of Alertmanager's /api/v2/alerts that somebody is told of. Raises BadAnswer."""
    try:
        listed = msgspec.json.decode(body, type=list[Any])
    except NOT_JSON as error:
        raise BadAnswer("The answer is no list of alerts of an Alertmanager.") from error
    return [
        Alert(_texts(one.get("labels")), _texts(one.get("annotations")), time_of(one.get("startsAt")))
        for one in map(_mapping, listed)
        if _mapping(one.get("status")).get("state") == "active"
    ]


def targets_down(body: bytes) -> list[ScrapeTarget]:
    """The targets of /api/v1/targets that cannot be scraped. Raises BadAnswer."""
    listed = _mapping(_data(body)).get("activeTargets")
    return [
        ScrapeTarget(_texts(one.get("labels")), _text(one.get("scrapeUrl")), _text(one.get("lastError")))
        for one in map(_mapping, _list(listed))
        if one.get("health") == "down"
    ]


def time_of(value: Any) -> datetime | None:
    """A time in ISO 8601, UTC where it names no zone; None for anything else."""
    try:
        at = datetime.fromisoformat(value.strip())
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (AttributeError, ValueError, OverflowError):
        return None


def _results(body: bytes, form: str) -> list[tuple[dict[str, str], dict[str, Any]]]:
    data = _mapping(_data(body))
    if data.get("resultType") != form:
        raise BadAnswer(f"The answer is no {form} of a Prometheus.")
    return [(_texts(one.get("metric")), one) for one in map(_mapping, _list(data.get("result")))]


def _data(body: bytes) -> Any:
    try:
        answer = _DECODER.decode(body)
    except NOT_JSON as error:
        raise BadAnswer("The answer is not that of a Prometheus.") from error
    if answer.status != "success":
        said = answer.error[:_LONGEST].rstrip(".")
        raise BadAnswer(f"Prometheus could not answer: {said}." if said else "Prometheus could not answer.")
    return answer.data


def _point(value: Any) -> tuple[float, float] | None:
    """`[1700000000.5, "0.25"]`; None for NaN and infinities, of which no line can be drawn."""
    try:
        at, number = float(value[0]), float(value[1])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None
    return (at, number) if 0 <= at < _LATEST and math.isfinite(number) else None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> dict[str, str]:
    return {name: one for name, one in _mapping(value).items() if isinstance(one, str)}


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""
