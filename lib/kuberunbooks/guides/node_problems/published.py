"""NP-04: does every condition its configuration defines stand on every node it runs on?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod

from ..rules.conditions import cite_absent_condition, cite_condition
from ..rules.many_nodes import CITED_NODES
from ..rules.npd_config import Monitor
from ..rules.thresholds import NPD_STARTING
from ..step import NotChecked, Yielded, step
from .coverage import Place, places
from .detector import Detector, started
from .detectors import find_detectors
from .target import NodeProblems

_NAMED = 20


@step(
    "NP-04",
    title="Do its conditions reach the nodes?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/#add-new-node-conditions",
)
def published(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """Does each condition that is configured stand in the status of each node a detector runs on?"""
    detectors, _ = find_detectors(target, cluster)
    if not any(monitor.conditions for one in detectors for monitor in one.monitors):
        yield NotChecked("No configuration that defines conditions could be read.")
        return
    found = places(detectors, target, cluster)
    looked = False
    for one in detectors:
        if one.is_off("enable-k8s-exporter") or one.is_off("k8s-exporter-update-node-conditions"):
            continue
        expected = [
            (place, types)
            for place in found
            for pod in place.pods
            if pod in one.pods and (types := _expected(one, pod, cluster))
        ]
        looked = looked or bool(expected)
        yield from _judged(one, expected)
    if not looked:
        yield NotChecked(
            "No node has a detector that has run long enough with the configuration as it is now."
        )


def _expected(one: Detector, pod: Pod, cluster: Cluster) -> list[str]:
    """The types a pod should have reported by now: those of the files it read at its start."""
    began = started(pod, one.container.name)
    if not pod.is_ready or began is None or (cluster.now - began).total_seconds() < NPD_STARTING:
        return []
    if any(file.missing or any(d.weight == "stops" for d in file.defects) for file in one.files):
        return []  # it ends at its start: that is told where the files are judged
    types: dict[str, None] = {}
    for file in one.files:
        monitor = file.monitor
        if monitor is None or _says_later(monitor):
            continue
        changed = one.changed.get(file.config_map)
        if changed is None or changed <= began:
            types.update(dict.fromkeys(monitor.conditions))
    return list(types)


def _says_later(monitor: Monitor) -> bool:
    return monitor.plugin_config.get("skip_initial_status") is True


def _judged(one: Detector, expected: list[tuple[Place, list[str]]]) -> Iterator[Finding]:
    lacking = [
        (place, missing)
        for place, types in expected
        if (missing := [type_ for type_ in types if place.node.condition(type_) is None])
    ]
    if lacking:
        cited = [cite_absent_condition(place.node, missing[0]) for place, missing in lacking[:CITED_NODES]]
        yield finding(
            "NpdConditionNotReported",
            one.daemon_set,
            evidence=cited,
            types=list(dict.fromkeys(type_ for _, missing in lacking for type_ in missing)),
            names=[place.node.name for place, _ in lacking][:_NAMED],
            nodes=len(lacking),
            of=len(expected),
            pod_name=lacking[0][0].pods[0].name,
        )
    elif expected:
        place, types = expected[0]
        yield finding(
            "NodeConditionsPublished",
            one.daemon_set,
            evidence=cite_condition(place.node, types[0], "status"),
            types=types,
            nodes=len(expected),
        )
