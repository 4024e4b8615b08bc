"""Text as every output of the report writes it: harmless, of bounded length, times in UTC.

The words themselves are phrases of the catalogue (`kuberunbooks.findings.Words`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

# C0 and C1 controls except tab and newline, and the characters that reorder what is
# shown (Unicode TR 9): a terminal or a reader must see the characters that are copied.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# ECMA-48 control sequences and operating-system commands, whole, so that no rest of them is left as text.
_ESCAPES = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]{0,512}(?:\x07|\x1b\\\\)")


def clean(text: str) -> str:
    """The text without control characters, terminal escapes and direction overrides."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub("", _ESCAPES.sub("", text))


def shorten(text: str, most: int) -> str:
    """One line of at most `most` characters; a cut is shown by an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def gist(text: str, most: int) -> str:
    """One line of at most `most` characters. Of `context: context: cause` it is the end that is kept."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    end = ""
    for piece in reversed(line.split(": ")):
        longer = f"{piece}: {end}" if end else piece
        if len(longer) > most - 1:
            break
        end = longer
    return f"…{end}" if len(end) >= most // 2 else shorten(line, most)


def moment(at: datetime) -> str:
    """`2026-11-23 14:02:11 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
