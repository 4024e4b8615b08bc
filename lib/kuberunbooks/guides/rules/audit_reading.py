"""What is left of an audit log when it has been read: plain data, small enough for a recorded case.

Made by audit_reader; the audit guide turns it into findings, tables and marks.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from .audit_activity import Activity, Counted
from .audit_event import Deed
from .audit_lines import LinesRead
from .audit_refused import Refusals
from .audit_rights import RightsActivity
from .audit_trail import Trail


class FileRead(msgspec.Struct):
    """A file of the log: what its lines were, how large it is unpacked, and what kept it from being read."""

    name: str
    lines: LinesRead = msgspec.field(default_factory=LinesRead)
    size: int = 0
    why_not: str = ""


class Failing(msgspec.Struct):
    """Requests that the API server itself failed (500 and above); not health checks, nor what it hands on."""

    failed: int
    requests: int
    whats: list[Counted]
    deeds: list[Deed]


class Deprecated(msgspec.Struct):
    """Use of an API that is going away; `removed` is the release that lacks it, empty: not said."""

    who: str
    resource: str
    version: str
    removed: str
    count: int


class Reading(msgspec.Struct, kw_only=True):
    """What an audit log tells.

    `requests` counts requests, not events; `unanswered` those whose answer is not in the log.
    `window` (start, end) is what of the log was looked at, None: all of it. `rights_of_setup`
    counts changes of rights by which a cluster was set up. Of each kind the users with most
    are here, and of each of them the first and last of what was done.
    """

    files: list[FileRead]
    first: datetime | None
    last: datetime | None
    requests: int
    unanswered: int
    window: tuple[datetime, datetime] | None
    users: list[Counted]
    verbs: list[Counted]
    resources: list[Counted]
    codes: list[Counted]
    readers: list[Counted]
    refused: list[Refusals]
    strangers: list[Activity]
    anonymous: list[Activity]
    entered: list[Activity]
    secrets: list[Activity]
    rights: list[RightsActivity]
    rights_of_setup: int
    deleted: list[Activity]
    namespaces_deleted: list[Deed]
    carried_out: list[Activity]
    failing: Failing
    panics: list[Deed]
    panic_count: int
    slow: list[Deed]
    slow_count: int
    deprecated: list[Deprecated]
    trail: Trail | None
