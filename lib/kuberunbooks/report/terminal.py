"""What a run prints when it ends: verdict first, then what to do, then where the files are.

`str()` of it is plain text; a rich console adds colour. Commands are never
wrapped, so that they can be copied.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from kuberunbooks.findings import NextStep, Words

from .model import RunReport
from .words import clean

if TYPE_CHECKING:
    from rich.text import Text

WIDTH = 92
"""Columns that prose is wrapped to at most; a narrower terminal gets its own width."""

LEAST_WIDTH = 40
"""Narrower than this, prose wrapped to words would read worse than lines the terminal wraps itself."""

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
    """The end of a run, as wide as the terminal is. `files` are names and paths, printed last."""
    from rich.text import Text

    text = Text(no_wrap=True, overflow="ignore")
    columns = min(WIDTH, max(LEAST_WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))
    for piece, style in pieces(report, files, columns):
        text.append(piece, style)
    text.rstrip()
    return text


def pieces(
    report: RunReport, files: Mapping[str, object] | None = None, columns: int = WIDTH
) -> Iterator[tuple[str, str]]:
    """The same as pairs of text and rich style, in order, line ends included."""
    words = Words(report.language)
    mark = "partly" if report.outcome == "partly" else report.severity
    yield f" {SYMBOLS[report.severity]} {words(f'mark_{mark}')} ", _STYLES[report.severity]
    yield clean(f" {report.runbook} · {report.target_text or report.target}\n\n"), ""
    yield _wrapped(report.verdict, columns) + "\n\n", "bold"
    if report.failure is not None and report.outcome == "found":
        yield _wrapped(words("verdict_stopped", sentence=report.failure.sentence), columns) + "\n\n", ""
    width = max((len(fact.label) for fact in report.facts), default=0) + 2
    for fact in report.facts:
        yield fact.label.ljust(width), "dim"
        yield _wrapped(fact.text, columns, width) + "\n", ""
    if report.next:
        yield f"\n{words('do_next')}\n", "bold"
        yield from ((line + "\n", style) for line, style in next_lines(report.next, words, columns))
    yield "\n" + _wrapped(report.coverage_line, columns) + "\n", "dim"
    if files:
        yield f"\n{words('text_files')}\n", "bold"
        longest = max(map(len, files)) + 2
        yield from ((clean(f"  {name.ljust(longest)}{path}\n"), "") for name, path in files.items())


def next_lines(steps: Iterable[NextStep], words: Words, columns: int = WIDTH) -> Iterator[tuple[str, str]]:
    """Numbered reasons and their commands as lines with a rich style."""
    for number, step in enumerate(steps, 1):
        changes = f" [{words('next_changes')}]" if step.changes else ""
        yield "  " + _wrapped(f"{number}. {step.why}{changes}", columns, 5, 2), ""
        for line in clean(step.command).splitlines():
            yield f"     {line}", "cyan"


def _wrapped(text: str, columns: int, indent: int = 0, begun: int | None = None) -> str:
    """Later lines are indented; of the first, `begun` columns (or the indent) are already printed."""
    taken = indent if begun is None else begun
    lines = textwrap.fill(
        clean(text),
        columns,
        initial_indent=" " * taken,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines[taken:]
