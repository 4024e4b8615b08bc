"""What a log says about an end: the lines worth showing, and the one line worth quoting.

An excerpt holds the last lines, repeats folded into one with a count, stack
traces whole, and the lines that look like errors even when they stand earlier.
Every pass is linear in the size of the log. Called by the steps that read logs (pods.container_logs).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from kuberunbooks.cluster import Log
from kuberunbooks.findings import LogExcerpt, LogLine

from .error_lines import LOOKED_AT, bounded, error_rank, message_of, normalised, quote_of
from .stack_traces import find_traces

TAIL_LINES = 40
EXCERPT_BYTES = 16 * 1024

_SHOWN = 1000
_TRACE_SHOWN = 60
_TRACE_LEAST = 5
_EARLIER_UNITS = 10
_MOST_FOLDED = 5000
"""Lines compared with each other to fold repeats, from the newest; before those only errors are picked."""


class Reading(NamedTuple):
    """A log, read.

    `quote` is the line that says most, empty when none was read; `number` its
    line number from 1; `is_error` whether it looks like an error, or is only the last line.
    `log` is the log itself, None when none was asked for.
    """

    excerpt: LogExcerpt
    quote: str = ""
    number: int = 0
    is_error: bool = False
    log: Log | None = None


class _Unit(NamedTuple):
    """A line, or a whole stack trace: line indices from `start` up to `stop`."""

    start: int
    stop: int


def read_log(
    log: Log, caption: str, *, tail_lines: int = TAIL_LINES, most_bytes: int = EXCERPT_BYTES
) -> Reading:
    """The excerpt and the quote of a log; when there is no log, the reason as the excerpt's note."""
    if not log.available:
        return Reading(LogExcerpt(source=log.source, caption=caption, note=why_absent(log)), log=log)
    texts = [line.text for line in log.lines]
    if not any(text and not text.isspace() for text in texts):
        blank = LogExcerpt(source=log.source, caption=caption, note="The log holds only blank lines.")
        return Reading(blank, log=log)
    ranks = [error_rank(text) for text in texts]
    chosen = _choose(texts, ranks, tail_lines, most_bytes)
    quoted = quote_of(texts, ranks)
    lines = [
        LogLine(
            number=index + 1,
            text=bounded(texts[index], _SHOWN),
            at=log.lines[index].at,
            marked=ranks[index] > 1 or index == quoted,
            repeats=repeats,
        )
        for index, repeats in sorted(chosen.lines.items())
    ]
    excerpt = LogExcerpt(
        source=log.source,
        caption=caption,
        lines=lines,
        total_lines=len(texts),
        note=_note(log, chosen, len(texts)),
    )
    return Reading(excerpt, message_of(texts[quoted]), quoted + 1, ranks[quoted] > 1, log)


def why_absent(log: Log) -> str:
    """Why there is no log, in a sentence."""
    return {
        "empty": "The log is empty: this run wrote nothing to stdout or stderr.",
        "gone": "The log is gone: the container runtime has already removed it.",
        "waiting": "There is no log: the container has not started.",
        "unreachable": f"The log could not be read, because its node did not answer: {log.why}",
        "refused": f"The log was not read, because the server does not permit it: {log.why}",
        "missing": f"The log was not read: {log.why or 'there is none of that run.'}",
    }.get(log.state, log.why)


class _Chosen(NamedTuple):
    lines: dict[int, int]
    """Line index to how often its unit was seen in the part shown."""
    covered: int
    """The last lines of the log that are shown, repeats folded."""
    earlier: int
    """Error lines shown from before those."""
    shortened: int
    """Lines of stack traces left out because they were too long."""


