"""What a runbook's cells call: open the cluster, run a step, close with the summary.

    guide = notebook.open("pods", context=context, case=case, namespace=namespace, target=target, ...)
    guide.overall()
    guide.summary()

Every cell's value shows itself as HTML, as text and as JSON, so that the executed
notebook carries the machine-readable result and nothing is passed on the side.
No cell raises because of the cluster: when it cannot be read, the opening cell
says so and every step says that it was not run.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kuberunbooks import __version__
from kuberunbooks.cluster import Cluster, Origin
from kuberunbooks.cluster.case_output import CaseOutput
from kuberunbooks.cluster.unreached import UnreachedSource
from kuberunbooks.errors import BadParameter, ClusterError, KubeconfigError, RunbookError, Unreachable
from kuberunbooks.findings import (
    RUN_MIME,
    STEP_MIME,
    SUMMARY_MIME,
    Failure,
    RunStart,
    StepResult,
    Summary,
)
from kuberunbooks.guides import Guide, Target, guide, run_step
from kuberunbooks.guides.registry import Request
from kuberunbooks.guides.step import Step
from kuberunbooks.redaction import Redactor
from kuberunbooks.report import RunReport, compose, html_of, text_of

_SINCE = re.compile(r"^(?P<number>\d+)(?P<unit>[smhd])$")
_WORKLOAD = re.compile(r"^(?!(?:pods?|po)/)[^/]+/")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Shown:
    """A cell's value: the data, and how Jupyter shows it; `report` is shown in place of the data."""

    def __init__(
        self, mime: str, data: RunStart | StepResult | Summary, *, report: RunReport | None = None
    ) -> None:
        self.data = data
        self._mime = mime
        self._report = report

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        return {
            "text/html": html_of(self._report or self.data),
            "text/plain": text_of(self._report or self.data),
            self._mime: msgspec.to_builtins(self.data),
        }


class Session:
    """A guide bound to a cluster and a target; each step of the guide is a method of its name."""

    def __init__(
        self,
        guide_: Guide,
        start: RunStart,
        cluster: Cluster | None,
        target: Target | None,
        redactor: Redactor,
        output: CaseOutput | None = None,
    ) -> None:
        self.start = start
        self.steps: list[StepResult] = []
        self._guide = guide_
        self._cluster = cluster
        self._target = target
        self._redactor = redactor
        self._output = output
        self._by_name = {one.name: one for one in guide_.steps}

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return Shown(RUN_MIME, self.start)._repr_mimebundle_(include, exclude)

    @property
    def step_names(self) -> list[str]:
        """The names of the guide's steps, in order."""
        return list(self._by_name)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._by_name]

    def __getattr__(self, name: str) -> Any:
        one = self.__dict__.get("_by_name", {}).get(name)
        if one is None:
            raise AttributeError(f"The {self._guide.name} guide has no step {name!r}.")
        return lambda: self.run(one)

    def run(self, one: Step) -> Shown:
        """Runs a step: one of the guide, or one made in the notebook with `kuberunbooks.guides.step`."""
        if self._cluster is None or self._target is None:
            sentence = self.start.failure.sentence if self.start.failure else ""
            result = StepResult(
                id=one.id,
                name=one.name,
                title=one.title,
                question=one.question,
                status="skipped",
                verdict=sentence,
            )
        else:
            result = run_step(
                one,
                self._target,
                self._cluster,
                self._redactor,
                guide=self._guide.name,
                language=self.start.language,
            )
        self.steps = [step for step in self.steps if step.id != one.id] + [result]
        return Shown(STEP_MIME, result)

    def summary(self) -> Shown:
        """The closing cell: timeline, what changed, coverage. Writes the case if the runner asked for one."""
        closing = Summary(finished_at=datetime.now(UTC))
        if self._cluster is not None and self._target is not None:
            self._look_back(closing)
            if self._cluster.actor is not None:
                for sentence in self._cluster.actor.close():
                    self._cluster.coverage.truncate(f"{sentence} `runbook cleanup` removes it")
            closing.coverage = self._cluster.coverage
            if self._output is not None and (unwritten := self._output.write()):
                closing.coverage.truncate(unwritten)
            closing.coverage.redactions = dict(self._redactor.counts)
            closing = self._redactor.struct(closing)
        report = compose(self.start, self.steps, closing)
        closing.verdict = report.verdict
        return Shown(SUMMARY_MIME, closing, report=report)

    def _look_back(self, closing: Summary) -> None:
        """Timeline and change: worth having, but their failure must not cost the summary."""
        if self._cluster is None or self._target is None:
            return
        try:
            closing.marks = self._guide.timeline(self._target, self._cluster)
            closing.change = self._guide.change(self._target, self._cluster, self.steps)
        except Exception as error:
            self._cluster.coverage.truncate(f"the timeline ({type(error).__name__}: {error})")


