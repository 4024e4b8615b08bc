"""flannel on Windows nodes: its wait for the network, subnet.env, and the files of an earlier life.

start.ps1 prints "Waiting for the Network to be created" once a second (some versions
every ten) while flanneld has not made the HNS network. Called by the windows-networking guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from .windows_records import Record, field, json_records, text_of

RX_WAITING = re.compile(r"Waiting for the Network to be created", re.IGNORECASE)
RX_FLANNEL_ENV = re.compile(r"(?i)open /run/flannel/subnet\.env: (?:no such file|the system cannot find)")
_ENV = re.compile(r"^(?P<name>FLANNEL_[A-Z0-9_]+)=(?P<value>[^\r\n]*)\r?$", re.MULTILINE)
_STARTED = re.compile(r"(?i)Running backend|Wrote subnet file|Starting kube(?:let|-?proxy)")
_DOTNET_DATE = re.compile(r"^/Date\((?P<milliseconds>-?\d{1,15})\)/$")
_SOURCE_VIP = re.compile(r"source-?vip(?:request)?\.json$", re.IGNORECASE)


class Waiting(NamedTuple):
    """A wait that had not ended: `times` lines, the first and last moment where the log has times."""

    times: int
    first: datetime | None
    last: datetime | None

    def seconds(self, now: datetime) -> float:
        """How long it lasted at least: until `now` where times are known, else a second for each line."""
        return (now - self.first).total_seconds() if self.first else float(self.times - 1)


class OldFile(NamedTuple):
    """A file of kube-proxy's source address: its path, and when it was written (UTC), if that is known."""

    path: str
    written: datetime | None


def waiting(lines: Iterable[tuple[datetime | None, str]]) -> Waiting | None:
    """The wait at the end of a log (time and text of each line); None when it got on."""
    times, first, last = 0, None, None
    for at, text in lines:
        if RX_WAITING.search(text):
            times, last = times + 1, at
            first = first or at
        elif _STARTED.search(text):
            times, first, last = 0, None, None
    return Waiting(times, first, last) if times else None


def subnet_env(text: str) -> dict[str, str]:
    """The variables of subnet.env: FLANNEL_NETWORK, FLANNEL_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ."""
    return {match["name"]: match["value"].strip() for match in _ENV.finditer(text)}


def source_vips(text: str) -> Iterator[str]:
    """The addresses that sourceVip.json reserves, as CNI results have them: `ip4.ip` or `ips[].address`."""
    for one in json_records(text):
        ip4 = one.get("ip4")
        if isinstance(ip4, dict) and isinstance(ip4.get("ip"), str):
            yield ip4["ip"]
        ips = one.get("ips")
        for inner in ips if isinstance(ips, list) and "cniVersion" in one else ():
            if isinstance(inner, dict) and isinstance(inner.get("address"), str):
                yield inner["address"]


def old_files(records: Iterable[Record]) -> Iterator[OldFile]:
    """The SourceVip files in what Get-ChildItem printed; only times in UTC count."""
    for one in records:
        path = text_of(one, "FullName", "Name")
        if _SOURCE_VIP.search(path):
            yield OldFile(path, _utc(field(one, "LastWriteTimeUtc")))


def _utc(value: object) -> datetime | None:
    """A time as ConvertTo-Json writes it: `/Date(1700000000000)/`, ISO 8601, or an object around either."""
    if isinstance(value, dict):
        return _utc(field(value, "value", "DateTime"))
    if not isinstance(value, str):
        return None
    match = _DOTNET_DATE.match(value)
    try:
        if match is not None:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match["milliseconds"]))
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value).replace("Z", "+00:00"))
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
