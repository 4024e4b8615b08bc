"""A cell's output: HTML for JupyterLab, text for a terminal; verdict, evidence, what to do.

Called by the notebook session for every cell it shows. One quiet line when
nothing is wrong. The HTML needs no script and carries its own few styles, scoped
to it, since JupyterLab shows it among other people's outputs.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Coverage
from kuberunbooks.findings import (
    Bars,
    Document,
    Finding,
    Lines,
    LogExcerpt,
    Route,
    RunStart,
    StepResult,
    Summary,
    Table,
    Words,
    without_explained,
)

from .charts import draw_bars, series_text, sparkline
from .environment import by_source, environment
from .model import RunReport
from .page import page_of
from .terminal import SYMBOLS, next_lines, pieces
from .verdict import place_of
from .words import clean, moment, shorten

MOST_FINDINGS = 10
MOST_ROWS = 12
MOST_LINES = 12
"""What a terminal shows of each; the HTML and the report show more."""

_BAR = 20
_QUIET = ("ok", "skipped")


def html_of(data: RunStart | StepResult | Summary | RunReport) -> str:
    """Escaped HTML, no script. A RunReport is what the closing cell shows."""
    kind = {RunStart: "start", StepResult: "step", Summary: "summary", RunReport: "report"}[type(data)]
    words = Words(data.language if isinstance(data, RunStart | RunReport) else "en")
    template = environment().get_template("cell.html.j2")
    return template.render(
        data=data,
        kind=kind,
        w=words,
        quiet=isinstance(data, StepResult) and data.status in _QUIET and not data.exhibits,
        symbols=SYMBOLS,
        shown=_shown(data) if isinstance(data, StepResult) else [],
        place=place_of(data.source, words) if isinstance(data, RunStart) else "",
        page=page_of(data, {}) if isinstance(data, RunReport) else None,
    ).strip()


def _shown(step: StepResult) -> list[tuple[Finding, bool]]:
    """The findings of a step, and which are open: the first of every cause; symptoms come folded."""
    worth = [one for one in step.findings if one.severity != "ok"]
    causes = {id(one) for one in without_explained(worth)}
    seen: set[str] = set()
    shown = []
    for one in worth:
        shown.append((one, id(one) in causes and one.code not in seen))
        seen.add(one.code)
    return shown


def text_of(data: RunStart | StepResult | Summary | RunReport) -> str:
    """Plain text, no control characters: verdict first."""
    if isinstance(data, RunReport):
        return "".join(piece for piece, _ in pieces(data)).strip()
    if isinstance(data, StepResult):
        lines = _step(data, Words())
    elif isinstance(data, RunStart):
        lines = _start(data, Words(data.language))
    else:
        lines = _summary(data, Words())
    return "\n".join(clean(line) for line in lines)


def _start(start: RunStart, words: Words) -> Iterator[str]:
    yield " · ".join(filter(None, (start.runbook, start.target_text or start.target)))
    yield f"  {place_of(start.source, words)}, {moment(start.now)}"
    if start.failure is not None:
        yield f"{SYMBOLS['unknown']} {words('mark_unknown')}: {start.failure.sentence}"
        yield f"  {start.failure.advice}"
    elif start.pods:
        yield f"  {words.count('pod', start.pods)}"
    yield from _gaps(start.coverage, words)


def _step(step: StepResult, words: Words) -> Iterator[str]:
    state = words(f"status_{step.status}")
    yield f"{SYMBOLS[step.status]} {step.id} {step.title} [{state}] {step.verdict}"
    if step.error:
        yield f"  {words('step_error')}: {step.error}"
    routes = [one for one in step.exhibits if isinstance(one, Route)]
    if step.status in _QUIET:
        for route in routes:
            yield from _route(route, words)
        return
    for one in step.findings[:MOST_FINDINGS]:
        yield from _finding(one, words)
    if len(step.findings) > MOST_FINDINGS:
        yield f"  + {words.count('finding', len(step.findings) - MOST_FINDINGS)}"
    if step.status not in ("critical", "warning"):
        return
    for exhibit in step.exhibits:
        if isinstance(exhibit, Table):
            yield from _table(exhibit, words)
        elif isinstance(exhibit, LogExcerpt):
            yield from _log(exhibit, words)
        elif isinstance(exhibit, Document):
            yield from _document(exhibit)
        elif isinstance(exhibit, Route):
            yield from _route(exhibit, words)
        elif isinstance(exhibit, Bars):
            yield from _bars(exhibit)
        elif isinstance(exhibit, Lines):
            yield from _lines(exhibit)
        else:
            yield f"  {exhibit.text}"


def _finding(one: Finding, words: Words) -> Iterator[str]:
    yield f"  {SYMBOLS[one.severity]} {one.summary or one.title}"
    for source, quotes in by_source(one.evidence):
        yield from (f"    {each.path} = {shorten(each.value, 200)}" for each in quotes)
        yield f"      {words('text_evidence')} {source}"
    if one.next:
        yield f"    {words('text_next')}:"
        yield from (f"  {line}" for line, _ in next_lines(one.next, words))


def _table(table: Table, words: Words) -> Iterator[str]:
    shown = [[column.name for column in table.columns], *table.rows[:MOST_ROWS]]
    widths = [
        max(len(row[place]) for row in shown if place < len(row)) for place in range(len(table.columns))
    ]
    yield f"  {table.caption}"
    for row in shown:
        cells = (
            value.rjust(width) if column.numeric else value.ljust(width)
            for value, width, column in zip(row, widths, table.columns, strict=False)
        )
        yield f"    {'  '.join(cells).rstrip()}"
    left = len(table.rows) - MOST_ROWS
    if max(left, 0) + table.omitted > 0:
        yield f"    {words('text_more_rows', rows=words.count('row', max(left, 0) + table.omitted))}"


def _log(log: LogExcerpt, words: Words) -> Iterator[str]:
    yield f"  {log.caption or log.source}" + (f": {log.note}" if log.note else "")
    marked = [line for line in log.lines if line.marked][:MOST_LINES]
    for line in marked or log.lines[-MOST_LINES:]:
        times = f" ({words('log_repeats', n=line.repeats)})" if line.repeats > 1 else ""
        yield f"    {line.number:>6} {line.text}{times}"


def _document(document: Document) -> Iterator[str]:
    """Of a change the lines that changed; a whole object is for the page."""
    yield f"  {document.caption}"
    if document.form == "diff":
        changed = [line for line in document.text.splitlines()[2:] if line.startswith(("+", "-"))]
        yield from (f"    {line}" for line in changed[:MOST_LINES])


def _route(route: Route, words: Words) -> Iterator[str]:
    yield f"  {route.caption}"
    for hop in route.hops:
        symbol = SYMBOLS["skipped" if hop.state == "unchecked" else hop.state]
        says = hop.says or words(f"hop_{hop.state}")
        yield f"    {symbol} {' '.join(filter(None, (hop.label, hop.name)))}: {says}"


def _bars(chart: Bars) -> Iterator[str]:
    yield f"  {chart.caption}"
    shown = draw_bars(chart)[:MOST_ROWS]
    width = max((len(bar.label) for bar in shown), default=0)
    for bar in shown:
        filled = round(bar.width / 100 * _BAR)
        yield f"    {bar.label.ljust(width)} {'█' * filled}{'░' * (_BAR - filled)} {bar.text}"


def _lines(chart: Lines) -> Iterator[str]:
    yield f"  {chart.caption}"
    for one in chart.series[:MOST_ROWS]:
        yield f"    {sparkline(one)} {one.name}: {series_text(one, chart.unit)}"


def _summary(summary: Summary, words: Words) -> Iterator[str]:
    if summary.change:
        yield f"{words('fact_changed')}: {summary.change}"
    marks, lanes = len(summary.marks), len({mark.lane for mark in summary.marks})
    yield f"{words('section_timeline')}: {words.count('mark', marks)}, {words.count('lane', lanes)}"
    yield from _gaps(summary.coverage, words)


def _gaps(coverage: Coverage, words: Words) -> Iterator[str]:
    for one in coverage.refused:
        yield f"  {words('coverage_refused_title')}: {one.what} ({one.why})"
    for one in coverage.missing:
        yield f"  {words('coverage_missing_title')}: {one.what} ({one.why})"
