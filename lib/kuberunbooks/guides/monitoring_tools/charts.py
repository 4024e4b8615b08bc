"""Which charts tell the history of a target: their questions, units and lines, and what limits them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.findings import Lines, Moment, Threshold, Unit
from kuberunbooks.findings import Series as Line
from kuberunbooks.objects import parse_quantity

from ..resource_metrics.target import Measured
from ..rules.prometheus_answers import Series
from .questions import Question, Scope, Window, quoted, shown_pods

MOST_LINES = 24
"""Lines a chart keeps at most; it draws the first few, the others are in report.json."""
_CONTAINER = 'container!="",container!="POD"'
_REAL_DISKS = (
    'fstype!~"tmpfs|overlay|squashfs|ramfs|nsfs|fuse.*",'
    'mountpoint!~"/var/lib/(?:kubelet|containers|containerd|docker)/.+"'
)
_GAP = 1.5


class Wanted(NamedTuple):
    """A chart: each question with the word before its lines' names (empty: the labels alone).

    `factor` turns the answer into the chart's unit; `limit` is the resource whose limit is drawn,
    `full` a level that is all there is.
    """

    caption: str
    unit: Unit
    questions: tuple[tuple[str, Question], ...]
    factor: float = 1.0
    limit: str = ""
    full: float = 0.0


def wanted_charts(scope: Scope, window: Window) -> list[Wanted]:
    """The charts about a scope, those that tell most first."""
    if scope.kind == "node":
        return list(_of_node(scope, window))
    if scope.kind == "pods":
        return list(_of_pods(scope, window))
    return list(_of_place(scope, window))


def _of_pods(scope: Scope, window: Window) -> Iterator[Wanted]:
    pods, rate = scope.pods, window.rate
    own = f"{{{pods},{_CONTAINER}}}"
    by = "by (pod, container)"
    yield Wanted(
        "Memory (working set, which is what the limit counts)",
        "bytes",
        (("", Question("memory", f"max {by} (container_memory_working_set_bytes{own})")),),
        limit="memory",
    )
    yield Wanted(
        "CPU used",
        "cores",
        (("", Question("cpu", f"sum {by} (rate(container_cpu_usage_seconds_total{own}[{rate}]))")),),
        limit="cpu",
    )
    waited, periods = (
        f"sum {by} (rate(container_cpu_cfs_{name}_total{own}[{rate}]))"
        for name in ("throttled_periods", "periods")
    )
    yield Wanted(
        "CPU periods in which it was made to wait at its limit",
        "percent",
        (("", Question("throttling", f"{waited} / {periods}")),),
        factor=100.0,
    )
    ready = f'sum by (pod) (kube_pod_status_ready{{{pods},condition="true"}})'
    yield Wanted("Ready (1) or not (0)", "count", (("", Question("ready", ready)),))
    restarts = f"max {by} (kube_pod_container_status_restarts_total{{{pods}}})"
    yield Wanted("Restarts in all", "count", (("", Question("restarts", restarts)),))
    yield Wanted("Network, bytes per second over all pods", "bytes", tuple(_network(pods, rate)))


def _of_place(scope: Scope, window: Window) -> Iterator[Wanted]:
    """A namespace, or the whole cluster by namespace."""
    matchers = f"{scope.pods}," if scope.pods else ""
    own, rate = f"{{{matchers}{_CONTAINER}}}", window.rate
    by = "by (pod)" if scope.pods else "by (namespace)"
    most = "topk(6, {})".format
    memory = f"sum {by} (container_memory_working_set_bytes{own})"
    cpu = f"sum {by} (rate(container_cpu_usage_seconds_total{own}[{rate}]))"
    yield Wanted("Memory (working set), the largest", "bytes", (("", Question("memory", most(memory))),))
    yield Wanted("CPU used, the largest", "cores", (("", Question("cpu", most(cpu))),))
    restarts = f"round(sum {by} (increase(kube_pod_container_status_restarts_total{{{scope.pods}}}[{rate}])))"
    yield Wanted(
        "Restarts, as they happened",
        "count",
        (("", Question("restarts", f"{restarts} > 0")),),
    )


def _of_node(scope: Scope, window: Window) -> Iterator[Wanted]:
    def either(metric: str, more: str = "", over: str = "") -> str:
        """A metric of the node, whichever of its names the exporter goes by."""
        series = [f"{metric}{{{matcher}{more}}}" for matcher in scope.nodes]
        return " or ".join(f"rate({one}[{over}])" if over else one for one in series)

    busy = either("node_cpu_seconds_total", ',mode="idle"', window.rate)
    cpu = Question("node-cpu", f"1 - avg({busy})")
    yield Wanted("CPU used", "percent", (("used", cpu),), factor=100.0, full=100.0)
    free, total = (either(f"node_memory_{name}_bytes") for name in ("MemAvailable", "MemTotal"))
    yield Wanted(
        "Memory",
        "bytes",
        (
            ("available", Question("node-memory", f"max({free})")),
            ("in all", Question("node-memory-total", f"max({total})")),
        ),
    )
    left, size = (either(f"node_filesystem_{name}_bytes", f",{_REAL_DISKS}") for name in ("avail", "size"))
    yield Wanted(
        "Disks used",
        "percent",
        (("", Question("node-disk", f"1 - max by (mountpoint) ({left}) / max by (mountpoint) ({size})")),),
        factor=100.0,
        full=100.0,
    )
    yield Wanted("Load (1 min)", "count", (("load", Question("node-load", f"max({either('node_load1')})")),))
    named = f"node={quoted(scope.node)}"
    conditions = f'max by (condition) (kube_node_status_condition{{{named},status="true"}})'
    yield Wanted(
        "Conditions that held (1) or not (0)", "count", (("", Question("node-conditions", conditions)),)
    )


def _network(pods: str, rate: str) -> Iterator[tuple[str, Question]]:
    for word, name in (("received", "receive"), ("sent", "transmit")):
        expression = f"sum(rate(container_network_{name}_bytes_total{{{pods}}}[{rate}]))"
        yield word, Question(f"network-{word}", expression)


def drawn(
    wanted: Wanted,
    answers: Sequence[tuple[str, list[Series]]],
    target: Measured,
    window: Window,
    moments: Iterable[Moment],
) -> Lines | None:
    """The chart; None when there is not one value. Highest lines first."""
    found = [(word, one) for word, listed in answers for one in listed]
    if not found:
        return None
    found.sort(key=lambda item: (-max(value for _, value in item[1].points), sorted(item[1].labels.items())))
    varying = _varying([one for _, one in found])
    lines = [
        Line(name=_name(word, one, varying), points=_with_gaps(one.points, window.step, wanted.factor))
        for word, one in found[:MOST_LINES]
    ]
    return Lines(
        caption=wanted.caption,
        unit=wanted.unit,
        series=lines,
        thresholds=_limits(wanted, [one for _, one in found], target),
        moments=list(moments),
    )


def moments(alert: datetime | None) -> list[Moment]:
    """What is marked on every chart."""
    return [Moment(label="alert", at=alert)] if alert is not None else []


def _varying(found: Iterable[Series]) -> list[str]:
    """The labels by which the series differ; those of the first where there is only one."""
    values: dict[str, set[str]] = {}
    for one in found:
        for label, value in one.labels.items():
            values.setdefault(label, set()).add(value)
    return [label for label, different in values.items() if len(different) > 1] or list(values)[-1:]


def _name(word: str, one: Series, varying: Sequence[str]) -> str:
    texts = [one.labels[label] for label in varying if label in one.labels]
    return " ".join([*([word] if word else []), *texts]) or "all"


def _with_gaps(
    points: Sequence[tuple[float, float]], step: float, factor: float
) -> list[tuple[float, float | None]]:
    """The values in the chart's unit, a None where some are missing in between."""
    found: list[tuple[float, float | None]] = []
    previous = None
    for at, value in points:
        if previous is not None and at - previous > _GAP * step:
            found.append((previous + step, None))
        found.append((at, value * factor))
        previous = at
    return found


def _limits(wanted: Wanted, found: Iterable[Series], target: Measured) -> list[Threshold]:
    """The limit of what is drawn, where all containers drawn have the same one; or all there is."""
    if wanted.full:
        return [Threshold(label="all of it", value=wanted.full)]
    if not wanted.limit:
        return []
    names = {(one.labels.get("pod"), one.labels.get("container")) for one in found}
    limits = {
        parse_quantity(container.resources.limits.get(wanted.limit, 0))
        for pod in shown_pods(target.pods)
        for container in (*pod.spec.containers, *pod.spec.init_containers)
        if (pod.name, container.name) in names
    }
    only = limits.pop() if len(limits) == 1 else 0
    return [Threshold(label="limit", value=float(only))] if only else []
