"""Secrets met once and found wherever they come up again: a password of the env in a log line.

The chain knows secrets by their surroundings. A value that stood in a
secret-looking env entry has none in a stack trace, so it is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .names import TRIVIAL, is_path, is_reference
from .pseudonyms import PLACEHOLDER
from .spans import Span

SHORTEST = 6
"""Bytes below which a value is too likely to be part of something else."""

_COMMON = TRIVIAL | frozenset(
    b"postgres postgresql mysql mariadb mongodb mongo redis rabbitmq kafka elastic elasticsearch "
    b"kibana grafana prometheus default kubernetes cluster service services server client backend "
    b"frontend database production staging development testing localhost example system public private "
    b"master worker primary replica debug release stable latest nginx".split()
)
_WORD = re.compile(rb"[A-Za-z]+(?:[-_.][A-Za-z]+)*")
_KINDS = ("password", "secret", "key", "token", "connection", "credential", "private-key")
_OWN_WORDS = tuple(b"[redacted:%s:1]" % kind.encode() for kind in _KINDS)
_DIGITS = re.compile(rb"\d+")
_MANY = 32


def is_name_in(body: bytes, value: str) -> bool:
    """Whether an API answer uses a word as the value of any other field than an env entry's."""
    word = value.encode("utf-8", "replace")
    if not _WORD.fullmatch(word) or b'"%s"' % word not in body:
        return False
    return re.search(rb'"(?!value")[^"\\]{1,80}":\s*"' + re.escape(word) + b'"', body) is not None


class Learned:
    """The values to look for."""

    def __init__(self) -> None:
        self._kinds: dict[bytes, str] = {}
        self._words: dict[bytes, re.Pattern[bytes]] = {}
        self._pattern: re.Pattern[bytes] | None = None

    def add(self, value: bytes, kind: str) -> None:
        """Remembers a value unless it is too short or too ordinary to be looked for."""
        value = value.strip()
        if len(value) < SHORTEST or value in self._kinds or value.lower() in _COMMON or value.isdigit():
            return
        own = _DIGITS.sub(b"1", value)
        if (
            is_reference(value)
            or is_path(value)
            or PLACEHOLDER.search(value)
            or any(own in text for text in _OWN_WORDS)
        ):
            return
        self._kinds[value] = kind
        self._pattern = None
        if _WORD.fullmatch(value):
            # A password that is a word is only replaced where it stands alone.
            self._words[value] = re.compile(rb"(?<![\w.-])" + re.escape(value) + rb"(?![\w-])")

    def forget(self, names: Iterable[str]) -> None:
        """Stops looking for words that are names of things too: a password `payments` hides no Deployment."""
        for name in names:
            value = name.encode("utf-8", "replace")
            if self._words.pop(value, None) is not None:
                del self._kinds[value]
                self._pattern = None

    def __len__(self) -> int:
        return len(self._kinds)

    def spans(self, body: bytes) -> Iterator[Span]:
        """Where learned values stand."""
        if len(self._kinds) > _MANY:
            yield from self._spans_of_many(body)
            return
        for value, kind in self._kinds.items():
            if value in body:
                yield from self._places(body, value, kind)

    def _places(self, body: bytes, value: bytes, kind: str) -> Iterator[Span]:
        word = self._words.get(value)
        if word is not None:
            for match in word.finditer(body):
                yield Span(*match.span(), kind)
            return
        place = -1
        while (place := body.find(value, place + 1)) >= 0:
            yield Span(place, place + len(value), kind)

    def _spans_of_many(self, body: bytes) -> Iterator[Span]:
        if self._pattern is None:
            self._pattern = re.compile(_prefix_tree(sorted(self._kinds)))
        present = {match[0] for match in self._pattern.finditer(body)}
        # The longest match hides shorter values inside it; they are covered by its span.
        for value in sorted(present):
            yield from self._places(body, value, self._kinds[value])


def _prefix_tree(values: list[bytes]) -> bytes:
    """One pattern for all values with shared beginnings written once, longest first."""
    if len(values) == 1:
        return re.escape(values[0])
    branches: dict[int, list[bytes]] = {}
    for value in values:
        if value:
            branches.setdefault(value[0], []).append(value[1:])
    inner = b"|".join(re.escape(bytes([first])) + _prefix_tree(rest) for first, rest in branches.items())
    return b"(?:" + inner + (b"|)" if b"" in values else b")")
