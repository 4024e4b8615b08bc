"""Selectors, taints, cordons and node names that keep a pod off nodes: part of the placement step.

Computed from the nodes as they are now, beside what the scheduler said: newer servers
withhold the taint, and a taint hides a selector that no node meets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.findings import Finding, Severity
from kuberunbooks.objects import Pod

from ..rules.node_fit import is_lost
from .fleet import Fleet, View
from .target import Pods
from .unscheduled import Refusal, explain, node_count_facts, severity_of

_CITED = 3


def node_rules(refusal: Refusal, fleet: Fleet, target: Pods) -> Iterator[Finding]:
    """Findings for whatever of the node itself keeps these pods off."""
    view = fleet.view(refusal.example)
    yield from _selector(refusal, view, fleet, target)
    yield from _taints(refusal, view, fleet, target)
    yield from _cordons(refusal, view, fleet, target)
    yield from _node_name(refusal, fleet, target)


def _selector(refusal: Refusal, view: View, fleet: Fleet, target: Pods) -> Iterator[Finding]:
    said, pod, nodes = refusal.message.of("NodeSelectorMismatch"), refusal.example, fleet.nodes
    none_fits = nodes.complete and bool(nodes) and not view.selected
    if not said and not (none_fits and (view.asked or view.pinned is not None)):
        return
    if view.pinned is not None and view.selected:
        # Meant for one node, as a DaemonSet's pods are, and that one matches: the others do not count.
        return
    unmet = view.unmet if none_fits else []
    label = next((one for one in unmet if one.operator == "In" and one.values), None)
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, nodes),
        "wanted": view.wanted_texts,
        "unmet": [text for one, text in zip(view.asked, view.wanted_texts, strict=True) if one in unmet],
        "near": view.near if none_fits else [],
        "none_fits": none_fits,
        "matching": [node.name for node in view.selected],
        "pinned": sorted(view.pinned or ()),
        "count_then": refusal.message.nodes_for("NodeSelectorMismatch"),
        "label_key": label.key if label else "",
        "label_value": label.values[0] if label else "",
        "node": nodes[0].name if len(nodes) == 1 else "",
    }
    evidence = [pod.cite(path) for path in _selector_paths(pod)]
    evidence += [node.cite("metadata.labels") for node in nodes[:_CITED]] if none_fits else []
    severity: Severity = "critical" if none_fits else severity_of("NodeSelectorMismatch", refusal.message)
    if view.selected and len(refusal.message.codes) > 1:
        # Some nodes do match, so the selector is meant; what keeps the pod off those is the cause.
        severity = "warning"
    group = tuple(view.wanted_texts)
    yield from explain(
        refusal, "NodeSelectorMismatch", facts, evidence, target=target, severity=severity, group=group
    )


def _selector_paths(pod: Pod) -> list[str]:
    found = ["spec.nodeSelector"] if pod.spec.node_selector else []
    if pod.spec.affinity is not None and pod.spec.affinity.node_affinity is not None:
        found.append("spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution")
    return found


def _taints(refusal: Refusal, view: View, fleet: Fleet, target: Pods) -> Iterator[Finding]:
    said = refusal.message.of("UntoleratedTaint")
    if not said or (fleet.nodes.complete and not view.tainted):
        # No node has such a taint any more: the message is older than that.
        return
    named = dict.fromkeys(reason.detail["key"] for reason in said if "key" in reason.detail)
    first = next(((node, taints) for node, taints in view.tainted if not is_lost(node)), None)
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, fleet.nodes),
        "count_then": refusal.message.nodes_for("UntoleratedTaint"),
        "all": refusal.message.covers_all("UntoleratedTaint"),
        "keys": view.taint_keys or list(named),
        "taints": view.taint_texts,
        "tainted": len(view.tainted),
        "lost": [node.name for node in view.lost],
        "all_lost": bool(view.tainted) and len(view.lost) == len(view.tainted),
        "first_node": first[0].name if first else "",
        "first_taint": first[1][0].text if first else "",
    }
    if facts["all_lost"]:
        # The taint is what the loss looks like to the scheduler: the node's own finding is the cause.
        facts["because"] = [f"node/{name}" for name in facts["lost"]]
    # Lost nodes first: theirs is the taint nobody put there on purpose.
    cited = sorted(view.tainted, key=lambda pair: not is_lost(pair[0]))[:_CITED]
    evidence = [node.cite("spec.taints") for node, _ in cited]
    group = (tuple(facts["keys"]), facts["all"])
    yield from explain(refusal, "UntoleratedTaint", facts, evidence, target=target, group=group)


def _cordons(refusal: Refusal, view: View, fleet: Fleet, target: Pods) -> Iterator[Finding]:
    said = refusal.message.of("NodesCordoned")
    if (fleet.nodes.complete and not view.cordoned) or not (said or view.cordoned_all):
        return
    every = refusal.message.covers_all("NodesCordoned") or view.cordoned_all
    facts: dict[str, Any] = {
        **node_count_facts(refusal.message, fleet.nodes),
        "count_then": refusal.message.nodes_for("NodesCordoned"),
        "cordoned": [node.name for node in view.cordoned],
        "first_node": view.cordoned[0].name if view.cordoned else "",
        "all": every,
    }
    evidence = [node.cite("spec.unschedulable") for node in view.cordoned[:_CITED]]
    severity: Severity | None = "critical" if every else None
    yield from explain(refusal, "NodesCordoned", facts, evidence, target=target, severity=severity)


def _node_name(refusal: Refusal, fleet: Fleet, target: Pods) -> Iterator[Finding]:
    if refusal.message.of("NodeNameMismatch"):
        pod = refusal.example
        facts = {
            "node": pod.spec.node_name,
            "preset": False,
            **node_count_facts(refusal.message, fleet.nodes),
        }
        yield from explain(refusal, "NodeNameMismatch", facts, [pod.cite("spec.nodeName")], target=target)
