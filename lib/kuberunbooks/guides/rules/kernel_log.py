"""Reads a kernel log as people paste it: dmesg, `journalctl -k`, kern.log, /dev/kmsg itself.

Each line becomes the message as node problem detector would get it, without what the
tool put before it, and its time where it tells one. Called by the node-problems guide
on a file or on the transcripts of a case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kuberunbooks.cluster import Transcript

_MOST_OF_A_LINE = 4000
_LOOKED_AT = 50
_KERNEL = "kernel"

# Priorities `dmesg -r` and `dmesg -x` put before everything.
_PRIORITY = re.compile(r"^(?:<\d{1,3}>|(?:kern|user|daemon|syslog|auth)\s*:\w+\s*:\s)")
_UPTIME = r"\[\s{0,11}(?P<uptime>\d{1,10}\.\d{3,6})\] ?"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CLOCK = r"\d\d:\d\d:\d\d"
_ISO = rf"\d{{4}}-\d\d-\d\dT{_CLOCK}(?:[.,]\d{{1,9}})?(?:Z|[+-]\d\d:?\d\d)"
_STAMPS = "|".join(
    (
        rf"(?P<iso>{_ISO})",
        rf"(?P<syslog>[A-Z][a-z]{{2}} [ \d]\d {_CLOCK}(?:\.\d{{1,6}})?)",
        rf"(?P<full>[A-Z][a-z]{{2}} \d{{4}}-\d\d-\d\d {_CLOCK}(?:\.\d{{1,6}})? [A-Z]{{2,5}})",
        r"(?P<unix>\d{10}\.\d{1,6})",
        r"\[\s{0,11}(?P<monotonic>\d{1,10}\.\d{3,6})\]",
    )
)
_JOURNAL = re.compile(
    rf"^(?:{_STAMPS}) (?P<host>[\w.-]{{1,253}}) (?P<tag>[\w./@-]{{1,100}})(?:\[\d{{1,10}}\])?: "
    rf"(?:{_UPTIME.replace('uptime', 'inner')})?"
)
_DMESG = re.compile(
    rf"^(?:{_UPTIME}|\[(?P<human>[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ \d]\d {_CLOCK} \d{{4}})\] ?"
    rf"|(?P<iso>{_ISO}) )(?:\[\s{{0,5}}[TC]\d{{1,8}}\] )?"
)
_KMSG = re.compile(r"^(?P<priority>\d{1,4}),\d{1,20},(?P<microseconds>\d{1,20}),[^;]{0,40};")
_MARKER = re.compile(r"^-- .* --$|^-- (?:Logs begin|Journal begins|Boot |Reboot)")
_COMMANDS = re.compile(
    r"(?:^|[\s/'\";])(?:dmesg|journalctl\b[^;|&]*?\s(?:-\w*k\w*|--dmesg|_TRANSPORT=kernel))(?=\s|$|['\";])"
)
_FILES = re.compile(r"/(?:kern\.log|dmesg|kmsg)(?:\.\d+)?(?=\s|$|['\";])")


class KernelLine(NamedTuple):
    """One message. `number` is its line in the log, from 1; `raw` that line.

    `stamp` is the time as the log writes it; `at` that time, None where the log does not
    tell it for sure (seconds since boot, or an hour of an unknown zone); `seconds` counts
    in the log's own clock, for how far apart two lines are. `tag` is who wrote it.
    """

    number: int
    message: str
    raw: str
    stamp: str = ""
    at: datetime | None = None
    seconds: float | None = None
    tag: str = _KERNEL


class KernelLog(NamedTuple):
    """A kernel log: its messages in order, and the host its lines name, empty when they name none or two."""

    lines: list[KernelLine]
    host: str

    @property
    def kernel(self) -> list[KernelLine]:
        """The kernel's own messages."""
        return [line for line in self.lines if line.tag == _KERNEL]


def is_kernel_log(one: Transcript) -> bool:
    """Whether a command that was run prints the kernel's log."""
    command = " ".join(one.argv)
    return bool(_COMMANDS.search(command) or _FILES.search(command))