def open(
    runbook: str,
    *,
    context: str = "",
    case: str = "",
    namespace: str = "default",
    target: str = "",
    since: str = "1h",
    language: str = "en",
    **options: Any,
) -> Session:
    """Opens the cluster or the case and finds the target. Never raises: a failure is shown by the cell."""
    started = datetime.now(UTC)
    redactor = Redactor()
    output = CaseOutput(redactor, {"runbook": runbook, "namespace": namespace, "target": target})
    guide_ = guide(runbook)
    start = RunStart(
        runbook=runbook,
        target=target,
        source=Origin(kind="case" if case else "live", case=case, context=context),
        started_at=started,
        now=started,
        language=language,
        versions={"kuberunbooks": __version__},
        planned={step.id: step.title for step in guide_.steps},
    )
    try:
        request = Request("" if namespace == "-" else namespace, target, seconds(since), options, language)
        cluster = _connect(context=context, case=case, output=output, guide_=guide_, request=request)
        start.source, start.now = cluster.origin, cluster.now
        output.transcripts = cluster.given_transcripts
        found = guide_.resolve(cluster, request)
        redactor.learn_pods(getattr(found, "pods", ()))
        start.target_text = getattr(found, "text", target)
        start.pods = len(getattr(found, "pods", ()))
        start.coverage = cluster.coverage
    except Exception as error:
        # Also what nobody expected: a report that says so is worth more than a traceback in a ticket.
        start.failure = _failure(error, redactor)
        output.write()
        return Session(guide_, redactor.struct(start), None, None, redactor)
    return Session(guide_, redactor.struct(start), cluster, found, redactor, output)


def _failure(error: Exception, redactor: Redactor) -> Failure:
    known = isinstance(error, RunbookError)
    return Failure(
        error=type(error).__name__,
        sentence=redactor.text(
            str(error) if known else f"The run could not begin: {type(error).__name__}: {error}."
        ),
        advice=error.advice if isinstance(error, RunbookError) else "",
        exit_status=error.exit_status if isinstance(error, RunbookError) else RunbookError.exit_status,
    )


def seconds(text: str) -> float:
    """`90s`, `15m`, `1h`, `2d` in seconds. Raises BadParameter."""
    match = _SINCE.match(text.strip())
    if match is None:
        raise BadParameter(f"since={text!r} is no duration; write 90s, 15m, 1h or 2d.")
    return float(int(match["number"]) * _SECONDS[match["unit"]])


def _connect(*, context: str, case: str, output: CaseOutput, guide_: Guide, request: Request) -> Cluster:
    if case:
        from kuberunbooks.cluster.case import CaseSource

        # As a shell would: by hand nobody else turns ~ into the home folder.
        return Cluster(output.attach(CaseSource(Path(case).expanduser())))
    return _connect_live(context, output, guide_, request)


def _connect_live(context: str, output: CaseOutput, guide_: Guide, request: Request) -> Cluster:
    # Imported here: a run on a case does not pay for the client and its TLS.
    from kuberunbooks.acting.permission import actor_for
    from kuberunbooks.cluster.live import LiveSource
    from kuberunbooks.cluster.rights import survey

    try:
        live = LiveSource(context)
    except (ClusterError, KubeconfigError) as error:
        return _unreached(error, Origin(kind="live", context=context), output, guide_)
    source = output.attach(live)
    one_pod = bool(request.target) and "=" not in request.target and not _WORKLOAD.match(request.target)
    namespace = "" if guide_.everywhere else request.namespace
    try:
        survey(live, source, guide_.rights, namespace, one_by_one=guide_.everywhere or not one_pod)
    except ClusterError as error:
        return _unreached(error, live.origin(), output, guide_)
    cluster = Cluster(source)
    cluster.actor = actor_for(cluster, live, request.options.get("allow_actions"))
    return cluster


def _unreached(error: RunbookError, origin: Origin, output: CaseOutput, guide_: Guide) -> Cluster:
    """For the guides that begin without an answer; raises the error for the others."""
    if guide_.opens == "reached" or (guide_.opens == "unreached" and isinstance(error, KubeconfigError)):
        raise error
    if not isinstance(error, ClusterError):
        error = Unreachable(str(error), advice=error.advice)
    return Cluster(output.attach(UnreachedSource(error, origin)))
