"""Places in a text that hold a secret, and taking them all out at once.

Every rule looks at the original text and only reports where: no rule sees
another's replacements, so their order does not matter and nothing is redacted twice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from .pseudonyms import Pseudonyms, placeholders


class Span(NamedTuple):
    """Bytes `start` to `end` are a secret; `identity` is its one form when its spelling varies."""

    start: int
    end: int
    kind: str
    identity: bytes = b""


def merge(spans: Iterable[Span], body: bytes) -> list[Span]:
    """Spans in order and apart: overlapping ones become one, those inside a given name are dropped."""
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    given = placeholders(body)
    starts = [start for start, _ in given]
    merged: list[Span] = []
    for span in ordered:
        if given:
            place = bisect_right(starts, span.start) - 1
            if place >= 0 and span.start < given[place][1]:
                continue
            last = bisect_right(starts, span.end - 1) - 1
            if last >= 0 and given[last][0] < span.end < given[last][1]:
                span = span._replace(end=given[last][1])
        if merged and span.start < merged[-1].end:
            if span.end > merged[-1].end:
                merged[-1] = merged[-1]._replace(end=span.end, identity=b"")
            continue
        merged.append(span)
    return merged


def splice(body: bytes, spans: list[Span], pseudonyms: Pseudonyms) -> bytes:
    """The body with every span replaced by its secret's name."""
    pieces: list[bytes] = []
    place = 0
    for span in spans:
        pieces += (
            body[place : span.start],
            pseudonyms.name(span.identity or body[span.start : span.end], span.kind),
        )
        place = span.end
    pieces.append(body[place:])
    return b"".join(pieces)
