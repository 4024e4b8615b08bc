"""What the logs of traffic agents and of the traffic manager say about intercepts.

An agent logs when it takes an intercept, at its default level; that it ended only stands
there at level debug, and in the manager's log at level debug. So a log proves that there
was an intercept, and only sometimes whether it still holds. Called by the telepresence guide.

cmd/traffic/cmd/agent/fwdstate.go, pkg/forwarder, cmd/traffic/cmd/manager/state/state.go
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Log

_TAKEN = re.compile(r'Setting intercept \\?"(?P<id>[^"\\]{1,300})\\?" as ACTIVE')
_CHANGED = re.compile(
    r"Forward target changed from (?P<old>intercept '(?P<from>[^']{1,253})'|\S+)[^\n]*? to "
    r"(?P<new>intercept \\?\"?'(?P<to>[^']{1,253})'|\S+)"
)
_SESSION_ENDED = re.compile(
    r"[Ss]ession (?P<session>[0-9a-f-]{36}) removed\. (?:Explicit removal|It has expired)"
)
_BAD_CERTIFICATE = re.compile(r"TLS handshake error from .*remote error: tls: (?:bad|unknown) certificate")


class Seen(NamedTuple):
    """An intercept an agent took. `id` is `SESSION:NAME`; `holds` None: the log does not say if it ended."""

    id: str
    at: datetime | None
    line: int
    text: str
    holds: bool | None = None

    @property
    def session(self) -> str:
        """The client session it belongs to."""
        return self.id.partition(":")[0]

    @property
    def name(self) -> str:
        """The intercept's name."""
        return self.id.partition(":")[2] or self.id


def intercepts_seen(log: Log) -> list[Seen]:
    """The intercepts in an agent's log, the newest last; of each name only the newest is kept."""
    found: dict[str, Seen] = {}
    for number, line in enumerate(log.lines, 1):
        if "ntercept" not in line.text:
            continue
        if taken := _TAKEN.search(line.text):
            one = Seen(taken["id"], line.at, number, line.text)
            found.pop(one.name, None)
            found[one.name] = one
        elif changed := _CHANGED.search(line.text):
            old, new = changed["from"], changed["to"]
            if old in found and old != new:
                found[old] = found[old]._replace(holds=False)
            if new in found:
                found[new] = found[new]._replace(holds=True)
    return list(found.values())


def without_ended(seen: Iterable[Seen], manager: Log) -> list[Seen]:
    """Those that are not known to have ended, by the agent's own log or by the end of their session."""
    ended = {
        match["session"]: line.at
        for line in manager.lines
        if "ession" in line.text and (match := _SESSION_ENDED.search(line.text))
    }
    return [
        one
        for one in seen
        if one.holds is not False and (one.session not in ended or _before(ended[one.session], one.at))
    ]


def refused_certificates(manager: Log) -> list[tuple[int, datetime | None, str]]:
    """Lines in which the API server would not talk to the agent injector because of its certificate."""
    return [
        (number, line.at, line.text)
        for number, line in enumerate(manager.lines, 1)
        if "TLS handshake" in line.text and _BAD_CERTIFICATE.search(line.text)
    ]


def _before(first: datetime | None, second: datetime | None) -> bool:
    return first is not None and second is not None and first < second
