"""The audit flags of a kube-apiserver: found in its words, and read with its defaults.

The words come from a static pod's command and args, or from a file: a unit of systemd, the
output of `ps`, /proc/PID/cmdline. Read as pflag does (`--a=b`, `--a b`, the last one wins,
`_` is `-`). Defaults and what is refused: k8s.io/apiserver/pkg/server/options/audit.go.
Called by the audit guide.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

BATCH, BLOCKING, STRICT = "batch", "blocking", "blocking-strict"
MODES = (BATCH, BLOCKING, STRICT)
ROTATION_SINCE = (1, 36)
"""Since this version old files go by default: 366 days, 100 files of 100 MB. Before, they stayed forever."""

_BACKEND_FLAGS = (
    "mode",
    "batch-buffer-size",
    "batch-max-size",
    "batch-max-wait",
    "batch-throttle-enable",
    "batch-throttle-qps",
    "batch-throttle-burst",
    "truncate-enabled",
    "truncate-max-batch-size",
    "truncate-max-event-size",
    "version",
)
_KNOWN = frozenset(
    (
        "audit-policy-file",
        *(f"audit-log-{one}" for one in ("path", "maxage", "maxbackup", "maxsize", "format", "compress")),
        *(f"audit-{backend}-{one}" for backend in ("log", "webhook") for one in _BACKEND_FLAGS),
        "audit-webhook-config-file",
        "audit-webhook-initial-backoff",
        "audit-webhook-batch-initial-backoff",
    )
)
_SWITCHES = ("compress", "enabled", "enable")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+|0")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


class Word(NamedTuple):
    """One word of a command line, and where it stands (`spec.containers[0].command[7]`, `line 3`)."""

    text: str
    place: str


class Given(NamedTuple):
    """A flag that was given: its value, and where."""

    value: str
    place: str


class Batch(NamedTuple):
    """How a backend hands events on. `wait` is in seconds; `qps` are batches a second."""

    mode: str
    buffer: int
    size: int
    wait: float
    throttle: bool
    qps: float
    burst: int


class Truncation(NamedTuple):
    """Whether large events are cut, and from which sizes on, in bytes."""

    enabled: bool
    batch: int
    event: int


class Wrong(NamedTuple):
    """A flag that keeps the API server from starting: its name, its value, where, why."""

    name: str
    value: str
    place: str
    why: str


class Flags(NamedTuple):
    """The audit flags of one API server, by name without dashes."""

    given: dict[str, Given]

    def text(self, name: str, default: str = "") -> str:
        """A flag's value; the default when it was not given."""
        return self.given[name].value if name in self.given else default

    @property
    def policy(self) -> str:
        """--audit-policy-file."""
        return self.text("audit-policy-file")

    @property
    def log(self) -> str:
        """--audit-log-path; `-` is standard output."""
        return self.text("audit-log-path")

    @property
    def webhook(self) -> str:
        """--audit-webhook-config-file."""
        return self.text("audit-webhook-config-file")

    @property
    def backends(self) -> list[str]:
        """`log`, `webhook`: those that are configured."""
        return [name for name in ("log", "webhook") if getattr(self, name)]

    def batch(self, backend: str) -> Batch:
        """How `log` or `webhook` hands events on; what cannot be read counts as not given."""
        log = backend == "log"
        prefix = f"audit-{backend}"
        return Batch(
            mode=self.text(f"{prefix}-mode", BLOCKING if log else BATCH),
            buffer=int(self._number(f"{prefix}-batch-buffer-size", 10_000)),
            size=int(self._number(f"{prefix}-batch-max-size", 1 if log else 400)),
            wait=seconds_of(self.text(f"{prefix}-batch-max-wait"), 0.0 if log else 30.0),
            throttle=self._switch(f"{prefix}-batch-throttle-enable", not log),
            qps=self._number(f"{prefix}-batch-throttle-qps", 0 if log else 10),
            burst=int(self._number(f"{prefix}-batch-throttle-burst", 0 if log else 15)),
        )

    def truncation(self, backend: str) -> Truncation:
        """Whether `log` or `webhook` cuts large events."""
        prefix = f"audit-{backend}-truncate"
        return Truncation(
            self._switch(f"{prefix}-enabled", False),
            int(self._number(f"{prefix}-max-batch-size", 10 * 1024 * 1024)),
            int(self._number(f"{prefix}-max-event-size", 100 * 1024)),
        )

    def rotation(self, version: tuple[int, int] | None) -> tuple[int, int, int]:
        """(days, files, megabytes) old log files are kept; 0 is without limit. Unknown versions are new."""
        new = version is None or version >= ROTATION_SINCE
        days, files, megabytes = (366, 100, 100) if new else (0, 0, 100)
        size = int(self._number("audit-log-maxsize", megabytes))
        return (
            int(self._number("audit-log-maxage", days)),
            int(self._number("audit-log-maxbackup", files)),
            # Before 0 meant never, it meant the default of the library that rotates.
            size if new else size or 100,
        )

    def wrong(self) -> Iterator[Wrong]:
        """The audit flags an API server would refuse to start with."""
        for name, given in self.given.items():
            if name not in _KNOWN:
                yield Wrong(name, given.value, given.place, "the API server knows no such flag")
        yield from self._not_numbers()
        for backend in self.backends:
            yield from self._wrong_backend(backend)
        if self.log:
            for name in ("audit-log-maxage", "audit-log-maxbackup", "audit-log-maxsize"):
                if self._number(name, 0) < 0:
                    yield self._refused(name, "it must not be negative")
            if self.text("audit-log-format", "json") not in ("json", "legacy"):
                yield self._refused("audit-log-format", "there is json and legacy")

    def _wrong_backend(self, backend: str) -> Iterator[Wrong]:
        prefix, batch, cut = f"audit-{backend}", self.batch(backend), self.truncation(backend)
        if batch.mode not in MODES:
            yield self._refused(f"{prefix}-mode", f"there is {', '.join(MODES)}")
        if batch.mode == BATCH:
            if batch.buffer <= 0:
                yield self._refused(f"{prefix}-batch-buffer-size", "it must be positive")
            if batch.size <= 0:
                yield self._refused(f"{prefix}-batch-max-size", "it must be positive")
            if batch.throttle and batch.qps <= 0:
                yield self._refused(
                    f"{prefix}-batch-throttle-qps", "it must be positive when the throttle is on"
                )
            if batch.throttle and batch.burst <= 0:
                yield self._refused(
                    f"{prefix}-batch-throttle-burst", "it must be positive when the throttle is on"
                )
        if cut.event <= 0:
            yield self._refused(f"{prefix}-truncate-max-event-size", "it must be positive")
        elif cut.batch < cut.event:
            yield self._refused(
                f"{prefix}-truncate-max-batch-size",
                f"it must not be less than one event's {cut.event:,} bytes",
            )
        if self.text(f"{prefix}-version", "audit.k8s.io/v1") != "audit.k8s.io/v1":
            yield self._refused(f"{prefix}-version", "there is only audit.k8s.io/v1")

    def _refused(self, name: str, why: str) -> Wrong:
        given = self.given.get(name, Given("", ""))
        return Wrong(name, given.value, given.place, why)

    def _not_numbers(self) -> Iterator[Wrong]:
        for name, given in self.given.items():
            if name not in _KNOWN:
                continue
            if name.endswith(_SWITCHES) and given.value.lower() not in (*_TRUE, *_FALSE):
                yield Wrong(name, given.value, given.place, "it is true or false")
            if name.endswith(("max-wait", "backoff")) and not _DURATION.fullmatch(given.value):
                yield Wrong(name, given.value, given.place, "it must be a duration such as 30s")
            if name.endswith(_NUMBERS) and _number_of(given.value) is None:
                yield Wrong(name, given.value, given.place, "it must be a number")

    def _number(self, name: str, default: float) -> float:
        number = _number_of(self.text(name)) if name in self.given else None
        return default if number is None else number

    def _switch(self, name: str, default: bool) -> bool:
        text = self.text(name).lower() if name in self.given else ""
        return text in _TRUE if text in (*_TRUE, *_FALSE) else default


