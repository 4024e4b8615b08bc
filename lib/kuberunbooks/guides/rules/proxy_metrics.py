"""What kube-proxy says of itself on its node: its metrics (port 10249), health (10256), mode and log.

Each is known by its content, for a person may paste it without the command. Called by
the services guide for transcripts and, the log, for pods of kube-proxy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

_SAMPLE = re.compile(
    r"^kubeproxy_sync_proxy_rules_(?P<what>last_queued|last)_timestamp_seconds"
    r"(?:\{(?:[^}]*?ip_family=\"(?P<family>\w+)\")?[^}]*\})?\s+(?P<value>[\d.eE+-]+)",
    re.MULTILINE,
)
_STATUS = re.compile(r"^(?:HTTP/\S+ )?(?P<code>\d{3})\b", re.MULTILINE)
_MODES = ("iptables", "ipvs", "nftables", "kernelspace", "userspace")
_USING = re.compile(r"(?i)using (?P<mode>iptables|ipvs|nftables|kernelspace|userspace) prox(?:ier|y)")
_KLOG = re.compile(
    r"^(?P<severity>[IWEF])(?P<month>\d\d)(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d)\.\d+\s+\d+ "
    r"[\w.\-]+:\d+\] (?P<message>.*)$"
)
_API_ERROR = re.compile(
    r"(?i)Failed to (?:list|watch)|failed to retrieve node info|"
    r"dial tcp \S+ (?:connect: connection refused|i/o timeout)|x509:|Unauthorized"
)
_CONNTRACK = re.compile(r"(?i)conntrack.*(?:executable file not found|not found)")
_SAMPLES_OF_KUBE_PROXY = "kubeproxy_sync_proxy_rules_"


class Sync(NamedTuple):
    """One address family's rules: when a change was last queued and when rules were last written."""

    family: str
    queued: datetime
    written: datetime

    @property
    def lag(self) -> float:
        """Seconds a queued change waits; 0 or less when it has been written."""
        return (self.queued - self.written).total_seconds()


class Health(NamedTuple):
    """What healthz said; `healthy` None when it does not say."""

    healthy: bool | None
    shown: str


class Complaint(NamedTuple):
    """A warning or error kube-proxy logged; `number` is the line, from 1."""

    at: datetime | None
    text: str
    number: int


class _Family(msgspec.Struct):
    healthy: bool = True


class _Healthz(msgspec.Struct, rename="camel"):
    last_updated: str
    node_eligible: bool = True
    healthy: bool | None = None
    status: dict[str, _Family] = {}


def read_syncs(text: str) -> list[Sync]:
    """The last sync of each address family in kube-proxy's metrics; older ones do not name the family."""
    if _SAMPLES_OF_KUBE_PROXY not in text:
        return []
    found: dict[str, dict[str, datetime]] = {}
    for match in _SAMPLE.finditer(text):
        try:
            at = datetime.fromtimestamp(float(match["value"]), UTC)
        except (ValueError, OverflowError, OSError):
            continue
        found.setdefault(match["family"] or "", {})[match["what"]] = at
    return [
        Sync(family, times["last_queued"], times["last"])
        for family, times in sorted(found.items())
        if "last_queued" in times and "last" in times
    ]


def read_health(text: str) -> Health | None:
    """The answer of healthz, with curl's status if it was printed; None when it is something else.

    A node that is being removed answers 503 although its kube-proxy is well: then `healthy` is None.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or '"lastUpdated"' not in text:
        return None
    try:
        body = msgspec.json.decode(text[start : end + 1], type=_Healthz)
    except msgspec.MsgspecError:
        return None
    rest = text[:start] + "\n" + text[end + 1 :]
    status = _STATUS.search(rest)
    code = int(status["code"]) if status else 0
    shown = next((line.strip() for line in text.splitlines() if '"lastUpdated"' in line), "")
    failing = [family for family, one in body.status.items() if not one.healthy]
    if body.healthy is False or failing:
        return Health(False, shown)
    if code == 503:
        return Health(False if body.node_eligible and body.healthy is None else None, shown)
    if body.healthy or code == 200:
        return Health(True, shown)
    return Health(None, shown)


def read_mode(text: str) -> str:
    """The answer of proxyMode; empty when it is something else."""
    word = text.strip()
    return word if word in _MODES else ""


def logged_mode(text: str) -> str:
    """The mode kube-proxy's log names at its start; empty when it does not."""
    match = _USING.search(text)
    return match["mode"].lower() if match else ""


def is_proxy_log(text: str) -> bool:
    """Whether a text is a log of kube-proxy, by what only it writes."""
    lines = text.splitlines()
    if not any(_KLOG.match(line) for line in lines[:20]):
        return False
    return bool(_USING.search(text)) or any("kube-proxy" in line.lower() for line in lines)


def api_errors(lines: Iterable[tuple[datetime | None, str]], now: datetime) -> Iterator[Complaint]:
    """The warnings and errors that say kube-proxy does not reach the API server, oldest first."""
    return _complaints(lines, now, _API_ERROR)


def conntrack_errors(lines: Iterable[tuple[datetime | None, str]], now: datetime) -> Iterator[Complaint]:
    """The warnings and errors that say the program conntrack is not there."""
    return _complaints(lines, now, _CONNTRACK)


def _complaints(
    lines: Iterable[tuple[datetime | None, str]], now: datetime, pattern: re.Pattern[str]
) -> Iterator[Complaint]:
    for number, (at, text) in enumerate(lines, 1):
        if text[:1] not in "WEF":
            continue
        match = _KLOG.match(text)
        if match is not None and pattern.search(match["message"]):
            yield Complaint(at or _when(match, now), text, number)


def _when(match: re.Match[str], now: datetime) -> datetime | None:
    """klog writes no year, and the node's own time: nodes are on UTC as a rule."""
    try:
        at = datetime.fromisoformat(f"{now.year}-{match['month']}-{match['day']}T{match['time']}+00:00")
        return at if at <= now + timedelta(days=1) else at.replace(year=now.year - 1)
    except ValueError:
        return None
