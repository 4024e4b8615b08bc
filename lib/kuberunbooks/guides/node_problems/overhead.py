"""NP-08: what it costs: requests and limits, what it uses, and how often it runs programs."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError, NotFound, Refused
from kuberunbooks.findings import Column, Note, Table, finding
from kuberunbooks.objects import PodMetrics, quantity_text
from kuberunbooks.objects.quantity import parse_quantity

from ..step import NotChecked, Yielded, step
from .detector import Detector
from .detectors import find_detectors
from .target import NodeProblems

_RESOURCES = ("cpu", "memory")


@step(
    "NP-08",
    title="What does it cost?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/#recommendations-and-restrictions",
)
def overhead(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """How much may it take on each node, how much does it use, and how often does it run programs?"""
    detectors, _ = find_detectors(target, cluster)
    if not detectors:
        yield NotChecked("No DaemonSet of node problem detector was found.")
        return
    rows = []
    for one in detectors:
        used, why = _used(one, target, cluster)
        if why:
            yield Note(text=f"What {one.text} uses is not known: {why}.")
        for resource in _RESOURCES:
            resources = one.container.resources
            asked, limit = (
                str(held.get(resource, "none")) for held in (resources.requests, resources.limits)
            )
            rows.append([one.text, resource, asked, limit, used.get(resource, "")])
        if (runs := _runs(one)) is not None:
            yield runs
        missing = [name for name in _RESOURCES if name not in one.container.resources.limits]
        if missing:
            yield finding(
                "NpdNoLimits",
                one.daemon_set,
                evidence=one.daemon_set.cite(f"{one.path}.resources.limits"),
                missing=missing,
                container_name=one.container.name,
            )
    names = ("DAEMONSET", "RESOURCE", "REQUESTED", "LIMIT", "MOST USED")
    yield Table(
        caption="What it may take on each node, and the most any of its pods uses",
        columns=[Column(name=name, numeric=index > 1) for index, name in enumerate(names)],
        rows=rows,
    )


def _used(one: Detector, target: NodeProblems, cluster: Cluster) -> tuple[dict[str, str], str]:
    """The most a pod of it uses, by resource, or why that is not known."""
    own = {pod.name for pod in one.pods}
    namespace = one.daemon_set.namespace
    try:
        if target.node:
            measured = [cluster.get(PodMetrics, namespace, name) for name in sorted(own)[:1]]
        else:
            measured = [found for found in cluster.read(PodMetrics, namespace) if found.name in own]
    except NotFound:
        return {}, "the metrics API has no value for its pod yet"
    except Refused as error:
        return {}, "this cluster serves no metrics API" if error.status == 404 else str(error).rstrip(".")
    except ClusterError as error:
        return {}, str(error).rstrip(".")
    most = {}
    for resource in _RESOURCES:
        amounts = [
            parse_quantity(container.usage[resource])
            for found in measured
            for container in found.containers
            if container.name == one.container.name and resource in container.usage
        ]
        if amounts:
            most[resource] = quantity_text(resource, max(amounts))
    return most, ""


def _runs(one: Detector) -> Table | None:
    """Its custom plugins: the less often they run and the sooner they are stopped, the cheaper."""
    rows = [
        [monitor.file, rule.path, f"{rule.interval:g}", f"{rule.timeout:g}", f"{3600 / rule.interval:.0f}"]
        for monitor in one.monitors
        for rule in monitor.rules
        if rule.path and rule.interval > 0
    ]
    if not rows:
        return None
    names = ("FILE", "PROGRAM", "EVERY (S)", "STOPPED AFTER (S)", "RUNS AN HOUR")
    return Table(
        caption=f"Programs {one.text} runs on every node",
        columns=[Column(name=name, numeric=index > 1) for index, name in enumerate(names)],
        rows=rows,
    )
