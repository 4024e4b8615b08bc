"""What a run could and could not see: refusals, gaps, truncation, how far back events reach."""

from __future__ import annotations

import msgspec

from kuberunbooks.objects import Time


class Data(msgspec.Struct, kw_only=True):
    """Base of everything that goes into report.json."""


class Refusal(Data, kw_only=True):
    """Something the server refused, or a case does not hold, and is therefore not checked.

    `what` is verb and resource (`list nodes`), `why` one clause, `status` the
    HTTP status or 0, `command` what shows or mends it.
    """

    what: str
    why: str
    path: str = ""
    status: int = 0
    command: str = ""


class EventWindow(Data, kw_only=True):
    """How far back the events that were read reach: seconds and oldest time, None when none were read."""

    seconds: float | None = None
    oldest: Time = None


class Coverage(Data, kw_only=True):
    """What could not be seen. Empty lists: nothing is missing."""

    refused: list[Refusal] = []
    missing: list[Refusal] = []
    truncated: list[str] = []
    event_window: EventWindow = msgspec.field(default_factory=EventWindow)
    requests: int = 0
    redactions: dict[str, int] = {}

    def refuse(self, refusal: Refusal) -> None:
        """Notes a refusal once. An earlier one without a path was about every object of that kind."""
        for known in self.refused:
            if known.path and known.path == refusal.path:
                return
            if known.what == refusal.what and known.path in ("", refusal.path):
                return
        self.refused.append(refusal)

    def miss(self, refusal: Refusal) -> None:
        """Notes a gap once."""
        if all(known.path != refusal.path for known in self.missing):
            self.missing.append(refusal)

    def truncate(self, what: str) -> None:
        """Notes that only part of something was read, once."""
        if what not in self.truncated:
            self.truncated.append(what)


class Origin(Data, kw_only=True):
    """Where a run reads: `kind` is `live` or `case`; the rest as far as it applies.

    The certificate is the client's own, by which it says who asks.
    """

    kind: str = ""
    server: str = ""
    context: str = ""
    user: str = ""
    groups: list[str] = []
    case: str = ""
    server_version: str = ""
    certificate_begins: Time = None
    certificate_ends: Time = None
    recorded_at: Time = None
