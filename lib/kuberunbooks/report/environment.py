"""The Jinja2 environment of every HTML the report makes: autoescape on, templates from this package only."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from kuberunbooks.findings import Bars, Lines, Route
from kuberunbooks.objects import Evidence, Time

from .charts import draw_bars, draw_lines
from .words import clean, moment

TEMPLATES = Path(__file__).parent / "templates"

_CODE = re.compile(r"`([^`\n]+)`")
_BREAK = re.compile(r"(?<=[/.#:])(?=\w)")
_BLANKS = re.compile(r"(\s+)")
_SHORT = 18
_LINK = re.compile(r"^https://[A-Za-z0-9.\-]+(?:/[A-Za-z0-9._~\-/#%?=&+]*)?$")


@functools.cache
def environment() -> jinja2.Environment:
    """The environment; a missing value is an error, never an empty place."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        prose=prose,
        link=link,
        moment=_moment,
        clock=_clock,
        clean=clean,
        wrap=breakable,
        is_short=is_short,
        command=command,
        by_source=by_source,
        draw_bars=draw_bars,
        draw_lines=draw_lines,
    )
    made.tests["picture"] = lambda one: isinstance(one, Route | Bars | Lines)
    return made


def prose(text: str) -> Markup:
    """Escaped text in which `backticks` become code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def link(url: str) -> str:
    """The URL when it is a plain https one, else nothing: a link must not be able to act."""
    return url if _LINK.match(url) else ""


def breakable(text: str) -> Markup:
    """Escaped text that may break after `/`, `.`, `#` and `:`: long paths wrap where they read best."""
    return escape(text) if is_short(text) else Markup("<wbr>").join(_BREAK.split(text))


def is_short(text: str) -> bool:
    """Short enough to stand on one line beside a long value, rather than break inside a word."""
    return len(text) <= _SHORT


def command(text: str) -> Markup:
    """An escaped command that never breaks inside a short flag: `-n` at the end of a line reads as `-`."""
    return Markup("").join(
        Markup("<span>{}</span>").format(piece)
        if piece.startswith("-") and len(piece) <= 30
        else escape(piece)
        for piece in _BLANKS.split(text)
    )


def by_source(evidence: Iterable[Evidence]) -> list[tuple[str, list[Evidence]]]:
    """Evidence under the object it was read from, which is then named once; both in the order given."""
    found: dict[str, list[Evidence]] = {}
    for one in evidence:
        found.setdefault(one.source, []).append(one)
    return list(found.items())


def _moment(at: Time) -> str:
    return moment(at) if isinstance(at, datetime) else ""


def _clock(at: Time) -> str:
    return moment(at)[11:19] if isinstance(at, datetime) else ""