def looks_like_kernel_log(text: str) -> bool:
    """Whether the first lines of a text have the form of one: most carry a stamp and the kernel's name."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:_LOOKED_AT]
    read = read_kernel_log("\n".join(lines), datetime(1970, 1, 1, tzinfo=UTC))
    return len(lines) > 0 and 2 * sum(1 for line in read.kernel if line.stamp) > len(lines)


def read_kernel_log(text: str, now: datetime) -> KernelLog:
    """All messages of a log; `now` tells the year where the log leaves it out."""
    hosts: dict[str, None] = {}
    lines = list(_lines(text, now, hosts))
    return KernelLog(lines, next(iter(hosts)) if len(hosts) == 1 else "")


def _lines(text: str, now: datetime, hosts: dict[str, None]) -> Iterator[KernelLine]:
    # Only newlines part lines here: messages may hold what Python else takes for one.
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw[:_MOST_OF_A_LINE].rstrip("\r")
        if not line.strip() or _MARKER.match(line):
            continue
        rest = _PRIORITY.sub("", line, count=1)
        for read in (_kmsg, _json, _journal, _dmesg):
            found = read(number, line, rest, now, hosts)
            if found is not None:
                yield found
                break
        else:
            if not line.startswith((" ", "\t")) or "=" not in line.split(None, 1)[0]:
                yield KernelLine(number, line.strip(), line)


def _kmsg(number: int, raw: str, rest: str, now: datetime, hosts: dict[str, None]) -> KernelLine | None:
    match = _KMSG.match(raw)
    if match is None:
        return None
    seconds = int(match["microseconds"]) / 1_000_000
    # The priority holds the facility from bit 3 on; 0 is the kernel's, 1 a program's that wrote there.
    return KernelLine(number, raw[match.end() :].strip(), raw, f"{seconds:,.0f} s after boot", None, seconds)


def _json(number: int, raw: str, rest: str, now: datetime, hosts: dict[str, None]) -> KernelLine | None:
    if not raw.startswith('{"'):
        return None
    try:
        entry = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    message = entry.get("MESSAGE")
    if not isinstance(message, str):
        return None
    host, time = entry.get("_HOSTNAME"), str(entry.get("__REALTIME_TIMESTAMP", ""))
    if isinstance(host, str):
        hosts[host] = None
    at = _from_unix(int(time) / 1_000_000) if time.isdecimal() and len(time) < 20 else None
    tag = entry.get("SYSLOG_IDENTIFIER")
    return KernelLine(
        number, message.strip(), raw, _text(at), at, at.timestamp() if at else None, str(tag or _KERNEL)
    )


def _journal(number: int, raw: str, rest: str, now: datetime, hosts: dict[str, None]) -> KernelLine | None:
    match = _JOURNAL.match(rest)
    if match is None:
        return None
    hosts[match["host"]] = None
    message, tag = rest[match.end() :].strip(), match["tag"]
    for group, reader in _READERS.items():
        if match[group]:
            at, seconds = reader(match[group], now)
            return KernelLine(number, message, raw, _stamp(match[group], at), at, seconds, tag)
    seconds = float(match["monotonic"])
    return KernelLine(number, message, raw, f"{seconds:,.0f} s after boot", None, seconds, tag)


def _dmesg(number: int, raw: str, rest: str, now: datetime, hosts: dict[str, None]) -> KernelLine | None:
    match = _DMESG.match(rest)
    if match is None:
        return None
    message = rest[match.end() :].strip()
    if match["iso"]:
        at, seconds = _iso(match["iso"], now)
        return KernelLine(number, message, raw, _stamp(match["iso"], at), at, seconds)
    if match["human"]:
        words = match["human"].split()
        seconds = _wall(int(words[4]), words[1], words[2], words[3])
        return KernelLine(number, message, raw, match["human"], None, seconds)
    seconds = float(match["uptime"])
    return KernelLine(number, message, raw, f"{seconds:,.0f} s after boot", None, seconds)


Reading = tuple[datetime | None, float | None]


def _iso(text: str, now: datetime) -> Reading:
    try:
        at = datetime.fromisoformat(text.replace(",", ".")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None, None
    return at, at.timestamp()


def _syslog(text: str, now: datetime) -> Reading:
    """No year and no zone: only for how far apart two lines are."""
    month, day, clock = text.split()
    seconds = _wall(now.year, month, day, clock)
    if seconds is not None and seconds > (now + timedelta(days=2)).timestamp():
        seconds = _wall(now.year - 1, month, day, clock)
    return None, seconds


def _full(text: str, now: datetime) -> Reading:
    _, day, clock, zone = text.split()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}+00:00")
    except ValueError:
        return None, None
    return (at if zone in ("UTC", "GMT") else None), at.timestamp()


def _unix(text: str, now: datetime) -> Reading:
    at = _from_unix(float(text))
    return at, float(text)


_READERS: dict[str, Callable[[str, datetime], Reading]] = {
    "iso": _iso,
    "syslog": _syslog,
    "full": _full,
    "unix": _unix,
}


def _wall(year: int, month: str, day: str, clock: str) -> float | None:
    try:
        moment = f"{year:04}-{_MONTHS.index(month) + 1:02}-{int(day):02}T{clock.partition('.')[0]}+00:00"
        return datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None


def _from_unix(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _stamp(written: str, at: datetime | None) -> str:
    return _text(at) or written


def _text(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""
