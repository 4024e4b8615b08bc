"""What the first screen says: outcome, verdict sentence, facts, next steps, coverage line.

Worked out once, when the report is collected, so that the page, the terminal,
summary.md and tickets cannot differ. Honest about gaps: a step that could not
read proves nothing, so it never counts as good.
"""

from __future__ import annotations

from kuberunbooks.cluster import Origin, Refusal
from kuberunbooks.findings import Finding, NextStep, Words, without_explained
from kuberunbooks.objects import Evidence

from .model import Fact, RunReport, StepReport
from .words import gist, moment, shorten

MOST_NEXT = 3
"""Next steps on the first screen: more than three are not read at 03:00."""

MOST_ALSO = 2
"""Other causes named on the first screen; the rest are counted."""

_UNREAD = ("refused", "failed", "not_run")


def judge(report: RunReport) -> None:
    """Fills outcome, severity, verdict, facts, next and coverage_line of a report."""
    words = Words(report.language)
    report.coverage_line = coverage_line(report, words)
    _outcome(report, words)
    report.next = _next(report, words)
    report.facts = _facts(report, words)


def unread(steps: list[StepReport]) -> list[StepReport]:
    """The steps that could not look."""
    return [step for step in steps if step.status in _UNREAD]


def refused_what(report: RunReport) -> str:
    """What was not permitted, shortest form: `list nodes, get pods/log`."""
    return ", ".join(dict.fromkeys(_brief(one.what, report) for one in report.coverage.refused))


def _brief(what: str, report: RunReport) -> str:
    """`read apis/apps/v1/namespaces/shop/deployments` as `read deployments`; the coverage has the path.

    Of another namespace than the target's (the events of nodes) with its name.
    """
    verb, _, path = what.partition(" ")
    if not path.startswith(("api/", "apis/")):
        return what
    plural, place = path.rpartition("/")[2], path.partition("/namespaces/")[2].partition("/")[0]
    return f"{verb} {plural}" + (f" of {place}" if place and place not in report.target_text else "")


def unanswered(report: RunReport) -> list[Refusal]:
    """The reads that failed or that the case does not hold; an API the server lacks (404) holds nothing."""
    return [one for one in report.coverage.missing if one.status != 404 or one.path.startswith("api/v1/")]


def unseen_what(report: RunReport) -> str:
    """What was not permitted or not answered, shortest form: `list nodes, list events`."""
    unseen = [*report.coverage.refused, *unanswered(report)]
    return ", ".join(dict.fromkeys(_brief(one.what, report) for one in unseen))


def coverage_line(report: RunReport, words: Words) -> str:
    """One line: how many steps could look, what was refused, how far back events reach."""
    steps = report.steps
    by_status: dict[str, int] = {}
    for step in steps:
        by_status[step.status] = by_status.get(step.status, 0) + 1
    if not steps:
        return words("coverage_none")
    skipped = by_status.get("skipped", 0)
    checked = len(steps) - sum(by_status.get(status, 0) for status in (*_UNREAD, "skipped"))
    line = words("coverage_checked", checked=checked, total=len(steps))
    if skipped:
        line += ", " + words("coverage_skipped", n=skipped)
    parts = [line]
    if report.coverage.refused:
        what = shorten(refused_what(report), 80)
        parts.append(words("coverage_refused", n=len(report.coverage.refused), what=what))
    elif by_status.get("refused"):
        parts.append(words("coverage_unread", n=by_status["refused"]))
    if gaps := unanswered(report):
        what = ", ".join(dict.fromkeys(_brief(one.what, report) for one in gaps))
        parts.append(words("coverage_missing", n=len(gaps), what=shorten(what, 80)))
    if by_status.get("failed"):
        parts.append(words("coverage_failed", n=by_status["failed"]))
    if by_status.get("not_run"):
        parts.append(words("coverage_not_run", n=by_status["not_run"]))
    return "; ".join(parts) + ". " + _window(report, words)


def _window(report: RunReport, words: Words) -> str:
    seconds = report.coverage.event_window.seconds
    if seconds is None:
        return words("coverage_no_events")
    return words("coverage_window", window=words.duration(seconds))


def _outcome(report: RunReport, words: Words) -> None:
    top, failure = report.headline, report.failure
    lost = unread(report.steps)
    looked = [step for step in report.steps if step not in lost and step.status != "skipped"]
    target = report.target_text or report.target
    if top is not None and (top.severity in ("critical", "warning") or failure is None):
        report.outcome, report.severity, report.verdict = "found", top.severity, top.summary or top.title
    elif failure is not None:
        report.outcome, report.severity = "unknown", "unknown"
        report.verdict = failure.sentence
        if looked:
            report.verdict = words("verdict_stopped", sentence=failure.sentence)
    elif not looked:
        report.outcome, report.severity = "unknown", "unknown"
        report.verdict = words("verdict_unread" if report.steps else "verdict_empty", target=target)
    elif lost:
        report.outcome, report.severity = "partly", "info"
        report.verdict = words("verdict_partly", target=target, unread=words.count("step", len(lost)))
    else:
        report.outcome, report.severity = "good", "ok"
        report.verdict = words(
            _good_key(report),
            what=words("looked_pods", pods=words.count("pod", report.pods), target=target)
            if report.pods
            else target,
            steps=words.count("step", len(looked)),
            refused=shorten(refused_what(report), 60),
            unseen=shorten(unseen_what(report), 60),
        )


