"""report.html: what the templates need, worked out from the report and the notebook.

The page is made through nbconvert (exporter.py), so that a notebook of somebody's
own comes through with its Markdown and outputs; our steps are drawn afresh from
their data and never from the HTML stored in the notebook.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from markupsafe import Markup

from kuberunbooks.findings import Finding, Mark, Table, Words, without_explained

from .foreign import is_ours, markdown_html, output_html, without_title
from .model import RunReport, StepReport
from .notebook_outputs import closes, step_ids
from .timeline import MOST_TABLE_ROWS, Drawing, alert_time, draw, kind_word
from .words import moment

MOST_ALIKE = 5
"""Findings of one code shown in full; more are listed folded."""
MOST_LISTED = 500
"""Rows of a folded list; more are in report.json, and the page says so."""


class Card(NamedTuple):
    """A finding in full, with the anchors it is reached by and leads to."""

    anchor: str
    finding: Finding
    step_anchor: str
    top: bool
    open: bool


class Alike(NamedTuple):
    """Findings of one code: the first in full, the `rest` in a folded list, `left` not at all."""

    cards: list[Card]
    rest: list[Finding]
    left: int


class Item(NamedTuple):
    """A piece of the notebook: a step of ours or another cell's outputs, with what was written above it."""

    step: StepReport | None
    anchor: str
    findings: list[tuple[str, Finding]]
    narrative: Markup
    outputs: list[Markup]


class Row(NamedTuple):
    """A label and a value of the section about the run."""

    label: str
    value: str


class Page(NamedTuple):
    """All the templates need."""

    report: RunReport
    words: Words
    causes: list[Alike]
    explained: list[Alike]
    notes: list[Alike]
    drawing: Drawing | None
    marks: list[Mark]
    marks_left: int
    kinds: dict[str, str]
    toc: list[tuple[str, StepReport]]
    intro: Markup
    items: list[Item]
    about: list[Row]
    parameters: list[Row]
    again: str
    code: list[tuple[int, str]]
    leading: list[Table]


def page_of(report: RunReport, nb: Any) -> Page:
    """The page of a report and the notebook it was collected from."""
    words = Words(report.language)
    steps = {step.id: (anchor, step) for anchor, step in _anchored(report.steps)}
    anchors = {id(one): f"finding-{index}" for index, one in enumerate(report.findings, 1)}
    intro, items = _walk(nb, report, steps, anchors, words)
    alert = alert_time(report.parameters.get("alert_time"))
    drawing = draw(
        report.marks,
        now=report.now,
        alert=alert,
        since=report.headline.since if report.headline else None,
        recorded=report.source.kind == "case",
        words=words,
    )
    causes, explained, notes = _sorted_out(report)
    return Page(
        report=report,
        words=words,
        causes=_alike(causes, anchors, steps),
        explained=_alike(explained, anchors, steps),
        notes=_alike(notes, anchors, steps),
        drawing=drawing,
        marks=report.marks[-MOST_TABLE_ROWS:],
        marks_left=max(0, len(report.marks) - MOST_TABLE_ROWS),
        kinds={mark.kind: kind_word(mark.kind, words) for mark in report.marks},
        toc=list(steps.values()),
        intro=intro,
        items=items,
        about=_about(report, words),
        parameters=[Row(name, _plain(value)) for name, value in report.parameters.items()],
        again=again_command(report),
        code=_code(nb),
        leading=[
            one for step in report.steps for one in step.exhibits if isinstance(one, Table) and one.leading
        ],
    )


def again_command(report: RunReport) -> str:
    """The command that gives the same verdict from the case file beside the report."""
    words = ["runbook", "run", report.runbook, "--case", "case.zip"]
    for name in ("namespace", "target", "since"):
        value = report.parameters.get(name)
        if isinstance(value, str) and value:
            words += ["-p", f"{name}={value}"]
    return shlex.join(words)


def _anchored(steps: Iterable[StepReport]) -> list[tuple[str, StepReport]]:
    taken: set[str] = set()
    found = []
    for step in steps:
        slug = "step-" + re.sub(r"[^a-z0-9]+", "-", step.id.lower())[:40].strip("-")
        while slug in taken:
            slug += "-x"
        taken.add(slug)
        found.append((slug, step))
    return found


