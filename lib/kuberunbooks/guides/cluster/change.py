"""What changed on the nodes in question before the headline began: the sentence of the first screen.

It states what happened and when, and never that it is the cause. Called by the closing
cell, when the headline is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, StepResult, headline

from ..rules.node_conditions import troubles
from .node_events import node_events
from .resolve import Nodes
from .states import states

_REACH = timedelta(hours=24)
_CLOCKS = timedelta(seconds=5)
"""Writers' clocks differ, and timestamps are cut to seconds."""
_MOST_NODES = 20
_REASONS = {
    "NodeNotSchedulable": "change_cordoned",
    "NodeSchedulable": "change_uncordoned",
    "Rebooted": "change_rebooted",
    "Starting": "change_kubelet_started",
}


def change(target: Nodes, cluster: Cluster, steps: list[StepResult]) -> str:
    """One sentence on the newest change of an affected node before the headline; empty when none is known."""
    findings = [one for step in steps for one in step.findings]
    found = headline(findings)
    if found is not None and found.code == "WebhookBackendDown":
        return _configured(found, findings, target)
    if found is None or found.severity not in ("critical", "warning") or found.subject.kind != "Node":
        return ""
    if found.since is None or target.unreachable:
        return ""
    began = found.since
    known = [one for one in _changes(target, cluster, found) if began - _REACH <= one[0] <= began + _CLOCKS]
    if not known:
        return ""
    at, what = max(known)
    ago = (began - at).total_seconds()
    if ago < 1:
        return target.words("change_at_once", what=what)
    return target.words("change_earlier", what=what, ago=target.words.duration(ago))


def _configured(found: Finding, findings: list[Finding], target: Nodes) -> str:
    """When the webhook was configured, if that was just before."""
    for one in findings:
        if one.code == "FailureModeOperatorError" and found.subject.text in one.facts.get("because", ()):
            what = target.words("change_created", name=found.subject.text)
            return target.words("change_ago", what=what, ago=target.words.duration(one.facts["changed"]))
    return ""


def _changes(target: Nodes, cluster: Cluster, found: Finding) -> Iterator[tuple[datetime, str]]:
    names = set(found.affected[:_MOST_NODES] or [found.subject.name])
    for one in states(target, cluster):
        if one.name not in names:
            continue
        for condition in troubles(one.node):
            # What the headline is about is no change before it.
            turned = condition.last_transition_time
            if condition.is_true and turned is not None and turned != found.since:
                yield turned, target.words("change_node", node=one.name, condition=condition.type)
    for name, events in node_events(target, cluster).items():
        for event in events if name in names else ():
            key = _REASONS.get(event.reason, "")
            is_other = event.reason == "Starting" and event.component != "kubelet"  # kube-proxy writes it too
            if key and event.last_seen is not None and event.last_seen != found.since and not is_other:
                yield event.last_seen, target.words(key, node=name)
