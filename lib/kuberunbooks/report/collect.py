"""From an executed notebook to a RunReport.

Called when a run ends, in whatever state it left the notebook, and by nbconvert
when somebody exports a notebook that was run by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from kuberunbooks.cluster import Coverage, Origin
from kuberunbooks.findings import (
    Failure,
    Finding,
    Mark,
    RunStart,
    StepResult,
    Summary,
    Words,
    headline,
    precedence,
    without_explained,
)

from .model import RunReport, StepReport
from .notebook_outputs import Outputs, read_outputs, tidy
from .verdict import judge


def collect(
    nb: Any,
    *,
    parameters: dict[str, Any],
    failure: Failure | None = None,
    finished_at: datetime | None = None,
) -> RunReport:
    """What the run comes to. `failure` is why the run layer stopped it, None when it went to its end.

    Whatever the notebook lacks is worked out from what it has and said in
    `notes`. Never raises for what stands in the notebook.
    """
    parameters = tidy(parameters)
    words = Words(str(parameters.get("language", "en")))
    found = read_outputs(nb, words)
    return _report_of(found, parameters, failure, finished_at, words)


def compose(start: RunStart, steps: Sequence[StepResult], summary: Summary) -> RunReport:
    """What a session comes to so far: what its closing cell shows, before there is an executed notebook."""
    found = Outputs(start, {step.id: step for step in steps}, summary, None, [])
    return _report_of(found, {}, None, summary.finished_at, Words(start.language))


def _report_of(
    found: Outputs,
    parameters: dict[str, Any],
    failure: Failure | None,
    finished_at: datetime | None,
    words: Words,
) -> RunReport:
    start = found.start or _assumed_start(parameters, found)
    summary = found.summary or Summary()
    report = RunReport(
        runbook=start.runbook,
        parameters=parameters,
        target=start.target,
        target_text=start.target_text or _target_text(parameters),
        source=start.source,
        started_at=start.started_at,
        finished_at=finished_at or summary.finished_at,
        now=start.now,
        language=start.language,
        change=summary.change,
        steps=[*(_step_report(step, start) for step in found.steps.values()), *_steps_not_run(found)],
        marks=_marks(found, summary),
        coverage=_coverage(start, found.summary),
        failure=_tidy_failure(failure or found.error or start.failure),
        notes=[*found.notes, *_lacking(found, words)],
        versions=start.versions,
        pods=start.pods,
    )
    report.findings = _worst_first([one for step in found.steps.values() for one in step.findings])
    report.headline = headline(report.findings)
    judge(report)
    return report


def _assumed_start(parameters: dict[str, Any], found: Outputs) -> RunStart:
    case = str(parameters.get("case", ""))
    observed = [one.observed_at for step in found.steps.values() for one in step.findings if one.observed_at]
    now = max(observed, default=datetime.now(UTC))
    return RunStart(
        runbook=next((one.guide for step in found.steps.values() for one in step.findings), ""),
        target=str(parameters.get("target", "")),
        source=Origin(kind="case" if case else "live", case=case, context=str(parameters.get("context", ""))),
        started_at=now,
        now=now,
        language=str(parameters.get("language", "en")),
    )


def _target_text(parameters: dict[str, Any]) -> str:
    namespace, target = str(parameters.get("namespace", "")), str(parameters.get("target", ""))
    place = "all namespaces" if namespace == "-" else namespace
    return "/".join(part for part in (place, target) if part)


def _tidy_failure(failure: Failure | None) -> Failure | None:
    # It quotes what an exception said, which may be anything a program printed.
    return msgspec.convert(tidy(msgspec.to_builtins(failure)), Failure) if failure is not None else None


def _step_report(step: StepResult, start: RunStart) -> StepReport:
    # Without a cluster every step is skipped; that is not the same as having had nothing to look at.
    idle = start.failure is not None and step.status == "skipped"
    return StepReport(
        id=step.id,
        name=step.name,
        title=step.title,
        question=step.question,
        status="not_run" if idle else step.status,
        verdict=step.verdict,
        seconds=step.seconds,
        findings=list(dict.fromkeys(one.code for one in step.findings)),
        exhibits=step.exhibits,
        error=step.error,
        upstream=step.upstream,
    )


def _steps_not_run(found: Outputs) -> list[StepReport]:
    """The steps whose turn did not come. A notebook that ran to its end chose its steps."""
    if found.start is None or found.summary is not None:
        return []
    return [
        StepReport(id=id_, title=title, status="not_run")
        for id_, title in found.start.planned.items()
        if id_ not in found.steps
    ]


def _marks(found: Outputs, summary: Summary) -> list[Mark]:
    marks = [*summary.marks, *(mark for step in found.steps.values() for mark in step.marks)]
    once = {(mark.at, mark.lane, mark.kind, mark.text): mark for mark in reversed(marks)}
    return [once[key] for key in sorted(once)]


def _coverage(start: RunStart, summary: Summary | None) -> Coverage:
    return summary.coverage if summary is not None else start.coverage


def _lacking(found: Outputs, words: Words) -> list[str]:
    notes = []
    if found.start is None and (found.steps or found.summary):
        notes.append(words("note_start_missing"))
    if found.summary is None and (found.start or found.steps):
        notes.append(words("note_summary_missing"))
    return notes


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Headline first; what another finding explains goes behind the causes of the same severity."""
    top = headline(findings)
    unexplained = {id(one) for one in without_explained(findings)}

    def key(one: Finding) -> tuple[object, ...]:
        severity, *others = precedence(one)
        return (one is not top, severity, id(one) not in unexplained, *others)

    return sorted(findings, key=key)
