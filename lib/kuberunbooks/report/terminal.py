"""What a run prints when it ends: verdict first, then what to do, then where the files are.

`str()` of it is plain text; a rich console adds colour. Commands are never
wrapped, so that they can be copied.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from kuberunbooks.findings import NextStep

from .model import RunReport
from .words import Words, clean

if TYPE_CHECKING:
    from rich.text import Text

WIDTH = 92
"""Columns that prose is wrapped to."""

SYMBOLS = {
    "critical": "✖",
    "warning": "▲",
    "info": "●",
    "ok": "✔",
    "unknown": "◆",
    "refused": "◆",
    "failed": "◆",
    "skipped": "○",
    "not_run": "○",
}
"""A shape beside every word, the same in every text output."""

_STYLES = {
    "critical": "bold white on red",
    "warning": "bold black on yellow",
    "info": "bold white on blue",
    "ok": "bold black on green",
    "unknown": "bold white on magenta",
}


def terminal(report: RunReport, files: Mapping[str, object] | None = None) -> Text:
    """The end of a run on a terminal. `files` are names and paths, printed last."""
    from rich.text import Text

    words = Words(report.language)
    text = Text(no_wrap=True, overflow="ignore")
    mark = "partly" if report.outcome == "partly" else report.severity
    text.append(f" {SYMBOLS[report.severity]} {words(f'mark_{mark}')} ", _STYLES[report.severity])
    text.append(clean(f" {report.runbook} · {report.target_text or report.target}\n\n"))
    text.append(_wrapped(report.verdict) + "\n\n", "bold")
    if report.failure is not None and report.outcome == "found":
        text.append(_wrapped(words("verdict_stopped", sentence=report.failure.sentence)) + "\n\n")
    width = max((len(fact.label) for fact in report.facts), default=0) + 2
    for fact in report.facts:
        text.append(fact.label.ljust(width), "dim")
        text.append(_wrapped(fact.text, " " * width).lstrip() + "\n")
    if report.next:
        text.append(f"\n{words('do_next')}\n", "bold")
        for line, style in next_lines(report.next, words):
            text.append(line + "\n", style)
    text.append("\n" + _wrapped(report.coverage_line) + "\n", "dim")
    if files:
        text.append(f"\n{words('text_files')}\n", "bold")
        longest = max(map(len, files)) + 2
        for name, path in files.items():
            text.append(clean(f"  {name.ljust(longest)}{path}\n"))
    text.right_crop(1)
    return text


def next_lines(steps: Iterable[NextStep], words: Words) -> Iterable[tuple[str, str]]:
    """Numbered reasons and their commands as lines with a rich style."""
    for number, step in enumerate(steps, 1):
        changes = f" [{words('next_changes')}]" if step.changes else ""
        yield _wrapped(f"  {number}. {step.why}{changes}", "     "), ""
        for line in clean(step.command).splitlines():
            yield f"     {line}", "cyan"


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        clean(text),
        WIDTH,
        initial_indent="" if text.startswith(" ") else indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
