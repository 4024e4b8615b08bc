"""What an API server counts of its own auditing, out of its /metrics.

`apiserver_audit_event_total` counts events as they are made, whatever a backend then does
with them; `apiserver_audit_level_total` one request each, also those at level None, and only
where there are a policy and a backend; `apiserver_audit_error_total` events a backend or its
buffer lost (k8s.io/apiserver/pkg/audit/metrics.go). Called by the audit guide.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from .prometheus_text import samples

_EVENTS = "apiserver_audit_event_total"
_ERRORS = "apiserver_audit_error_total"
_LEVELS = "apiserver_audit_level_total"
_REJECTED = "apiserver_audit_requests_rejected_total"
_START = "process_start_time_seconds"


class Counters(NamedTuple):
    """One reading of one API server. `errors` by plugin, `levels` by level, all since `started`."""

    events: float
    errors: dict[str, float]
    levels: dict[str, float]
    rejected: float
    started: datetime | None

    @property
    def asked_for(self) -> float:
        """Requests the policy wants events of: all levels but None."""
        return sum(count for level, count in self.levels.items() if level != "None")

    def uptime(self, now: datetime) -> float | None:
        """Seconds since the API server started; None when it does not say."""
        return max(0.0, (now - self.started).total_seconds()) if self.started else None

    def rate(self, now: datetime) -> float | None:
        """Events a second, on average since the start; None when that is not known."""
        uptime = self.uptime(now)
        return self.events / uptime if uptime else None

    def since(self, before: Counters) -> Counters | None:
        """What was added since an earlier reading; None when another API server answered."""
        if self.started != before.started or self.events < before.events:
            return None
        return Counters(
            self.events - before.events,
            {name: value - before.errors.get(name, 0.0) for name, value in self.errors.items()},
            {name: value - before.levels.get(name, 0.0) for name, value in self.levels.items()},
            self.rejected - before.rejected,
            self.started,
        )


def read_counters(text: bytes) -> Counters | None:
    """The counters in an answer of /metrics; None when it is not that of an API server."""
    events: float | None = None
    errors: dict[str, float] = {}
    levels: dict[str, float] = {}
    rejected = 0.0
    started: datetime | None = None
    for one in samples(text, (_EVENTS, _ERRORS, _LEVELS, _REJECTED, _START)):
        if one.name == _EVENTS:
            events = one.value
        elif one.name == _ERRORS:
            errors[one.labels.get("plugin", "")] = one.value
        elif one.name == _LEVELS:
            levels[one.labels.get("level", "")] = one.value
        elif one.name == _REJECTED:
            rejected = one.value
        elif one.name == _START and 0 < one.value < 1e11:
            started = datetime.fromtimestamp(one.value, UTC)
    if events is None:
        return None
    return Counters(events, errors, levels, rejected, started)
