"""What a single line of a log says: whether it is an error, what to quote of it, whether two lines are alike.

Called by log_reading and by whoever quotes a line. Of a very long line only the
start is looked at, and no pattern nests repetitions: time is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from kuberunbooks.objects import NOT_JSON

from .patterns import RX_LOG_ERROR
from .stack_traces import is_frame

QUOTE_CHARACTERS = 240
LOOKED_AT = 2000
"""Characters of a line that are looked at."""

# What differs between two prints of the same message: uuids, hashes, addresses, numbers, so times too.
_VARIABLE = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|\b0x[0-9a-fA-F]+|\b(?=[a-f]{0,64}\d)[0-9a-f]{12,}\b|\d+"
)
# A word of RX_LOG_ERROR, as plain text: looking for these first is ten times faster than the pattern.
_ERROR_WORDS = (
    "error", "exception", "fatal", "panic", "traceback", "critical", "abort", "refused", "denied", "cannot",
    "can't", "could not", "unable to", "failed", "missing", "no such", "invalid", "timed out", "time out",
    "timeout", "held by", "does not exist", "not found",
)  # fmt: skip
_STRONG = re.compile(
    r"\b(?:FATAL|PANIC|CRITICAL|panic|Traceback|Caused by|Uncaught|Unhandled|OutOfMemory\w*)\b"
    r"|^(?:\w+\.)*\w*(?:Error|Exception): "
)
# The level a line gives itself, the first one counts; lower-case words only where they can be nothing else.
_LEVEL = re.compile(
    r"(?P<quiet>\b(?:INFO|DEBUG|TRACE|NOTICE)\b|\[(?:info|debug|trace|notice)\]|^(?:info|debug|trace|notice):"
    r"|\b(?:level|severity|lvl)\"?[=:] ?\"?(?:info|debug|trace|notice)\b|^[ID]\d{4} )"
    r"|\b(?:ERROR|ERR|FATAL|CRITICAL|PANIC|SEVERE|WARN|WARNING)\b"
)
_DENIED = re.compile(
    r"(?i)\b(?:0|no|without) (?:errors?|failed|missing)\b|\berrors?\"?[=:] ?\"?(?:0|nil|null|none|false)\b"
)


def error_rank(text: str) -> int:
    """How much a line looks like the cause: 0 not, 1 the word in a harmless line, 2 an error, 3 fatal."""
    start = text[:LOOKED_AT]
    lowered = start.lower()
    if not any(word in lowered for word in _ERROR_WORDS) or is_frame(start) or not RX_LOG_ERROR.search(start):
        return 0
    level = _LEVEL.search(start[:200])
    if (level is not None and level["quiet"] is not None) or _DENIED.search(start):
        return 1
    return 3 if _STRONG.search(start) else 2


def quote_of(texts: Sequence[str], ranks: Sequence[int] | None = None) -> int:
    """The index of the line to quote: the last error, else the last with an error's word, else the last line.

    Of two errors the later one counts: what a program says last before it ends is why.
    """
    found = [error_rank(text) for text in texts] if ranks is None else ranks
    for least in (2, 1):
        for index in range(len(found) - 1, -1, -1):
            if found[index] >= least:
                return index
    return next((index for index in range(len(texts) - 1, -1, -1) if texts[index].strip()), len(texts) - 1)


def message_of(text: str) -> str:
    """What a line says: the message of a JSON line, else the line, of bounded length."""
    stripped = text.strip()
    if stripped.startswith("{") and len(stripped) < 64 * 1024:
        try:
            fields = msgspec.json.decode(stripped)
        except NOT_JSON:
            fields = {}
        if isinstance(fields, dict):
            said = [str(fields[name]) for name in ("message", "msg", "error", "err") if fields.get(name)]
            stripped = ": ".join(dict.fromkeys(said)) or stripped
    return bounded(stripped, QUOTE_CHARACTERS)


def bounded(text: str, most: int) -> str:
    """The text, and when it is longer than `most` characters its start with what was left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


@lru_cache(maxsize=4096)
def normalised(text: str) -> str:
    """The message without what differs from print to print: numbers, times, uuids, addresses."""
    return _VARIABLE.sub("#", text[:LOOKED_AT])
