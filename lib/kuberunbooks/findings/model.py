"""A finding, and what a step leaves behind: plain data, ready for JSON.

Guides make them, the report prints them, and an executed notebook carries them
as `application/vnd.kuberunbooks.step+json`. Text stands in the catalogue; the
fields title, summary, explanation and next are filled from it when the step ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

import msgspec

from kuberunbooks.cluster import Coverage, Data, Origin
from kuberunbooks.objects import Evidence, KubernetesObject, Time

from .charts import Bars, Lines

Severity = Literal["critical", "warning", "info", "ok"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info", "ok")

STEP_MIME = "application/vnd.kuberunbooks.step+json"
RUN_MIME = "application/vnd.kuberunbooks.run+json"
SUMMARY_MIME = "application/vnd.kuberunbooks.summary+json"


class Subject(msgspec.Struct, kw_only=True, frozen=True):
    """What a finding is about."""

    kind: str
    namespace: str
    name: str
    container: str = ""

    @property
    def text(self) -> str:
        """`pod/web-1`, as kubectl takes it."""
        return f"{self.kind.lower()}/{self.name}"


class NextStep(Data, kw_only=True):
    """One thing to do: why, the command to copy (may be empty), and whether it changes anything."""

    why: str
    command: str = ""
    changes: bool = False


class Finding(Data, kw_only=True):
    """One thing found, with where it was read.

    `count` objects share it (`affected` names them, the subject first); `total`
    is how many objects the owner has, 0 when that is no meaningful number.
    `since` is when it began, as far as the evidence shows. `confidence` is
    `confirmed` when the cluster states it, `likely` when it was concluded.
    """

    code: str
    severity: Severity
    subject: Subject
    facts: dict[str, Any] = {}
    evidence: list[Evidence] = []
    confidence: Literal["confirmed", "likely"] = "confirmed"
    since: Time = None
    guide: str = ""
    step: str = ""
    owner: str = ""
    count: int = 1
    total: int = 0
    affected: list[str] = []
    title: str = ""
    summary: str = ""
    explanation: str = ""
    next: list[NextStep] = []
    upstream: str = ""
    observed_at: Time = None
    group: tuple[Any, ...] = ()


def finding(
    code: str,
    subject: KubernetesObject | Subject,
    *,
    container: str = "",
    severity: Severity | None = None,
    evidence: Evidence | Iterable[Evidence] = (),
    since: datetime | None = None,
    likely: bool = False,
    group: tuple[Any, ...] = (),
    **facts: Any,
) -> Finding:
    """A finding of `code` about `subject`.

    `severity` only when it differs from the catalogue's default. `facts` are
    JSON values the catalogue's texts use. `group` holds what must be equal,
    beside code, severity, owner and container, for findings on several objects
    to be one finding with a count.
    """
    from .catalogue import default_severity

    if isinstance(subject, KubernetesObject):
        subject = Subject(
            kind=subject.kind, namespace=subject.namespace, name=subject.name, container=container
        )
    return Finding(
        code=code,
        severity=severity or default_severity(code),
        subject=subject,
        facts=facts,
        evidence=[evidence] if isinstance(evidence, Evidence) else list(evidence),
        confidence="likely" if likely else "confirmed",
        since=since,
        group=group,
    )


class Column(Data, kw_only=True):
    """A column of an evidence table."""

    name: str
    numeric: bool = False


class Table(Data, kw_only=True, tag_field="type", tag="table"):
    """Evidence side by side: every row has one text per column.

    A `leading` one is what the reader came for: the page shows it above the findings.
    """

    caption: str
    columns: list[Column]
    rows: list[list[str]]
    omitted: int = 0
    leading: bool = False


class LogLine(Data, kw_only=True):
    """One line of an excerpt: its number in the log, how often it repeats, whether it looks like a cause."""

    number: int
    text: str
    at: Time = None
    marked: bool = False
    repeats: int = 1


class LogExcerpt(Data, kw_only=True, tag_field="type", tag="log"):
    """What was kept of a log. `note` says what is missing, or why there is none."""

    source: str
    caption: str
    lines: list[LogLine] = []
    total_lines: int = 0
    note: str = ""


class Document(Data, kw_only=True, tag_field="type", tag="document"):
    """A longer text shown as it is: an object as YAML (`yaml`), or what changed between two (`diff`).

    A diff has the unified form of `diff -u`. `left_out` is how many characters are not here.
    """

    caption: str
    text: str
    form: Literal["yaml", "diff"] = "yaml"
    left_out: int = 0


class Note(Data, kw_only=True, tag_field="type", tag="note"):
    """A remark that is no finding: why something was not looked at."""

    text: str


HopState = Literal["critical", "warning", "ok", "unchecked"]


class Hop(Data, kw_only=True):
    """One stop on the way of a request: what it is (`DNS`), which one (`kube-dns`), and how it is."""

    label: str
    name: str = ""
    state: HopState = "unchecked"
    says: str = ""


class Route(Data, kw_only=True, tag_field="type", tag="route"):
    """The way of a request, hop by hop, drawn as a picture."""

    caption: str
    hops: list[Hop]


class Mark(Data, kw_only=True):
    """A mark on the timeline: `kind` is event, restart, condition, change, deletion, alert or run."""

    lane: str
    at: datetime
    kind: str
    text: str
    severity: Severity = "info"
    count: int = 1
    until: Time = None


Exhibit = Table | LogExcerpt | Document | Route | Bars | Lines | Note

StepStatus = Literal["critical", "warning", "info", "ok", "skipped", "refused", "failed"]


class StepResult(Data, kw_only=True):
    """What one step found, and from what.

    `seconds` is wall time. `status` is the worst severity, `skipped` when there
    was nothing to look at, `refused` when nothing could be read, `failed` when
    our own code failed (then `error` says how).
    """

    id: str
    name: str
    title: str
    question: str = ""
    status: StepStatus = "ok"
    verdict: str = ""
    seconds: float = 0.0
    findings: list[Finding] = []
    exhibits: list[Exhibit] = []
    marks: list[Mark] = []
    error: str = ""
    upstream: str = ""


class Failure(Data, kw_only=True):
    """Why a run could not look: the error's class, its sentence, the advice, the exit status it asks for."""

    error: str
    sentence: str
    advice: str
    exit_status: int


class RunStart(Data, kw_only=True):
    """What the opening cell leaves behind. `planned` are the guide's steps, id and title, in order."""

    runbook: str
    target: str
    target_text: str = ""
    source: Origin
    started_at: datetime
    now: datetime
    language: str = "en"
    pods: int = 0
    coverage: Coverage = msgspec.field(default_factory=Coverage)
    versions: dict[str, str] = {}
    planned: dict[str, str] = {}
    failure: Failure | None = None


class Summary(Data, kw_only=True):
    """What the closing cell leaves behind; what it lacks is worked out again from the steps."""

    verdict: str = ""
    change: str = ""
    marks: list[Mark] = []
    coverage: Coverage = msgspec.field(default_factory=Coverage)
    finished_at: Time = None