def _good_key(report: RunReport) -> str:
    if unanswered(report):
        return "verdict_gaps"
    return "verdict_limited" if report.coverage.refused else "verdict_good"


def _next(report: RunReport, words: Words) -> list[NextStep]:
    if report.outcome == "found" and report.headline is not None:
        return sorted(report.headline.next, key=lambda one: one.changes)[:MOST_NEXT]
    if report.failure is not None:
        return [NextStep(why=report.failure.advice)] if report.failure.advice else []
    if report.outcome in ("partly", "unknown"):
        return [
            NextStep(why=words("next_partly", what=one.what), command=one.command)
            for one in report.coverage.refused[:MOST_NEXT]
        ]
    return []


def _facts(report: RunReport, words: Words) -> list[Fact]:
    if report.outcome == "found" and report.headline is not None:
        top = report.headline
        found = {
            "since": _since(top, report, words),
            "affected": affected(top, report.target_text, words),
            "changed": _changed(report, words),
            "certainty": _certainty(top, report, words),
            "also": _also(report, words),
        }
    elif report.outcome == "unknown" and report.failure is not None:
        found = {"tried": place_of(report.source, words), "asof": _as_of(report, words)}
    else:
        found = {
            "asof": _as_of(report, words),
            "looked": _looked(report, words),
            "lately": report.change,
            "certainty": _certainty_of_nothing(report, words),
        }
    return [Fact(key=key, label=words(f"fact_{key}"), text=text) for key, text in found.items() if text]


def _since(top: Finding, report: RunReport, words: Words) -> str:
    if top.since is None or report.now is None:
        return words("since_unknown")
    what = words("moment_case" if report.source.kind == "case" else "moment_live")
    return words(
        "since_known",
        when=moment(top.since),
        ago=words.duration((report.now - top.since).total_seconds()),
        moment=what,
    )


def affected(one: Finding, target_text: str, words: Words) -> str:
    """How many of how many: `2 of 3 pods of deployment/web, container app`."""
    if one.subject.kind == "Cluster":
        return words("affected_cluster")
    is_alone = one.count <= 1 and not (one.owner and one.total > 1)
    text = one.subject.text if is_alone else words.share(one)
    if one.subject.container:
        text = words("in_container", who=text, container=one.subject.container)
    if one.subject.namespace and one.subject.namespace not in target_text:
        text = words("in_namespace", who=text, namespace=one.subject.namespace)
    return text


def _changed(report: RunReport, words: Words) -> str:
    if report.change:
        return report.change
    seconds = report.coverage.event_window.seconds
    if seconds is None:
        return words("changed_unread")
    return words("changed_unknown", window=words.duration(seconds))


def _telling(evidence: list[Evidence]) -> Evidence:
    """The first that says something in a line: no condition's name, no message whose point does not fit."""
    telling = (
        one for one in evidence if not gist(one.value, 44).endswith("…") and not one.path.endswith(".type")
    )
    return next(telling, evidence[0])


def _certainty(top: Finding, report: RunReport, words: Words) -> str:
    key = f"certain_{top.confidence}"
    if top.evidence:
        said = _telling(top.evidence)
        text = words(key, evidence=f"{_tail(said.path)} = {gist(said.value, 44)}")
    else:
        text = words(f"{key}_bare")
    if unseen := unseen_what(report):
        text += "; " + words("certain_unchecked", what=shorten(unseen, 60))
    return text


def other_causes(report: RunReport) -> list[Finding]:
    """The critical and warning findings beside the headline that nothing else explains, worst first."""
    serious = [one for one in report.findings if one.severity in ("critical", "warning")]
    return [one for one in without_explained(serious) if one is not report.headline]


def _also(report: RunReport, words: Words) -> str:
    causes = other_causes(report)
    if not causes:
        return ""
    # A guide with a first look at everything tells only the worst in full, and says how many more there are.
    more = sum(int(one.facts.get("more_causes", 0)) for one in report.findings)
    different = list(dict.fromkeys(shorten(one.title or one.code, 44) for one in causes))
    titles = "; ".join([*different[:MOST_ALSO], *(["…"] if len(different) > MOST_ALSO else [])])
    return words("also_causes", causes=words.count("cause", len(causes) + more), titles=titles)


def _tail(path: str) -> str:
    """The last names of a field's path, enough to know it by; the whole stands with the evidence."""
    return ".".join(path.split(".")[-3:]).removeprefix("status.")


def _certainty_of_nothing(report: RunReport, words: Words) -> str:
    lost = len(unread(report.steps))
    if lost:
        return words("certain_partly", unread=words.count("step", lost))
    checked = sum(step.status != "skipped" for step in report.steps)
    text = words("certain_good", checked=checked, total=len(report.steps)) if checked else ""
    if unseen := unseen_what(report):
        text += "; " + words("certain_unchecked", what=shorten(unseen, 60))
    return text


def _as_of(report: RunReport, words: Words) -> str:
    if report.now is None:
        return ""
    return words("asof_case" if report.source.kind == "case" else "asof_live", when=moment(report.now))


def _looked(report: RunReport, words: Words) -> str:
    target = report.target_text or report.target
    if not report.pods:
        return words("looked_target", target=target)
    return words("looked_pods", pods=words.count("pod", report.pods), target=target)


def place_of(source: Origin, words: Words) -> str:
    """Where a run reads, in words: `case crash.zip`, `context prod`, `the current context`."""
    if source.kind == "case":
        return words("tried_case", case=source.case)
    if source.context:
        return words("tried_live", context=source.context)
    return words("tried_live_current")
