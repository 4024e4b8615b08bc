"""NP-05: the rules: does each pattern compile, has each lasting problem its condition, what runs when?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Note, Table, finding
from kuberunbooks.objects import ConfigMap, Evidence

from ..step import NotChecked, Yielded, step
from .configuration import config_finding
from .detector import ConfigFile, Detector
from .detectors import find_detectors
from .target import NodeProblems

_ROWS = 100
_PATTERN = 160
_EXITS = (
    "A custom plugin's exit status tells: 0 is fine, 1 is the problem, all else (a timeout, a program that "
    "cannot be started) makes a condition Unknown, and gives an event like a problem does."
)


@step(
    "NP-05",
    title="Are its rules right?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/#change-the-node-problem-detector",
)
def rules(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """Does every pattern compile as Go compiles it, and has every permanent rule a defined condition?"""
    detectors, _ = find_detectors(target, cluster)
    files = [(one, file) for one in detectors for file in one.files if file.monitor is not None]
    if not files:
        yield NotChecked("No configuration of node problem detector could be read, so no rule was checked.")
        return
    if any(file.monitor.rules for _, file in files if file.monitor):
        yield _table(files)
    if any(file.kind == "custom-plugin-monitor" for _, file in files):
        yield Note(text=_EXITS)
    for one, file in files:
        monitor = file.monitor
        if monitor is None or monitor.kind == "system-stats-monitor":
            continue
        defects = [defect for defect in file.defects if defect.in_rule]
        if defects:
            yield config_finding("NpdRuleInvalid", one, file, defects)
        elif monitor.rules and not file.defects:
            yield finding(
                "NpdConfigValid",
                one.daemon_set,
                evidence=Evidence(
                    f"{ConfigMap.api.path(one.daemon_set.namespace)}#{file.config_map}",
                    f"data[{file.key}] rules",
                    str(len(monitor.rules)),
                ),
                group=(file.path,),
                file=file.key,
                rules=len(monitor.rules),
                conditions=list(monitor.conditions),
            )


def _table(files: list[tuple[Detector, ConfigFile]]) -> Table:
    rows: list[list[str]] = []
    for _, file in files:
        monitor = file.monitor
        if monitor is None:
            continue
        wrong = {defect.path.partition(".")[0] for defect in file.defects}
        for rule in monitor.rules:
            does = rule.pattern or " ".join((rule.path, *rule.args))
            when = f"every {rule.interval:g} s, at most {rule.timeout:g} s" if rule.path else ""
            state = "wrong" if rule.place in wrong else "sound"
            rows.append([file.key, rule.place, rule.gives, rule.reason, does[:_PATTERN], when, state])
    names = ("FILE", "RULE", "GIVES", "REASON", "PATTERN OR PROGRAM", "RUNS", "STATE")
    return Table(
        caption="Rules, as they are configured",
        columns=[Column(name=name) for name in names],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )
