"""What a metrics-server's log complains of: which kind of failure, at which nodes, how lately.

Pure reading of text, spellings of metrics-server 0.3 to 0.8. Called by the step about
metrics-server, for logs of pods whose work is seen to be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from kuberunbooks.cluster import Log

from ..rules.thresholds import METRICS_LOG

Kind = Literal["tls", "timeout", "forbidden", "auth"]

# `"Failed to scrape node" err="…" node="n1"` of today; of 0.3 `… from source kubelet_summary:n1: …`.
RX_SCRAPE = re.compile(
    r"Failed to scrape node|unable to fully (?:scrape|collect) metrics|unable to fetch metrics from"
)
RX_NODE = re.compile(r'\bnode="(?P<node>[^"]+)"|kubelet(?:_summary)?:(?P<source>[^:\s\]]+)')
RX_X509 = re.compile(r"x509: |tls: failed to verify certificate|remote error: tls")
RX_TIMEOUT = re.compile(
    r"i/o timeout|connection refused|no route to host|network is unreachable|context deadline exceeded"
    r"|Client\.Timeout|no such host|connection reset"
)
RX_DENIED = re.compile(
    r'403 Forbidden|401 Unauthorized|is forbidden: User \\?"[^"]+" cannot (?P<what>[\w" \\./-]+)'
)
RX_AUTH = re.compile(r"Unable to authenticate the request")
RX_ERROR = re.compile(r'err="(?P<error>(?:\\.|[^"\\])*)"')


class Complaint(NamedTuple):
    """Lines of one kind: how many, since when, at which nodes; `quote` is what the newest of them says.

    `number` is the newest line's number in the log, from 1; `denied` what may not be done.
    """

    kind: Kind
    lines: int
    first: datetime | None
    nodes: list[str]
    quote: str
    number: int
    denied: str = ""


def complaints(log: Log, now: datetime) -> list[Complaint]:
    """What the log complains of lately, the kind with most lines first; what has stopped is history."""
    horizon = now - timedelta(seconds=METRICS_LOG)
    lines: dict[Kind, list[tuple[int, datetime | None, str]]] = {}
    for number, line in enumerate(log.lines, 1):
        kind = _kind(line.text)
        if kind is not None:
            lines.setdefault(kind, []).append((number, line.at, line.text))
    going_on = {kind: members for kind, members in lines.items() if (members[-1][1] or now) >= horizon}
    found = [_complaint(kind, members, horizon) for kind, members in going_on.items()]
    return sorted(found, key=lambda one: -one.lines)


def _kind(text: str) -> Kind | None:
    """Which failure a line tells; None for all that is none, as a probe that waits for first metrics."""
    if RX_AUTH.search(text):
        return "auth"
    if RX_DENIED.search(text):
        return "forbidden"
    if not RX_SCRAPE.search(text):
        return None
    if RX_X509.search(text):
        return "tls"
    return "timeout" if RX_TIMEOUT.search(text) else None


def _complaint(kind: Kind, members: list[tuple[int, datetime | None, str]], horizon: datetime) -> Complaint:
    number, _, text = members[-1]
    late = [one for _, at, one in members if at is None or at >= horizon]
    nodes = dict.fromkeys(node for one in late for node in _nodes(one))
    denied = RX_DENIED.search(text)
    return Complaint(
        kind,
        len(members),
        members[0][1],
        list(nodes),
        _quote(text),
        number,
        (denied["what"] or "").strip() if denied is not None else "",
    )


def _nodes(text: str) -> Iterator[str]:
    for match in RX_NODE.finditer(text):
        yield match["node"] or match["source"]


def _quote(text: str) -> str:
    found = RX_ERROR.search(text)
    return (found["error"] if found is not None else text).replace('\\"', '"')[:300]
