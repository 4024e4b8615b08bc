"""A name and its value side by side: `password=x`, `"api_key": "x"`, `--token x`, env entries of a manifest.

Works on plain text, JSON, JSON inside JSON (`\\"password\\":\\"x\\"`), YAML, query
strings and connection strings. Every word that may announce a secret is
visited once and its value consumed, which keeps it linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from .names import (
    WORDS,
    Secrecy,
    env_secrecy,
    is_path,
    is_reference,
    is_switch,
    is_trivial,
    looks_random,
    secrecy,
)
from .pseudonyms import PLACEHOLDER
from .spans import Span
from .tokens import holds_user_and_password

_NAME_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"
# Most of these words stand in a sentence: what follows the name tells them apart at once, inside the search.
_NAME_END = (
    rb"""(?=(?P<rest>[\w.-]{0,64})(?:\\*["'\]]?[ \t]{0,8}(?:=|:[^:])|\\*["']?\s{0,4}(?:,|\n|\\n)|[ \t]))"""
)
_LONGEST_VALUE = 4096

_EQUALS = re.compile(rb"""\\*["']?\]?[ \t]{0,8}(?P<sep>=>|:=|==?|:)(?P<gap>(?:[ \t]|\\t){0,8})""")
_FLAG_GAP = re.compile(rb"""(?:[ \t]{1,4}|\\*["'],\s{0,20}(?:-[ \t])?(?=\\*["'])|\n[ \t]{0,40}-[ \t]+)""")
_ENV_VALUE = re.compile(
    rb"""\\*["']?\s{0,4}(?:,|\n|\\n)\s{0,60}\\*["']?value\\*["']?\s{0,4}:\s{0,4}""", re.IGNORECASE
)
_QUOTE = re.compile(rb"""\\*["'`]""")
_BARE = re.compile(
    rb"""(?:[^\s"'`;&,\\<>|]|\\(?![nrt"'\\])|&(?![\w.-]{1,40}=)|,(?![\s"']|\Z|[\w."'-]{1,40}[=:])){1,1024}"""
)
_PROSE = re.compile(rb"[A-Za-z]?[a-z']+[,.]?[ ]+[a-z(]")
_SCHEME_FIRST = re.compile(rb"(?:bearer|basic|token|negotiate|digest)[ ]+", re.IGNORECASE)


def named_values(body: bytes, lowered: bytes) -> Iterator[Span]:
    """Values whose name says that they are secret."""
    present = tuple(word for word in WORDS if word in lowered)
    if not present:
        return
    words = _any_of(present)
    place = 0
    while word := words.search(lowered, place):
        end = place = word.end("rest")
        head = body[max(0, word.start() - 64) : word.start()]
        if (
            body[end] in b" \t"
            and b"-" not in head
            and lowered[end : end + 12].lstrip()[:1] not in (b"=", b":")
        ):
            continue
        start = word.start() - len(head) + len(head.rstrip(_NAME_BYTES))
        name = body[start:end]
        span = _value_after(body, name, start, end)
        if span is not None:
            yield span
            place = span.end


@lru_cache(maxsize=512)
def _any_of(words: tuple[bytes, ...]) -> re.Pattern[bytes]:
    """Searching only for words that are there is several times faster than for all that might be."""
    return re.compile(b"(?:" + b"|".join(re.escape(word) for word in words) + b")" + _NAME_END)


def _value_after(body: bytes, name: bytes, start: int, end: int) -> Span | None:
    text = name.decode("utf-8", "replace")
    entry = _ENV_VALUE.match(body, end)
    if entry is not None:
        return _env_value(body, text, entry.end())
    # A sentence's full stop or a dash is no part of a name.
    stripped = name.rstrip(b".-")
    found = secrecy(text.strip("."))
    if found is None or len(stripped) != len(name):
        return None
    equals = _EQUALS.match(body, end)
    if equals is not None:
        return _value(body, found, equals.end(), loose=equals["sep"] == b":")
    if name.startswith(b"-"):
        gap = _FLAG_GAP.match(body, end)
        if gap is not None and body[gap.end() : gap.end() + 1] != b"-":
            return _value(body, found, gap.end(), loose=False)
    return None


def _env_value(body: bytes, name: str, start: int) -> Span | None:
    kind = env_secrecy(name)
    if not kind:
        return None
    first, last, quoted = _extent(body, start)
    value = body[first:last]
    if (
        is_switch(value.decode("utf-8", "replace"))
        or is_reference(value)
        or (not quoted and value in (b"null", b"~", b"|", b">"))
    ):
        return None
    return Span(first, last, kind)


def _value(body: bytes, name: Secrecy, start: int, *, loose: bool) -> Span | None:
    """The secret that begins at `start`. `loose`: after a colon, where prose is as likely as a value."""
    if body.startswith((b"{", b"[", b"//"), start) and not body.startswith(b"[redacted", start):
        return None
    first, last, quoted = _extent(body, start)
    scheme = _SCHEME_FIRST.match(body, first, last)
    if scheme is not None:
        first = scheme.end()
    elif not quoted and (scheme := _SCHEME_FIRST.match(body, first)) is not None:
        first, last, quoted = _extent(body, scheme.end())
    if PLACEHOLDER.match(body, first):
        return None
    value = body[first:last]
    if is_trivial(value) or (
        is_path(value) and not (name.kind == "password" and not loose and b"/" not in value)
    ):
        return None
    if name.proven and name.kind != "connection":
        if loose and not quoted and _PROSE.match(body, first):
            return None
        if name.kind != "password" and value.isdigit() and len(value) < 9:
            return None
        return Span(first, last, name.kind)
    if name.kind == "connection":
        return None if b"://" in value or b"=" in value else Span(first, last, "password")
    if looks_random(value) or (name.kind == "credential" and holds_user_and_password(value)):
        return Span(first, last, name.kind)
    return None


def _extent(body: bytes, start: int) -> tuple[int, int, bool]:
    """Where the value at `start` begins and ends, and whether it stands in quotes."""
    quote = _QUOTE.match(body, start)
    if quote is not None:
        mark = quote[0]
        first = quote.end()
        limit = min(len(body), first + _LONGEST_VALUE)
        place = first
        while (place := body.find(mark, place, limit)) >= 0:
            if body[place - 1 : place] != b"\\" or place == first:
                return first, place, True
            place += len(mark)
        newline = body.find(b"\n", first, limit)
        return first, newline if newline >= 0 else limit, True
    bare = _BARE.match(body, start)
    if bare is None:
        return start, start, False
    value = bare[0].rstrip(b")]}.,:")
    return start, start + len(value), False