def _sorted_out(report: RunReport) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Causes, serious findings that a cause explains, and what is only worth knowing."""
    serious = [one for one in report.findings if one.severity in ("critical", "warning")]
    causes = {id(one) for one in without_explained(serious)}
    if report.headline is not None:
        causes.add(id(report.headline))
    return (
        [one for one in report.findings if id(one) in causes],
        [one for one in serious if id(one) not in causes],
        [one for one in report.findings if one.severity == "info" and id(one) not in causes],
    )


def _alike(
    findings: list[Finding], anchors: dict[int, str], steps: dict[str, tuple[str, StepReport]]
) -> list[Alike]:
    found: list[Alike] = []
    for _, group in groupby(findings, key=lambda one: (one.code, one.severity)):
        every = list(group)
        full = every if len(every) <= MOST_ALIKE else every[:1]
        rest = every[len(full) :]
        cards = []
        for one in full:
            top = anchors[id(one)] == "finding-1" and one.severity != "info"
            step = steps.get(one.step)
            cards.append(Card(anchors[id(one)], one, step[0] if step else "", top, top or len(found) < 3))
        found.append(Alike(cards, rest[:MOST_LISTED], max(0, len(rest) - MOST_LISTED)))
    return found


def _walk(
    nb: Any,
    report: RunReport,
    steps: dict[str, tuple[str, StepReport]],
    anchors: dict[int, str],
    words: Words,
) -> tuple[Markup, list[Item]]:
    """The notebook in its order: what introduces it, then its pieces."""
    by_step: dict[str, list[tuple[str, Finding]]] = {}
    for one in report.findings:
        by_step.setdefault(one.step, []).append((anchors[id(one)], one))
    intro, above = Markup(), Markup()
    items: list[Item] = []
    shown: set[str] = set()
    for cell in nb.get("cells", ()):
        if cell.get("cell_type") == "markdown":
            above += markdown_html(str(cell.get("source", "")), cell.get("attachments"))
            continue
        if cell.get("cell_type") != "code":
            continue
        outputs = cell.get("outputs", ())
        foreign = [html for one in outputs if not is_ours(one) and (html := output_html(one, words))]
        ids = [id_ for id_ in step_ids(cell) if id_ in steps and id_ not in shown]
        if closes(cell):
            # What stands above the closing cell introduces a summary that stands at the top of the page.
            above = Markup()
        if items and cell.get("execution_count") is None and not outputs:
            # Never reached: its step stands among those not run, without what introduces it.
            above = Markup()
        if not items and not ids and not foreign:
            intro, above = intro + above, Markup()
            continue
        for id_ in ids:
            shown.add(id_)
            anchor, step = steps[id_]
            items.append(Item(step, anchor, by_step.get(id_, []), without_title(above), foreign))
            above, foreign = Markup(), []
        if foreign or above:
            items.append(Item(None, "", [], above, foreign))
            above = Markup()
    if above:
        items.append(Item(None, "", [], above, []))
    left = [pair for id_, pair in steps.items() if id_ not in shown]
    items += [Item(step, anchor, by_step.get(step.id, []), Markup(), []) for anchor, step in left]
    return intro, items


def _about(report: RunReport, words: Words) -> list[Row]:
    source, redactions = report.source, report.coverage.redactions
    place = source.case if source.kind == "case" else " ".join(filter(None, (source.context, source.server)))
    took = ""
    if report.started_at and report.finished_at:
        seconds = (report.finished_at - report.started_at).total_seconds()
        took = words("about_took", duration=words.duration(seconds))
    alert = str(report.parameters.get("alert_name") or report.parameters.get("alert_time") or "")
    started = words("about_started_alert", alert=alert) if alert else words("about_started_hand")
    rights = words("about_rights_read", n=report.coverage.requests) if source.kind == "live" else ""
    kinds = ", ".join(f"{words.count('value', number)} ({kind})" for kind, number in redactions.items())
    rows = [
        ("about_started_by", started),
        ("about_source", place),
        ("about_asked_as", source.user),
        ("about_groups", ", ".join(source.groups)),
        ("about_rights", rights),
        ("about_server", source.server_version),
        ("about_recorded", moment(source.recorded_at) if source.recorded_at else ""),
        ("about_started", moment(report.started_at) if report.started_at else ""),
        ("about_finished", f"{moment(report.finished_at)}{took}" if report.finished_at else ""),
        ("about_versions", ", ".join(f"{name} {version}" for name, version in report.versions.items())),
        ("about_redactions", kinds or words("about_no_redactions")),
    ]
    return [Row(words(label), value) for label, value in rows if value]


def _plain(value: object) -> str:
    """A parameter as one would write it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _code(nb: Any) -> list[tuple[int, str]]:
    cells = enumerate(nb.get("cells", ()), 1)
    return [
        (number, str(cell.get("source", "")))
        for number, cell in cells
        if cell.get("cell_type") == "code" and str(cell.get("source", "")).strip()
    ]