_NUMBERS = (
    "maxage",
    "maxbackup",
    "maxsize",
    "buffer-size",
    "max-size",
    "qps",
    "burst",
    "batch-size",
    "event-size",
)


def _number_of(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[-+]?\d{1,15}(?:\.\d+)?", text) else None


def seconds_of(text: str, default: float) -> float:
    """A duration of Go (`30s`, `1m30s`) in seconds; the default for anything else."""
    if not _DURATION.fullmatch(text):
        return default
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def read_flags(words: Iterable[Word]) -> Flags:
    """The audit flags among the words of a command line."""
    given: dict[str, Given] = {}
    waiting: Word | None = None
    for word in words:
        if waiting is not None:
            name, waiting = waiting.text, None
            if not word.text.startswith("--"):
                given[name] = Given(word.text, word.place)
                continue
            given[name] = Given("", word.place)
        # k3s and RKE2 hand flags on to the API server.
        text = word.text.replace("--kube-apiserver-arg=", "--", 1)
        name, equals, value = text.removeprefix("--").partition("=")
        name = name.replace("_", "-")
        if not text.startswith("--") or not name.startswith("audit-"):
            continue
        if equals:
            given[name] = Given(value, word.place)
        elif name.endswith(_SWITCHES):
            given[name] = Given("true", word.place)
        else:
            waiting = Word(name, word.place)
    if waiting is not None:
        given[waiting.text] = Given("", waiting.place)
    return Flags(given)


def split_words(words: Iterable[Word]) -> Iterator[Word]:
    """The words, with those a shell would split (`sh -c "exec kube-apiserver --a=b"`) split."""
    for word in words:
        if "--" in word.text and re.search(r"\s", word.text.strip()):
            yield from (Word(one, word.place) for one in _split(word.text))
        else:
            yield word


def words_of_text(text: str) -> Iterator[Word]:
    """The words of a unit file, of a process list, of /proc/PID/cmdline, by the line they stand in."""
    if "\0" in text:
        yield from (Word(one, "line 1") for one in text.split("\0") if one)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        yield from (Word(one, f"line {number}") for one in _split(line))


def _split(text: str) -> list[str]:
    text = text.rstrip().removesuffix("\\")
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
