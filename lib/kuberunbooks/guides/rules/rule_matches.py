"""Which lines of a log a rule of node problem detector would have matched.

It joins the last lines (`bufferSize`) and asks whether the pattern matches up to their
end; so does this, but for patterns of one line, which are searched in all lines at once:
the same answer, a thousand times as fast. Called by the node-problems guide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from .go_regexp import compiled
from .npd_config import spans_lines


def matched_lines(pattern: str, messages: Sequence[str], buffer: int) -> list[int] | None:
    """The indices of the messages at which the rule would have fired; None when it cannot be told."""
    if not pattern:
        return None
    if spans_lines(pattern):
        regexp = compiled(pattern + r"\z").regexp
        return None if regexp is None else list(_one_by_one(regexp, messages, buffer))
    regexp = compiled(f"(?m){pattern}$").regexp
    return None if regexp is None else list(_at_once(regexp, messages))


def _one_by_one(regexp: Any, messages: Sequence[str], buffer: int) -> Iterator[int]:
    window: deque[str] = deque([""] * buffer, maxlen=buffer)
    for index, message in enumerate(messages):
        window.append(message)
        if regexp.search("\n".join(window)) is not None:
            yield index


def _at_once(regexp: Any, messages: Sequence[str]) -> Iterator[int]:
    """A match that goes over the end of a line (`\\s` and `[^x]` may) is at the line it ends in."""
    text = "\n".join(messages)
    ends = list(accumulate(len(message) + 1 for message in messages))
    line, last = 0, -1
    for found in regexp.finditer(text):
        while line < len(ends) and ends[line] <= found.end():
            line += 1
        if line != last and line < len(messages):
            yield line
            last = line
