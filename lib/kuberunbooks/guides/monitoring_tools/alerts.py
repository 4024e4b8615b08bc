"""MT-08: the alerts that fire about the target, as Prometheus or Alertmanager has them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Column, Finding, Mark, Note, Subject, Table, finding
from kuberunbooks.objects import Evidence, human_duration

from ..pods.storage import claim_names
from ..resource_metrics.target import Measured
from ..rules.prometheus_answers import Alert, alertmanager_alerts, firing_alerts
from ..step import NotChecked, Yielded, step
from .prometheus import Prometheus, Unanswered, alertmanager, explained_failure, no_answer, reach
from .tools import tools_of

_ROWS = 30
_MARKS = 20
_TEXT = 300
# They fire always, to show that alerting works (kube-prometheus), or only to silence others.
_NO_ALERTS = frozenset(("Watchdog", "DeadMansSwitch", "InfoInhibitor"))
_LESS = frozenset(("info", "none", "debug", "low"))
_ORDER = ("critical", "page", "error", "high", "warning", "medium", "info", "low", "none")
# The labels by which kube-state-metrics names a workload, and the kind in a target.
_WORKLOAD_LABELS = {
    "deployment": "deployment",
    "statefulset": "statefulset",
    "daemonset": "daemonset",
    "replicaset": "replicaset",
    "replicationcontroller": "replicationcontroller",
    "job_name": "job",
    "cronjob": "cronjob",
    "horizontalpodautoscaler": "hpa",
}
_NAMING_LABELS = {"pod": "pod", "persistentvolumeclaim": "claim", **_WORKLOAD_LABELS}


class _Heard(NamedTuple):
    where: str
    alerts: list[Alert]


@step("MT-08", title="Which alerts fire about it?")
def alerts(target: Measured, cluster: Cluster) -> Iterator[Yielded]:
    """Which alerts of the cluster's own monitoring fire about the target, and since when?"""
    tools = tools_of(target, cluster)
    found = reach(target, cluster, tools)
    heard = _ask(found.prometheus, cluster) if found.prometheus is not None else None
    if not isinstance(heard, _Heard):
        second = alertmanager(tools, cluster)
        heard = _ask_alertmanager(second, cluster) if isinstance(second, Prometheus) else heard
    if not isinstance(heard, _Heard):
        yield NotChecked(f"No alerts: {heard.why if heard is not None else no_answer(found, tools)}.")
        return
    firing = [one for one in heard.alerts if one.name not in _NO_ALERTS]
    known = _known(target)
    about = [one for one in firing if known.is_in(one.labels)]
    if about:
        about.sort(key=lambda one: (_rank(one), one.since.timestamp() if one.since else 0.0, one.name))
        yield _table(about, heard.where, cluster.now)
        yield _firing(about, heard.where, target)
        yield from _marks(about, target)
    yield Note(text=_others(heard.where, len(firing), len(about)))


def _ask(one: Prometheus, cluster: Cluster) -> _Heard | Unanswered:
    try:
        return _Heard(f"Prometheus {one.where}", firing_alerts(one.get("alerts", "api/v1/alerts")))
    except ClusterError as error:
        return explained_failure(one.where, error, cluster)


def _ask_alertmanager(one: Prometheus, cluster: Cluster) -> _Heard | Unanswered:
    query = [("active", "true"), ("silenced", "false"), ("inhibited", "false")]
    try:
        body = one.get("alertmanager-alerts", "api/v2/alerts", query)
        return _Heard(f"Alertmanager {one.where}", alertmanager_alerts(body))
    except ClusterError as error:
        return explained_failure(one.where, error, cluster)


