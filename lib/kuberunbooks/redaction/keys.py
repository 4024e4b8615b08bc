"""PEM blocks that hold something private, whole or cut off, over many lines or in one with `\\n` in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .spans import Span

_BEGIN = re.compile(rb"-----BEGIN (?P<what>[A-Z0-9 ]{1,40})-----")
_END = re.compile(rb"-----END [A-Z0-9 ]{1,40}-----")
# What everybody may see; certificates are evidence (who issued it, when it expires).
_PUBLIC = re.compile(
    rb"(?:TRUSTED |X509 |NEW )?CERTIFICATE(?: REQUEST)?|.*PUBLIC KEY(?: BLOCK)?|X509 CRL|(?:DH|EC) PARAMETERS"
)
# Lines of base64, each perhaps behind a log's timestamp or a line mark, for a block whose end was cut off.
_REST = re.compile(
    rb"(?:(?:\s|\\+[nrt]|[|>\"',+]){0,12}(?:[\dT:.-]{19,36}Z[ \t])?[A-Za-z0-9+/]{16,80}={0,2}){1,400}"
)
_LONGEST = 64 * 1024
_NOISE = re.compile(rb"\\+[nrt]|\s|[\dT:.-]{19,36}Z ")


def private_keys(body: bytes, lowered: bytes) -> Iterator[Span]:
    """From BEGIN to END, or as far as it looks like the rest of a key."""
    del lowered
    if b"-----BEGIN " not in body:
        return
    place = 0
    while begin := _BEGIN.search(body, place):
        place = begin.end()
        if _PUBLIC.fullmatch(begin["what"]):
            continue
        following = body.find(b"-----BEGIN ", place, place + _LONGEST)
        limit = following if following >= 0 else min(len(body), place + _LONGEST)
        end = _END.search(body, place, limit)
        if end is not None:
            stop = end.end()
        else:
            rest = _REST.match(body, place, limit)
            stop = rest.end() if rest else place
        identity = _NOISE.sub(b"", body[begin.start() : stop])
        yield Span(begin.start(), stop, "private-key", identity)
        place = stop
