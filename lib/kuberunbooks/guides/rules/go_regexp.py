"""Regular expressions of Go programs (RE2 syntax), compiled and searched by RE2 itself.

Python's own engine accepts what Go refuses (lookaround, backreferences) and needs
exponential time on some patterns; RE2 is linear whatever the pattern. Called where the
configuration of a Go program holds patterns: node problem detector's rules.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

# Go has no \C (a single byte), which RE2 itself takes.
_ONE_BYTE = re.compile(r"(?<!\\)(?:\\\\)*\\C")
_TOO_LARGE = "pattern too large"


class Compiled(NamedTuple):
    """A pattern that compiles (`regexp`), or why it does not; neither when RE2 cannot tell (too large)."""

    regexp: Any = None
    why: str = ""


def compiled(pattern: str) -> Compiled:
    """The pattern as Go's regexp.Compile takes it. Never raises."""
    # Imported here: a run without patterns does not pay for it.
    import re2

    if found := _ONE_BYTE.search(pattern):
        return Compiled(why=f"invalid escape sequence: \\C at character {found.end() - 1}")
    options = re2.Options()
    options.log_errors = False
    try:
        return Compiled(re2.compile(pattern, options))
    except re2.error as error:
        said = error.args[0] if error.args else ""
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return Compiled() if _TOO_LARGE in why else Compiled(why=why or "it is no regular expression")
    except UnicodeError:
        return Compiled(why="it is no UTF-8 text")
