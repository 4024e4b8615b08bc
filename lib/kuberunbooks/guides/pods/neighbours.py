"""Affinity to other pods, and topology spread: part of the placement step.

Shows the terms and how many matching pods each topology value holds, so that the
reader sees which rule leaves no place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Table
from kuberunbooks.objects import LabelSelector, Node, Pod

from ..rules.node_fit import is_selected
from ..step import Yielded
from .target import Pods
from .unscheduled import Allowance, Ration, Refusal, explain, node_count_facts

_ROWS = 12
_TABLES = 3


class Term(NamedTuple):
    """One rule about other pods: near them, away from them, or spread evenly among them."""

    what: str
    path: str
    selector: LabelSelector | None
    namespaces: list[str]
    topology_key: str
    max_skew: int = 0

    @property
    def text(self) -> str:
        """The rule in words: `away from pods app=web per zone`, `spread evenly over zone with ...`."""
        chosen = f"pods {self.selector.text() or '(any)'}" if self.selector is not None else "no pods"
        if self.max_skew:
            return f"{self.what} {self.topology_key} with {chosen} (skew at most {self.max_skew})"
        return f"{self.what} {chosen} per {self.topology_key}"


class Company:
    """The pods others must mind, read once per namespace; tables only for the first refusals."""

    def __init__(self, target: Pods, cluster: Cluster) -> None:
        self._cluster = cluster
        self._allowance = Allowance(target, cluster)
        self.tables = Ration(_TABLES)

    def pods(self, namespaces: list[str]) -> list[Pod] | None:
        """The pods of these namespaces; None when they could not all be read."""
        found: list[Pod] = []
        for namespace in namespaces:
            if self._allowance.left(1) <= 0:
                return None
            listed = self._cluster.look(Pod, namespace)
            if not listed.complete:
                return None
            found += listed
        return found


def neighbours(refusal: Refusal, nodes: Listing[Node], target: Pods, company: Company) -> Iterator[Yielded]:
    """Findings for the scheduler's pod affinity and topology spread reasons."""
    for code, terms in (
        ("PodAffinityUnsatisfied", affinity_terms(refusal.example)),
        ("TopologySpreadUnsatisfied", spread_terms(refusal.example)),
    ):
        reasons = refusal.message.of(code)
        if not reasons:
            continue
        if terms and nodes and company.tables.take():
            yield from _table(refusal, terms, nodes, company)
        unlabelled = sorted(
            {term.topology_key for term in terms if not any(_value(node, term) for node in nodes)}
        )
        facts = {
            **node_count_facts(refusal.message, nodes),
            "terms": [term.text for term in terms],
            "count_then": refusal.message.nodes_for(code),
            "said": [reason.phrase for reason in reasons],
            "others": any("existing pods" in reason.text for reason in reasons),
            "unlabelled": unlabelled if nodes.complete else [],
            "lacking": any("missing required label" in reason.text for reason in reasons),
            "topology_keys": sorted({term.topology_key for term in terms}),
        }
        evidence = [refusal.example.cite(term.path) for term in terms]
        yield from explain(refusal, code, facts, evidence, target=target, group=tuple(facts["terms"]))


def affinity_terms(pod: Pod) -> list[Term]:
    """The required terms of podAffinity and podAntiAffinity."""
    found: list[Term] = []
    if pod.spec.affinity is None:
        return found
    for what, field, rule in (
        ("near", "podAffinity", pod.spec.affinity.pod_affinity),
        ("away from", "podAntiAffinity", pod.spec.affinity.pod_anti_affinity),
    ):
        terms = rule.required_during_scheduling_ignored_during_execution if rule else []
        for index, term in enumerate(terms):
            path = f"spec.affinity.{field}.requiredDuringSchedulingIgnoredDuringExecution[{index}]"
            places = term.namespaces or [pod.namespace]
            found.append(Term(what, path, term.label_selector, places, term.topology_key))
    return found


def spread_terms(pod: Pod) -> list[Term]:
    """The topology spread constraints that can keep a pod from being placed (DoNotSchedule)."""
    return [
        Term(
            "spread evenly over",
            f"spec.topologySpreadConstraints[{index}]",
            one.label_selector,
            [pod.namespace],
            one.topology_key,
            one.max_skew,
        )
        for index, one in enumerate(pod.spec.topology_spread_constraints)
        if one.when_unsatisfiable in ("", "DoNotSchedule")
    ]


def _table(refusal: Refusal, terms: list[Term], nodes: Listing[Node], company: Company) -> Iterator[Yielded]:
    """How many matching pods each topology value holds; left out when the pods could not be read."""
    place = {node.name: node for node in nodes}
    rows: list[list[str]] = []
    for term in terms:
        pods = company.pods(term.namespaces)
        if pods is None or term.selector is None:
            continue
        counts: Counter[str] = Counter()
        for pod in pods:
            node = place.get(pod.spec.node_name)
            if node is not None and not pod.is_terminal and term.selector.matches(pod.metadata.labels):
                counts[_value(node, term)] += 1
        may_use = {_value(node, term) for node in nodes if is_selected(refusal.example.spec, node)}
        rows += [
            [term.text, value or "(no such label)", str(counts[value]), "yes" if value in may_use else "no"]
            for value in sorted({_value(node, term) for node in nodes})
        ]
    if rows:
        yield Table(
            caption=f"Where the pods are that pod {refusal.example.name} must mind",
            columns=[
                Column(name="RULE"),
                Column(name="TOPOLOGY VALUE"),
                Column(name="MATCHING PODS", numeric=True),
                Column(name="MAY USE"),
            ],
            rows=rows[:_ROWS],
            omitted=max(0, len(rows) - _ROWS),
        )


def _value(node: Node, term: Term) -> str:
    return node.metadata.labels.get(term.topology_key, "")
