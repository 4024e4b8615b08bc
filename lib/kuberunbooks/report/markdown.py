"""summary.md: the run for a ticket comment or a chat. Short, and safe to paste anywhere.

Text from a cluster must not become markup, a mention, a link or an image in
somebody's ticket system. Prose is escaped after the CommonMark rules; what
GitHub, GitLab, Jira and chats add on top of them (mentions, references, bare
links) is broken by an invisible word joiner. Commands stand unchanged in fences.
"""

from __future__ import annotations

import re

from kuberunbooks.findings import NextStep, Words

from .model import RunReport
from .verdict import other_causes
from .words import clean, shorten

MOST_ALSO = 5
"""Further findings named; the rest are counted."""
MOST_PROSE = 500
"""Characters of one sentence or value."""

_JOINER = "\u2060"
# What means something inside a line to CommonMark, GFM or Jira; `(` and `!` need a `[` before they do.
_SPECIAL = re.compile(r"([\\`*_\[\]~|{}])")
# `1.`, `-`, `+`, `>` and `=` mean something at the start of a line only.
_LINE_START = re.compile(r"^(\s*)(\d+)([.)])|^(\s*)([-+>=#])")
_REFERENCE = re.compile(r"([@#!$%&~])(?=\w)")
_BARE_LINK = re.compile(r"(?i)(\w:)(?=//)|\b(www)(?=\.)|\b(GH)(?=-\d)|\b(mailto|xmpp|javascript|data)(?=:)")


def to_markdown(report: RunReport) -> str:
    """The report in a few lines of Markdown (CommonMark; fine in GitHub, GitLab and chats)."""
    words = Words(report.language)
    mark = "partly" if report.outcome == "partly" else report.severity
    where = " · ".join(part for part in (report.runbook, report.target_text or report.target) if part)
    parts = [f"**{words(f'mark_{mark}')}** · {escape(where)}", f"**{escape(report.verdict)}**"]
    if report.failure is not None and report.outcome == "found":
        parts.append(escape(words("verdict_stopped", sentence=report.failure.sentence)))
    # The other causes have a list of their own below.
    facts = [fact for fact in report.facts if fact.key != "also"]
    if facts:
        parts.append("\n".join(f"- {fact.label}: {escape(fact.text)}" for fact in facts))
    if report.next:
        parts.append(f"**{words('do_next')}**")
        parts += [_step(number, step, words) for number, step in enumerate(report.next, 1)]
    parts += _also(report, words)
    parts.append(escape(report.coverage_line))
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """One line of prose that stays prose, whatever stands in it. `backticks` are shown, not obeyed."""
    line = shorten(clean(text), MOST_PROSE)
    line = _BARE_LINK.sub(lambda match: f"{match[0]}{_JOINER}", line)
    line = _REFERENCE.sub(rf"\1{_JOINER}", line)
    line = _SPECIAL.sub(r"\\\1", line)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINE_START.sub(lambda match: f"{_JOINER}{match[0]}", line)


def fence(command: str) -> str:
    """The command in a fence that nothing in it can close."""
    longest = max((len(run) for run in re.findall(r"`+", command)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}sh\n{clean(command)}\n{ticks}"


def _step(number: int, step: NextStep, words: Words) -> str:
    why = _with_code(step.why)
    changes = f" **({words('next_changes')})**" if step.changes else ""
    line = f"{number}\\. {why}{changes}"
    return f"{line}\n\n{fence(step.command)}" if step.command else line


def _with_code(text: str) -> str:
    """Prose of the catalogue: its `code` stays code, everything else is escaped."""
    pieces = re.split(r"`([^`\n]+)`", clean(text))
    return "".join(f"`{piece}`" if index % 2 else _spaced(piece) for index, piece in enumerate(pieces))


def _spaced(piece: str) -> str:
    """`escape` with the blanks at the ends kept, which it would trim."""
    head = " " if piece[:1].isspace() else ""
    tail = " " if piece.strip() and piece[-1:].isspace() else ""
    return f"{head}{escape(piece)}{tail}"


def _also(report: RunReport, words: Words) -> list[str]:
    causes = other_causes(report)
    if not causes or report.headline is None:
        return []
    lines = [
        f"- {words(f'status_{one.severity}')}: {escape(one.summary or one.title)}"
        for one in causes[:MOST_ALSO]
    ]
    if len(causes) > MOST_ALSO:
        lines.append(f"- {words('md_more', n=len(causes) - MOST_ALSO)}")
    return [f"**{words('md_also')}**", "\n".join(lines)]
