"""report.json: what a run comes to, complete enough to make every other output from it.

`collect` makes it from an executed notebook; report.html, summary.md, the
terminal and tickets are made from it. Published as docs/report.schema.json.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from kuberunbooks.cluster import Coverage, Data, Origin
from kuberunbooks.findings import Exhibit, Failure, Finding, Mark, NextStep, StepStatus
from kuberunbooks.objects import Time

Outcome = Literal["found", "good", "partly", "unknown"]
"""`found`: there is a headline. `good`: all was checked, nothing found. `partly`: nothing
found, but something could not be checked. `unknown`: nothing could be checked."""

ReportSeverity = Literal["critical", "warning", "info", "ok", "unknown"]


class Fact(Data, kw_only=True):
    """One of the facts of the first screen; `key` is stable, label and text are in the report's language."""

    key: str
    label: str
    text: str


class StepReport(Data, kw_only=True):
    """A step as the report keeps it: `findings` are codes, the findings themselves stand in the report.

    `seconds` is wall time; `not_run` means the run ended before the step's turn.
    """

    id: str
    name: str = ""
    title: str = ""
    question: str = ""
    status: StepStatus | Literal["not_run"] = "ok"
    verdict: str = ""
    seconds: float = 0.0
    findings: list[str] = []
    exhibits: list[Exhibit] = []
    error: str = ""
    upstream: str = ""


class RunReport(Data, kw_only=True):
    """A run. Times are UTC; `now` is the moment the evidence is from (the recording's, for a case).

    `findings` stand worst first, the headline at the front. `next` are the at
    most three steps of the first screen. `notes` say what the notebook lacks.
    """

    schema: Literal[1] = 1
    runbook: str
    parameters: dict[str, Any] = {}
    target: str = ""
    target_text: str = ""
    source: Origin = msgspec.field(default_factory=Origin)
    started_at: Time = None
    finished_at: Time = None
    now: Time = None
    language: str = "en"
    outcome: Outcome = "unknown"
    severity: ReportSeverity = "unknown"
    verdict: str = ""
    headline: Finding | None = None
    facts: list[Fact] = []
    next: list[NextStep] = []
    change: str = ""
    findings: list[Finding] = []
    steps: list[StepReport] = []
    marks: list[Mark] = []
    coverage: Coverage = msgspec.field(default_factory=Coverage)
    coverage_line: str = ""
    failure: Failure | None = None
    notes: list[str] = []
    versions: dict[str, str] = {}
    pods: int = 0


def to_json(report: RunReport) -> bytes:
    """report.json: UTF-8, indented for people, keys in the order of the schema."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
