"""MT-07: how the target did around that time, as charts, and what their shape says of a kill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, Unreachable
from kuberunbooks.findings import Finding, Lines, Note, finding
from kuberunbooks.objects import ContainerView, Evidence, Pod, parse_quantity, quantity_text

from ..pods.missing import missing_findings
from ..resource_metrics.target import Measured
from ..rules.memory_climb import before_kill, longest_above
from ..rules.prometheus_answers import Series, time_of
from ..rules.thresholds import CPU_THROTTLED, CPU_THROTTLED_FOR
from ..step import NotChecked, Yielded, step
from .charts import Wanted, drawn, moments, wanted_charts
from .known_tools import Tools
from .prometheus import Prometheus, Reach, no_answer, reach
from .questions import MOST_PODS, Window, scope_of, shown_pods, window
from .tools import tools_of

_Answers = dict[str, list[Series]]


@step("MT-07", title="What did it do around that time?")
def history(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """How did cpu, memory, restarts, network and readiness go before, at and after the incident?"""
    if target.missing:
        yield from missing_findings(target)
    tools = tools_of(target, cluster)
    found = reach(target, cluster, tools)
    if found.prometheus is None:
        yield NotChecked(_why_none(found, tools))
        return
    alert = time_of(target.options.get("alert_time"))
    span = window(cluster.now, target.since, alert)
    answers: _Answers = {}
    unheard: list[str] = []
    charts: list[Lines] = []
    for wanted in wanted_charts(scope_of(target), span):
        goes_on = _ask(wanted, found.prometheus, span, answers, unheard)
        listed = [(word, answers.get(one.name, [])) for word, one in wanted.questions]
        chart = drawn(wanted, listed, target, span, moments(alert))
        charts += [chart] if chart is not None else []
        if not goes_on:
            break
    yield _said(found.prometheus, target, span, bool(charts), unheard)
    yield from charts
    source = f"Prometheus {found.prometheus.where}"
    yield from _kills(target, answers.get("memory", []), span, source)
    yield from _throttled(target, answers.get("throttling", []), span, source)


def _why_none(found: Reach, tools: Tools) -> str:
    why = no_answer(found, tools)
    return f"No history: {why}. The address of one can be given in the parameter prometheus_url."


def _ask(wanted: Wanted, one: Prometheus, span: Window, answers: _Answers, unheard: list[str]) -> bool:
    """Puts the chart's questions; False when the server is gone and the next would only wait for it too."""
    for _, question in wanted.questions:
        try:
            answers[question.name] = one.over_time(question, span)
        except Unreachable as error:
            unheard.append(f"{wanted.caption} ({str(error).rstrip('.')})")
            return False
        except ClusterError as error:
            unheard.append(f"{wanted.caption} ({str(error).rstrip('.')})")
    return True


def _said(one: Prometheus, target: Measured, span: Window, any_values: bool, unheard: list[str]) -> Note:
    text = (
        f"By Prometheus {one.where}, {span.start:%d %b %H:%M} to {span.end:%d %b %H:%M} UTC, "
        f"a value every {span.step} s."
    )
    if not any_values:
        text += (
            " It has no values of this target then: it may not scrape the kubelets, or not have kept them."
        )
    if len(target.pods) > MOST_PODS:
        text += f" Of {len(target.pods)} pods {MOST_PODS} were asked about: most restarts first, then newest."
    if unheard:
        text += f" Not answered: {'; '.join(unheard)}."
    return Note(text=text)


def _kills(target: Measured, memory: list[Series], span: Window, source: str) -> Iterator[Finding]:
    """How memory came to the limit before the last kill of each container."""
    values = {(one.labels.get("pod"), one.labels.get("container")): one.points for one in memory}
    for pod in shown_pods(target.pods):
        for view in pod.containers():
            killed, path = _killed_at(view)
            limit = view.spec.resources.limits.get("memory") if view.spec is not None else None
            points = values.get((pod.name, view.name))
            if killed is None or limit is None or points is None:
                continue
            amount = parse_quantity(limit)
            climb = before_kill(points, float(amount), killed.timestamp(), span.step)
            if climb is not None:
                yield finding(
                    "MemoryClimbedToLimit" if climb.shape == "climbed" else "MemoryJumpedToLimit",
                    pod,
                    container=view.name,
                    likely=True,
                    evidence=[
                        pod.cite(f"{path}.reason"),
                        pod.cite(f"{path}.finishedAt"),
                        Evidence(
                            source,
                            f"container_memory_working_set_bytes of {pod.name}/{view.name}",
                            f"{_bytes(climb.low)} to {_bytes(climb.high)} in {round(climb.seconds / 60)} min",
                        ),
                    ],
                    since=datetime.fromtimestamp(climb.start, UTC),
                    low=_bytes(climb.low),
                    high=_bytes(climb.high),
                    limit=quantity_text("memory", amount),
                    seconds=climb.seconds,
                    killed=f"{killed:%H:%M:%S}",
                    rate=_bytes((climb.high - climb.low) / max(1.0, climb.seconds) * 3600),
                )


def _killed_at(view: ContainerView) -> tuple[datetime | None, str]:
    """When the container was last killed for memory, and where that stands."""
    for field, state in (("state", view.status.state), ("lastState", view.status.last_state)):
        ended = state.terminated
        if ended is not None and ended.reason == "OOMKilled":
            return ended.finished_at, f"{view.path}.{field}.terminated"
    return None, ""


def _throttled(target: Measured, throttling: list[Series], span: Window, source: str) -> Iterator[Finding]:
    pods: dict[str, Pod] = {pod.name: pod for pod in target.pods}
    for one in throttling:
        pod = pods.get(one.labels.get("pod", ""))
        stretch = longest_above(one.points, CPU_THROTTLED, span.step)
        if pod is None or stretch is None or stretch[1] - stretch[0] < CPU_THROTTLED_FOR:
            continue
        begin, end = stretch
        inside = [value for at, value in one.points if begin <= at <= end]
        container = one.labels.get("container", "")
        limits = [item.resources.limits.get("cpu") for item in pod.spec.containers if item.name == container]
        percent = min(100, round(sum(inside) / len(inside) * 100))
        yield finding(
            "CpuThrottled",
            pod,
            container=container,
            evidence=Evidence(
                source, f"throttled cpu periods of {pod.name}/{container}", f"{percent} % on average"
            ),
            since=datetime.fromtimestamp(begin, UTC),
            percent=percent,
            seconds=end - begin,
            goes_on=one.points[-1][0] == end,
            limit=str(limits[0]) if limits and limits[0] is not None else "",
        )


def _bytes(value: float) -> str:
    return quantity_text("memory", Decimal(round(value)))
