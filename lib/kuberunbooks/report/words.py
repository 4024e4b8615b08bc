"""The report's own words: phrases of the catalogue, times and counts in words.

Every text the report adds to what the guides found is a phrase of
`findings/catalogue/LANGUAGE/_report.yaml`, so that page, terminal and Markdown
say the same and can be translated. Used by every module of the report.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from kuberunbooks.findings import duration_text, languages, phrases
from kuberunbooks.objects import Time

# C0 and C1 controls except tab and newline, and the characters that reorder what is
# shown (Unicode TR 9): a terminal or a reader must see the characters that are copied.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# ECMA-48 control sequences and operating-system commands, whole, so that no rest of them is left as text.
_ESCAPES = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]{0,512}(?:\x07|\x1b\\\\)")


class Words:
    """The phrases of one language: `words("do_next")`, `words("since_known", when=…, ago=…)`."""

    def __init__(self, language: str = "en") -> None:
        self._phrases = phrases(language if language in languages() else "en")

    def __call__(self, key: str, **values: object) -> str:
        """The phrase with its braces filled; values are put in as they are, never read as a template."""
        return self._phrases[key].format_map(values)

    def has(self, key: str) -> bool:
        """Whether there is such a phrase (marks of a kind this version does not know have none)."""
        return key in self._phrases

    def count(self, noun: str, number: int) -> str:
        """`1 pod`, `2,000 pods`."""
        return self(f"{noun}_one" if number == 1 else f"{noun}_many", n=f"{number:,}")


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


def ago(at: Time, now: Time) -> str:
    """How long before `now`, in words (`20 min`); empty when either is unknown."""
    return duration_text((now - at).total_seconds()) if at is not None and now is not None else ""
