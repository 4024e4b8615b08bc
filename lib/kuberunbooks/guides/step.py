"""A step of a guide: a generator that reads and decides, turned into a result.

The decorator runs the generator, groups what many objects share, writes the
catalogue's words into the findings, redacts every text, and turns a refused read
into a finding. A step never raises: what failed is in its result. Where a guide asks
what steps of another guide answer, `combined` makes one step of them.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, Forbidden
from kuberunbooks.findings import (
    Bars,
    Finding,
    Lines,
    LogExcerpt,
    Mark,
    Note,
    Owner,
    Route,
    StepResult,
    StepStatus,
    Subject,
    Table,
    Words,
    apply_override,
    fill,
    finding,
    group,
    precedence,
)
from kuberunbooks.redaction import Redactor

from .documents import Change, Manifest, document


class NotChecked(NamedTuple):
    """What a step yields when it could not look at all: a quiet step would pass for "all is well".

    `why` is one sentence for the reader: what is missing, and how to get it.
    """

    why: str


Yielded = Finding | Table | LogExcerpt | Note | Route | Bars | Lines | Mark | Manifest | Change | NotChecked
StepFunction = Callable[[Any, Cluster], Iterator[Yielded]]


class Target(Protocol):
    """What a step needs to know of what the run is about."""

    @property
    def subject(self) -> Subject:
        """The target as a whole, for findings about the step itself."""
        ...

    def owner_of(self, subject: Subject) -> Owner:
        """Who made the subject, and how many of that kind it has."""
        ...


class Step(NamedTuple):
    """A step as the guide declares it; `name` is the function's, by which notebooks call it.

    `parts` run one after the other; what one of them cannot read costs the others nothing.
    """

    id: str
    name: str
    title: str
    question: str
    upstream: str
    parts: tuple[StepFunction, ...]


def step(id_: str, *, title: str, upstream: str = "") -> Callable[[StepFunction], Step]:
    """Declares a step. The function's docstring is the question it answers, as the report shows it."""

    def declare(function: StepFunction) -> Step:
        question = (function.__doc__ or "").strip().splitlines()
        return Step(id_, function.__name__, title, question[0] if question else "", upstream, (function,))

    return declare


def combined(id_: str, name: str, parts: Sequence[Step], *, title: str, question: str) -> Step:
    """One step of a guide that asks what these steps, of other guides as a rule, answer."""
    return Step(id_, name, title, question, "", tuple(function for one in parts for function in one.parts))


def run_step(
    one: Step, target: Target, cluster: Cluster, redactor: Redactor, *, guide: str, language: str
) -> StepResult:
    """Runs a step to its end. Never raises; `seconds` is wall time."""
    result = StepResult(
        id=one.id, name=one.name, title=one.title, question=one.question, upstream=one.upstream
    )
    started = time.perf_counter()
    found: list[Finding] = []
    unchecked: list[str] = []
    for part in one.parts:
        try:
            for item in part(target, cluster):
                if isinstance(item, Finding):
                    found.append(item)
                elif isinstance(item, Mark):
                    result.marks.append(item)
                elif isinstance(item, NotChecked):
                    unchecked.append(item.why)
                elif isinstance(item, Manifest | Change):
                    result.exhibits.append(document(item, redactor))
                else:
                    result.exhibits.append(item)
        except ClusterError as error:
            found.append(_unreadable(error, target, cluster))
            result.error = result.error or str(error)
            result.status = "failed" if result.status == "failed" else "refused"
        except Exception as error:
            # A bug in one rule must not cost the other steps, nor pass for "all is well".
            result.error = f"{type(error).__name__}: {error} ({_place(error)})"
            result.status = "failed"
    result.findings = [_finish(item, one, cluster, guide, language) for item in group(found, target.owner_of)]
    result.findings.sort(key=precedence)
    if len(unchecked) == len(one.parts) and not found and result.status == "ok":
        result.status, result.verdict = "skipped", unchecked[0]
    result = redactor.struct(result)
    result.status = _status(result, len(one.parts))
    result.verdict = _verdict(result, language)
    result.seconds = round(time.perf_counter() - started, 4)
    return result


def _finish(item: Finding, one: Step, cluster: Cluster, guide: str, language: str) -> Finding:
    item.guide, item.step, item.observed_at = guide, one.id, cluster.now
    item.upstream = item.upstream or one.upstream
    apply_override(item)
    return fill(item, language)


def _unreadable(error: ClusterError, target: Target, cluster: Cluster) -> Finding:
    path = getattr(error, "path", "")
    cluster.note_failure(error, f"get {path}" if path else "read the cluster")
    code = "PermissionDenied" if isinstance(error, Forbidden) else "EvidenceUnavailable"
    return finding(code, target.subject, severity="info", why=str(error), what=path, advice=error.advice)


def _status(result: StepResult, parts: int) -> StepStatus:
    """The worst finding; that not all could be read, unless one of several parts found something serious."""
    serious = bool(result.findings) and result.findings[0].severity in ("critical", "warning")
    if result.status in ("failed", "skipped") or (result.status == "refused" and not (serious and parts > 1)):
        return result.status
    if not result.findings:
        return "ok"
    return result.findings[0].severity


def _verdict(result: StepResult, language: str) -> str:
    """The step in one line: the worst finding's title, or the quiet line."""
    words = Words(language)
    if result.status == "failed":
        return words("step_failed")
    if result.status == "skipped":
        return result.verdict
    if result.findings:
        return result.findings[0].title
    return words("step_quiet")


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename.rpartition('/')[2]}:{frame.lineno}"
