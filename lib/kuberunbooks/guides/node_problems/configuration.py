"""NP-03: its configuration files: from where, do they parse, do they hold what each monitor needs?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Severity, Subject, Table, finding
from kuberunbooks.objects import ConfigMap, Evidence

from ..rules.npd_fields import Defect
from ..step import NotChecked, Yielded, step
from .detector import ConfigFile, Detector, built_in, started
from .detectors import find_detectors
from .target import NodeProblems

_CITED = 6
_TOLD = 8
_RECONCILED = "addonmanager.kubernetes.io/mode"


@step(
    "NP-03",
    title="Is its configuration sound?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/#overwrite-the-configuration",
)
def configuration(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """Where does its configuration come from, is it JSON, and has each file what its monitor needs?"""
    detectors, _ = find_detectors(target, cluster)
    if not detectors:
        yield NotChecked("No DaemonSet of node problem detector was found.")
        return
    yield _table(detectors)
    for one in detectors:
        yield from _overrides(one)
        yield from _not_loaded(one)
        for name in one.absent:
            yield _absent(one, name)
        for file in one.files:
            if file.missing:
                yield _file_missing(one, file)
            elif file.monitor is not None:
                defects = [defect for defect in file.defects if not defect.in_rule]
                if defects:
                    yield config_finding("NpdConfigInvalid", one, file, defects)


def config_finding(code: str, one: Detector, file: ConfigFile, defects: Sequence[Defect]) -> Finding:
    """The finding about what is wrong in one file."""
    stops = any(defect.weight == "stops" for defect in defects)
    ordered = sorted(defects, key=lambda defect: defect.weight != "stops")
    cited = [
        Evidence(
            _source(one, file), f"data[{file.key}]{f' {defect.path}' if defect.path else ''}", defect.value
        )
        for defect in ordered[:_CITED]
    ]
    return finding(
        code,
        Subject(kind="ConfigMap", namespace=one.daemon_set.namespace, name=file.config_map),
        severity=_severity(one, stops=stops),
        evidence=cited,
        group=(file.key,),
        file=file.key,
        daemon_set=one.daemon_set.name,
        problems=[
            f"{defect.path}: {defect.why}" if defect.path else defect.why for defect in ordered[:_TOLD]
        ],
        number=len(defects),
        stops=stops,
        running=not _fails(one),
        explains=[f"{one.daemon_set.namespace}/{one.daemon_set.kind_name}"] if stops else [],
    )


def _severity(one: Detector, *, stops: bool) -> Severity | None:
    """What runs keeps what it read at its start: what would stop it is critical once it cannot start."""
    return None if stops and _fails(one) else "warning"


def _fails(one: Detector) -> bool:
    return one.daemon_set.ready < max(1, one.daemon_set.desired)


def _source(one: Detector, file: ConfigFile) -> str:
    return f"{ConfigMap.api.path(one.daemon_set.namespace)}#{file.config_map}"


def _absent(one: Detector, name: str) -> Finding:
    subject = Subject(kind="ConfigMap", namespace=one.daemon_set.namespace, name=name)
    return finding(
        "NpdConfigInvalid",
        subject,
        severity=_severity(one, stops=True),
        evidence=Evidence(f"{ConfigMap.api.path(subject.namespace)}#{name}", "metadata.name", "absent"),
        file="",
        daemon_set=one.daemon_set.name,
        problems=["the ConfigMap does not exist, so no new pod can mount it"],
        number=1,
        stops=True,
        running=not _fails(one),
        explains=[f"{one.daemon_set.namespace}/{one.daemon_set.kind_name}"],
    )


def _file_missing(one: Detector, file: ConfigFile) -> Finding:
    why = f"it is to read {file.path}, but the ConfigMap mounted there does not hold it"
    return config_finding("NpdConfigInvalid", one, file, [Defect("", "absent", why, "stops", False)])


def _overrides(one: Detector) -> Iterator[Finding]:
    """ConfigMaps that take the place of the image's own files."""
    mode = one.daemon_set.metadata.labels.get(_RECONCILED, "")
    for name in sorted(
        {file.config_map for file in one.files if file.config_map and file.monitor is not None}
    ):
        files = [file.key for file in one.files if file.config_map == name and file.monitor is not None]
        yield finding(
            "NpdConfigOverride",
            Subject(kind="ConfigMap", namespace=one.daemon_set.namespace, name=name),
            evidence=one.daemon_set.cite(
                "spec.template.spec.volumes", [v.name for v in one.daemon_set.template.spec.volumes]
            ),
            files=files,
            daemon_set=one.daemon_set.name,
        )
        if mode == "Reconcile":
            yield finding(
                "NpdAddonConfigIgnored",
                one.daemon_set,
                evidence=one.daemon_set.cite(f"metadata.labels['{_RECONCILED}']"),
                config_map=name,
            )


def _not_loaded(one: Detector) -> Iterator[Finding]:
    """It reads its files at its start only: a later change waits for the next one."""
    for name, changed in sorted(one.changed.items()):
        if not any(file.config_map == name for file in one.files):
            continue
        began = [at for pod in one.pods if (at := started(pod, one.container.name)) is not None]
        older = sum(1 for at in began if at < changed)
        if older:
            yield finding(
                "NpdConfigNotLoaded",
                Subject(kind="ConfigMap", namespace=one.daemon_set.namespace, name=name),
                evidence=Evidence(
                    f"{ConfigMap.api.path(one.daemon_set.namespace)}#{name}",
                    "metadata.managedFields",
                    f"{changed:%Y-%m-%dT%H:%M:%SZ}",
                ),
                since=changed,
                daemon_set=one.daemon_set.name,
                pods=older,
                of=len(began),
            )


def _table(detectors: Sequence[Detector]) -> Table:
    rows = []
    for one in detectors:
        for file in one.files:
            monitor = file.monitor
            origin = f"ConfigMap {file.config_map}" if file.config_map else "the image"
            assumed = built_in(file)
            if monitor is not None:
                rules, state = str(len(monitor.rules)), _state(file.defects)
                reads = monitor.plugin or ("metrics only" if monitor.kind == "system-stats-monitor" else "")
            else:
                rules = f"{len(assumed)} in the newest version" if assumed else ""
                reads, state = "", "missing" if file.missing else f"not read: {file.why}"
            rows.append([one.text, file.path, origin, file.kind, reads, rules, state])
    names = ("DAEMONSET", "FILE", "FROM", "MONITOR", "PLUGIN", "RULES", "STATE")
    return Table(
        caption="Configuration files it is started with",
        columns=[Column(name=name) for name in names],
        rows=rows,
    )


def _state(defects: Sequence[Defect]) -> str:
    if not defects:
        return "sound"
    stops = sum(1 for one in defects if one.weight == "stops")
    return f"{len(defects)} wrong" + (f", {stops} of which stop it" if stops else "")
