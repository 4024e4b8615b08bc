"""Where a stack trace begins and ends in a log, so that an excerpt keeps it whole.

Python, Java (and what prints like it: Kotlin, Scala, .NET, Node.js), Go, Ruby.
Called by log_reading. One pass over the lines, no look-back: linear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PYTHON_START = "Traceback (most recent call last"
_GO_STARTS = ("panic: ", "fatal error: ", "goroutine ", "runtime: goroutine ")
_STARTS = (_PYTHON_START, *_GO_STARTS)
_FRAME = re.compile(r"^\s+(?:at \S|from \S+:\d+:in |\.\.\. \d+ (?:more|common frames))")
_JAVA_CONTINUES = re.compile(
    r"^\s*(?:at \S|\.\.\. \d+ (?:more|common frames)|Caused by: |Suppressed: |from \S+:\d+:in )"
)
_GO_CONTINUES = re.compile(
    r"^(?:\t|goroutine \d+ \[|\[signal |created by |exit status \d|panic: |\S+\(.*\)$|$)"
)


def find_traces(texts: Sequence[str]) -> list[range]:
    """The line indices of every stack trace with the line that heads it, in order, without overlap."""
    found: list[range] = []
    place, count = 0, len(texts)
    while place < count:
        text = texts[place]
        end = place
        start = place
        if text[:1] in (" ", "\t"):
            if _FRAME.match(text[:300]):
                start = max(place - 1, found[-1].stop if found else 0)
                end = _while(texts, place, _JAVA_CONTINUES)
        elif text.startswith(_STARTS):
            end = (
                _python_end(texts, place)
                if text.startswith(_PYTHON_START)
                else _while(texts, place + 1, _GO_CONTINUES)
            )
        if end > place + 1 or (end > place and start < place):
            found.append(range(start, end))
            place = end
        else:
            place += 1
    return found


def is_frame(text: str) -> bool:
    """A line that only says where the program was: its words (`error.go:33`) are no message."""
    return text[:1] in (" ", "\t") and (text[:1] == "\t" or _FRAME.match(text[:300]) is not None)


def _while(texts: Sequence[str], place: int, continues: re.Pattern[str]) -> int:
    while place < len(texts) and continues.match(texts[place][:300]):
        place += 1
    while place > 0 and not texts[place - 1].strip():
        place -= 1
    return place


def _python_end(texts: Sequence[str], place: int) -> int:
    """After the frames comes the exception itself, unindented: it belongs to the trace."""
    place += 1
    while place < len(texts) and texts[place][:1] in (" ", "\t"):
        place += 1
    return min(place + 1, len(texts))