class _Picker:
    """Takes units into the excerpt while there is room, each message once."""

    def __init__(self, texts: Sequence[str], key_of: Callable[[str], str], room: int) -> None:
        self.texts = texts
        self.lines: dict[int, int] = {}
        self.room = room
        self.shortened = 0
        self._key_of = key_of
        self._shown: dict[str, _Unit] = {}

    def key(self, unit: _Unit) -> str:
        """Equal for two prints of the same message."""
        stop = min(unit.stop, unit.start + _TRACE_SHOWN)
        return "\n".join(self._key_of(text) for text in self.texts[unit.start : stop])

    def folds(self, key: str) -> bool:
        """Counts a repeat of what is shown already."""
        same = self._shown.get(key)
        if same is None:
            return False
        for index in range(same.start, same.stop):
            self.lines[index] += 1
        return True

    def takes(self, unit: _Unit, key: str, *, keep: int = 0) -> bool:
        """Takes a unit if it fits with `keep` bytes to spare; of a long trace the beginning."""
        left = self.room - keep
        stop = unit.start
        while stop < min(unit.stop, unit.start + _TRACE_SHOWN):
            left -= len(bounded(self.texts[stop], _SHOWN).encode()) + 1
            if left < 0:
                break
            stop += 1
        if stop == unit.start or (stop < unit.stop and stop - unit.start < _TRACE_LEAST):
            return False
        self.room = left + keep if left >= 0 else keep
        self.shortened += unit.stop - stop
        self._shown[key] = _Unit(unit.start, stop)
        self.lines.update((index, 1) for index in range(unit.start, stop))
        return True


def _choose(texts: Sequence[str], ranks: Sequence[int], tail_lines: int, most_bytes: int) -> _Chosen:
    units = _units(texts)
    # A log that fits is shown as it is: of "8 MiB", "16 MiB" every line counts.
    picker = _Picker(texts, _same if len(texts) <= tail_lines else normalised, most_bytes)
    taken, place, end = 0, len(units), max(0, len(units) - _MOST_FOLDED)
    while place > end and taken < tail_lines:
        unit = units[place - 1]
        key = picker.key(unit)
        if not picker.folds(key):
            # A quarter of the room is kept for what stands earlier and explains it.
            if not picker.takes(unit, key, keep=most_bytes // 4):
                break
            taken += 1
        place -= 1
    covered = len(texts) - (units[place].start if 0 < place < len(units) else 0)
    earlier = 0
    for unit, key in _errors_before(units[:place], ranks, picker):
        if not picker.folds(key) and picker.takes(unit, key):
            earlier += 1
    return _Chosen(picker.lines, covered, earlier, picker.shortened)


def _same(text: str) -> str:
    return text[:LOOKED_AT]


def _units(texts: Sequence[str]) -> list[_Unit]:
    """Lines and traces in order; blank lines between them are no unit."""
    units: list[_Unit] = []
    place = 0
    for trace in [*find_traces(texts), range(len(texts), len(texts))]:
        for index in range(place, trace.start):
            text = texts[index]
            if text and not text.isspace():
                units.append(_Unit(index, index + 1))
        if trace:
            units.append(_Unit(trace.start, trace.stop))
        place = trace.stop
    return units


def _errors_before(
    units: Sequence[_Unit], ranks: Sequence[int], picker: _Picker
) -> Iterator[tuple[_Unit, str]]:
    """The errors worst first, then newest, each message once, with their keys."""
    for least, most in ((3, 9), (2, 2)):
        seen: set[str] = set()
        ranked = ((ranks[unit.start] if unit.stop == unit.start + 1 else 3, unit) for unit in reversed(units))
        alike = (unit for rank, unit in ranked if least <= rank <= most)
        for unit in islice(alike, _MOST_FOLDED):
            key = picker.key(unit)
            if key not in seen:
                seen.add(key)
                yield unit, key
            if len(seen) >= _EARLIER_UNITS:
                break


def _note(log: Log, chosen: _Chosen, total: int) -> str:
    parts = []
    folded = ", repeats (but for numbers and times) folded" if _folded(chosen) else ""
    read = f"the last {total:,} that were read" if log.cut else f"{total:,} lines"
    if chosen.covered < total:
        parts.append(f"Last {chosen.covered:,} of {read}{folded}")
    elif log.cut:
        parts.append(f"All of {read}, earlier lines exist{folded}")
    elif folded:
        parts.append(f"All {read}{folded}")
    if chosen.earlier:
        noun = "message" if chosen.earlier == 1 else "messages"
        parts.append(f"{chosen.earlier} error {noun} from earlier")
    if chosen.shortened:
        parts.append(f"{chosen.shortened:,} lines of long stack traces left out")
    return ", ".join(parts) + "." if parts else ""


def _folded(chosen: _Chosen) -> bool:
    return any(repeats > 1 for repeats in chosen.lines.values())