class _Known(NamedTuple):
    """What alerts may name that belongs to the target: (namespace, `pod/web-1`), as its parts are called."""

    target: Measured
    objects: frozenset[tuple[str, str]]

    def is_in(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels is about it; kube-state-metrics' own come with `exported_`."""
        said = {
            name.removeprefix("exported_"): value
            for name, value in sorted(labels.items(), key=_exported_last)
        }
        target, namespace = self.target, said.get("namespace", "")
        if target.is_node:
            return _names_node(said, target)
        if not target.wanted and not target.about:
            return not target.namespace or namespace == target.namespace
        named = (f"{kind}/{said[label]}" for label, kind in _NAMING_LABELS.items() if label in said)
        return any((namespace, name) in self.objects for name in named)


def _known(target: Measured) -> _Known:
    """The pods, what they mount and belong to, and what was asked for, also when it is gone."""
    found = {(pod.namespace, pod.kind_name) for pod in target.pods}
    found |= {(pod.namespace, f"claim/{name}") for pod in target.pods for name in claim_names(pod)}
    found |= {(one.namespace, one.kind_name) for one in target.controllers.values()}
    found.add((target.namespace, (target.about or target.wanted).lower()))
    return _Known(target, frozenset(found))


def _exported_last(item: tuple[str, str]) -> tuple[bool, str]:
    return item[0].startswith("exported_"), item[0]


def _names_node(labels: Mapping[str, str], target: Measured) -> bool:
    name = target.about.partition("/")[2]
    if labels.get("node") == name or labels.get("nodename") == name:
        return True
    addresses = {name, *(one.address for one in target.node.status.addresses)} if target.node else {name}
    if "node" in labels:
        return False
    return re.sub(r":\d+$", "", labels.get("instance", "")).strip("[]") in addresses


def _firing(about: list[Alert], where: str, target: Measured) -> Finding:
    names = list(dict.fromkeys(one.name for one in about))
    first = about[0]
    times = [one.since for one in about if one.since is not None]
    serious = [one for one in about if _severity(one) not in _LESS]
    subject = target.subject
    return finding(
        "AlertsFiring",
        subject
        if subject.kind != "Pods" or target.wanted
        else Subject(kind="Cluster", namespace="", name="cluster"),
        severity=None if serious else "info",
        evidence=[
            Evidence(
                where,
                f"alert {one.name}",
                f"firing since {one.since:%d %b %H:%M} UTC" if one.since else "firing",
            )
            for one in about[:3]
        ],
        since=min(times, default=None),
        where=where,
        alerts=len(about),
        names=names,
        first=first.name,
        first_severity=_severity(first),
        first_summary=_summary(first),
        what=target.text,
        place=target.namespace,
        target="" if target.about else target.wanted,
        runbook=_safe_address(first.annotations.get("runbook_url", "")),
    )


def _table(about: list[Alert], where: str, now: datetime) -> Table:
    rows = [
        [
            one.name,
            _severity(one),
            f"{one.since:%d %b %H:%M} UTC, {human_duration((now - one.since).total_seconds())}"
            if one.since
            else "",
            _on_what(one),
            _summary(one),
        ]
        for one in about[:_ROWS]
    ]
    return Table(
        caption=f"Alerts that fire about it, by {where}",
        columns=[Column(name=name) for name in ("ALERT", "SEVERITY", "SINCE", "ABOUT", "SUMMARY")],
        rows=rows,
        omitted=max(0, len(about) - _ROWS),
    )


def _marks(about: list[Alert], target: Measured) -> Iterator[Mark]:
    for one in about[:_MARKS]:
        if one.since is not None:
            yield Mark(
                lane=target.about or target.wanted or target.text,
                at=one.since.astimezone(UTC),
                kind="alert",
                text=f"alert {one.name} ({_severity(one)}) began to fire",
                severity="info" if _severity(one) in _LESS else "warning",
            )


def _others(where: str, firing: int, about: int) -> str:
    if not firing:
        return f"No alert fires, by {where} (those that always fire left out)."
    others = firing - about
    if not others:
        return f"No other alert fires, by {where}."
    said = "1 alert fires" if others == 1 else f"{others} alerts fire"
    first = "" if about else "No alert about it fires; "
    return f"{first}{said} about other things, by {where}."


def _severity(one: Alert) -> str:
    return one.labels.get("severity", "").lower() or "none"


def _rank(one: Alert) -> int:
    said = _severity(one)
    return _ORDER.index(said) if said in _ORDER else _ORDER.index("warning")


def _summary(one: Alert) -> str:
    said = one.annotations
    text = said.get("summary") or said.get("description") or said.get("message") or ""
    text = " ".join(text.split())
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"


def _on_what(one: Alert) -> str:
    labels = one.labels
    names = [labels[name] for name in ("pod", "container") if labels.get(name)]
    names = names or [labels[name] for name in _NAMING_LABELS if labels.get(name)]
    names = names or [labels[name] for name in ("node", "instance", "namespace") if labels.get(name)][:1]
    return " ".join(names)


def _safe_address(text: str) -> str:
    return text if re.fullmatch(r"https?://[\w.~:/#%+-]{3,300}", text) else ""
