"""Turning step results into what people read: cells, report.html, report.json, summary.md, the terminal.

The run layer calls `collect` once and then what it needs of `to_json`,
`to_markdown`, `to_html` and `terminal`. The notebook session calls `html_of` and
`text_of` for every cell, and `compose` for what its last one shows. Only
`to_html` imports nbconvert, and only when it is called.
"""

from __future__ import annotations

from typing import Any

from .cell import html_of, text_of
from .collect import collect, compose
from .markdown import to_markdown
from .model import Fact, RunReport, StepReport, to_json
from .terminal import terminal


def to_html(report: RunReport, nb: Any) -> str:
    """report.html: one file, no script, nothing loaded from elsewhere. `nb` is what it was collected from."""
    from .exporter import to_html as export

    return export(report, nb)


def prepare() -> None:
    """Imports and compiles what `to_html` needs, some 0.2 s: for a thread that runs while a kernel works."""
    from .exporter import prepare as load

    load()


__all__ = [
    "Fact",
    "RunReport",
    "StepReport",
    "collect",
    "compose",
    "html_of",
    "prepare",
    "terminal",
    "text_of",
    "to_html",
    "to_json",
    "to_markdown",
]
