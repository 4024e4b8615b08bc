"""MT-09: whether Prometheus itself works, and whether it can scrape the target."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Column, Note, Subject, Table, finding
from kuberunbooks.objects import Evidence

from ..resource_metrics.target import Measured
from ..rules.prometheus_answers import ScrapeTarget, Series, targets_down
from ..rules.thresholds import SCRAPE_FAILS
from ..step import NotChecked, Yielded, step
from .prometheus import Prometheus, explained_failure, no_answer, reach
from .questions import Question, Scope, scope_of
from .tools import tools_of

_ROWS = 20
_NAMED = ("job", "instance", "namespace", "pod")


@step("MT-09", title="Is it scraped?")
def scraping(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Does Prometheus itself answer, and is there a part of the target that it cannot scrape?"""
    tools = tools_of(target, cluster)
    found = reach(target, cluster, tools)
    one = found.prometheus
    if one is None:
        yield NotChecked(f"Not known: {no_answer(found, tools)}.")
        return
    yield Note(text=_state(one, found.up, found.down))
    try:
        down = one.now(_question(scope_of(target)))
    except ClusterError as error:
        failed = explained_failure(one.where, error, cluster)
        yield Note(text=f"Whether the target is scraped is not known: {failed.why}.")
        return
    if down:
        reasons = _reasons(one)
        yield _table(down, reasons)
        subject = target.subject
        nobody = Subject(kind="Cluster", namespace="", name="cluster")
        yield finding(
            "ScrapeFailing",
            subject if target.wanted or target.about or target.namespace else nobody,
            evidence=Evidence(f"Prometheus {one.where}", f"up{{{_named(down[0])}}}", "0"),
            where=one.where,
            targets=len(down),
            first=_named(down[0]),
            error=_reason(down[0], reasons),
            seconds=SCRAPE_FAILS,
            what=target.text,
            raw_path=f"{one.root}api/v1/targets?state=active" if one.root else "",
        )


def _state(one: Prometheus, up: int, down: int) -> str:
    if not up and not down:
        return f"Prometheus {one.where} answers, and scrapes nothing."
    targets = "1 target" if up + down == 1 else f"{up + down} targets"
    failing = f", {down} of them without success" if down else ""
    return f"Prometheus {one.where} answers and scrapes {targets}{failing}."


def _question(scope: Scope) -> Question:
    """What was down at every scrape of some minutes: one that restarts is up in between."""
    matchers = list(scope.nodes) if scope.kind == "node" else [scope.pods]
    seconds = f"{SCRAPE_FAILS:.0f}s"
    asked = " or ".join(
        # What is scraped for a shorter time has had no chance yet.
        f"(max_over_time(up{{{one}}}[{seconds}]) == 0 and up{{{one}}} offset {seconds} == 0)"
        for one in matchers
    )
    return Question("down", f"topk({_ROWS}, {asked})")


def _reasons(one: Prometheus) -> list[ScrapeTarget]:
    """Why scrapes fail, asked for only where some do: the answer names every target there is."""
    try:
        return targets_down(one.get("targets", "api/v1/targets", [("state", "active")]))
    except ClusterError:
        return []


def _reason(series: Series, reasons: list[ScrapeTarget]) -> str:
    for one in reasons:
        if all(one.labels.get(name) == series.labels.get(name) for name in ("job", "instance")):
            return one.error
    return ""


def _named(series: Series) -> str:
    return ", ".join(f"{name}={series.labels[name]}" for name in _NAMED if name in series.labels)


def _table(down: list[Series], reasons: list[ScrapeTarget]) -> Table:
    rows = [[*(one.labels.get(name, "") for name in _NAMED), _reason(one, reasons)] for one in down]
    names = ("JOB", "INSTANCE", "NAMESPACE", "POD", "WHY")
    return Table(
        caption="What Prometheus cannot scrape",
        columns=[Column(name=name) for name in names],
        rows=rows,
    )
