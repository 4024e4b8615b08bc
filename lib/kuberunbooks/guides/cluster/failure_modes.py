"""CL-12: which of the guide's failure modes this is, what still works in it, and what does not.

Worked out from what the steps before have read, so that it can be asked alone too. A mode
says what kind of failure it is; what failed is told by the step that found it, and goes
first in the report.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Subject, Table, finding
from kuberunbooks.objects import Evidence, Time

from ..rules.conditions import cite_condition
from ..rules.lost_zones import LostZone
from ..rules.webhooks import configurations
from ..step import NotChecked, Yielded, step
from .answer import THE_CLUSTER, Answer, answer
from .leaders import led, system_leases
from .operator_errors import operator_errors
from .partitions import silent_nodes
from .resolve import Nodes
from .states import State, states

_NAMED = 20
_CITED = 3


class Mode(NamedTuple):
    """A failure mode that was recognised; `because` are the objects whose own findings tell what failed."""

    code: str
    evidence: list[Evidence]
    since: Time
    likely: bool
    facts: dict[str, Any]
    because: list[str]
    subject: Subject = THE_CLUSTER


@step(
    "CL-12",
    title="Which failure mode is it?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/#cluster-failure-modes",
)
def failure_modes(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """What kind of failure is it, what goes on working in it, and what does not?"""
    said = answer(cluster)
    found = modes(target, cluster)
    for one in found:
        yield _finding(one)
    if found:
        yield _table(found)
    elif said.is_lost:
        yield NotChecked(f"The cluster could not be asked, which says nothing of how it is: {said.error}")
    elif not cluster.nodes().complete and not target.node:
        yield NotChecked(f"The nodes were not read: {cluster.nodes().why}.")
    else:
        unread = (
            [] if system_leases(cluster).complete else ["the leaders of scheduler and controller manager"]
        )
        yield finding("FailureModeNone", THE_CLUSTER, unread=unread, node=target.node)


def modes(target: Nodes, cluster: Cluster) -> list[Mode]:
    """The modes it is in. What was worked out is kept for the step about mitigations."""
    known: list[Mode] | None = target.memo.get("failure modes")
    if known is None:
        known = target.memo["failure modes"] = list(_modes(target, cluster))
    return known


def _modes(target: Nodes, cluster: Cluster) -> Iterator[Mode]:
    said = answer(cluster)
    yield from _api_server(said)
    if said.is_lost:
        return
    yield from _supporting(cluster)
    yield from _nodes(target, cluster)
    if not target.node:
        yield from _operator(cluster)


def _api_server(said: Answer) -> Iterator[Mode]:
    if said.is_down:
        evidence = [Evidence("readyz?verbose", "error", str(said.error))]
        yield Mode("FailureModeApiServerDown", evidence, None, True, {"reached": False}, [])
    elif said.storage:
        yield Mode("FailureModeEtcdLost", [cited for _, cited in said.storage], None, False, {}, [])
    else:
        broken = [cited for check, cited in said.others if not (check.is_ending or check.is_starting)]
        if broken:
            yield Mode("FailureModeApiServerDown", broken, None, False, {"reached": True}, [])


def _supporting(cluster: Cluster) -> Iterator[Mode]:
    down = [one for one in led(cluster) if one.down]
    if down:
        yield Mode(
            "FailureModeSupportingServicesDown",
            [one.leader.lease.cite("spec.renewTime") for one in down],
            min(
                (one.leader.lease.spec.renew_time for one in down if one.leader.lease.spec.renew_time),
                default=None,
            ),
            not any(one.signs for one in down),
            {"components": [one.component for one in down]},
            [
                *(f"{one.leader.lease.namespace}/lease/{one.component}" for one in down),
                *(f"node/{one.leader.holder}" for one in down),
            ],
        )


def _nodes(target: Nodes, cluster: Cluster) -> Iterator[Mode]:
    silent = silent_nodes(target, cluster)
    for zone in silent.zones:
        yield _partition(zone)
    if silent.faults:
        names = sorted(silent.faults)
        evidence = [silent.faults[name] for name in names[:_CITED]]
        yield Mode("FailureModeKubeletFault", evidence, None, True, _names(names), _as_nodes(names))
    if silent.down:
        yield _down(silent.down, states(target, cluster), target)


def _partition(zone: LostZone) -> Mode:
    names = [node.name for node in zone.nodes]
    cited = [cite_condition(node, "Ready", "status", "lastTransitionTime") for node in zone.nodes[:_CITED]]
    facts = {**_names(names), "zone": zone.zone, "of": zone.all, "explains": _as_nodes(names)}
    subject = Subject(kind="Zone", namespace="", name=zone.zone)
    evidence = [one for each in cited for one in each]
    return Mode("FailureModeNetworkPartition", evidence, zone.since, True, facts, [], subject)


def _down(rest: list[State], everything: list[State], target: Nodes) -> Mode:
    names = [one.name for one in rest]
    evidence = [
        cited for one in rest[:_CITED] for cited in cite_condition(one.node, "Ready", "status", "reason")
    ]
    since = min((one.trouble.since for one in rest if one.trouble and one.trouble.since), default=None)
    nobody = not target.node and not any(one.node.is_ready for one in everything)
    return Mode(
        "FailureModeNodeDown", evidence, since, True, {**_names(names), "nobody": nobody}, _as_nodes(names)
    )


def _names(names: list[str]) -> dict[str, Any]:
    return {"names": names[:_NAMED], "nodes": len(names)}


def _as_nodes(names: list[str]) -> list[str]:
    return [f"node/{name}" for name in names]


def _operator(cluster: Cluster) -> Iterator[Mode]:
    for one in operator_errors(configurations(cluster), cluster):
        facts = {"what": one.what, "thing": one.name, "changed": (cluster.now - one.changed).total_seconds()}
        yield Mode("FailureModeOperatorError", one.evidence, one.changed, True, facts, [one.because])


def _finding(one: Mode) -> Finding:
    found = finding(
        one.code,
        one.subject,
        evidence=one.evidence,
        since=one.since,
        likely=one.likely,
        group=(one.facts.get("zone", ""), one.facts.get("thing", "")),
        **one.facts,
    )
    if one.because:
        found.facts["because"] = one.because
    return found


_EFFECTS = {
    "FailureModeApiServerDown": (
        "API server down",
        "pods that run, and Services, unless they use the API",
        "creating, changing and deleting anything; kubectl; controllers",
    ),
    "FailureModeEtcdLost": (
        "the API server's storage is lost",
        "pods that run, and Services as they stand",
        "the API server cannot get well; nothing can be changed",
    ),
    "FailureModeSupportingServicesDown": (
        "scheduler or controller manager down",
        "reading and writing through the API; pods that run",
        "placing new pods, replacing lost ones, following changes",
    ),
    "FailureModeNodeDown": ("node down", "everything on the other nodes", "the pods of that node"),
    "FailureModeNetworkPartition": (
        "network partition",
        "each side by itself; inside the zone pods may run on",
        "each side thinks that the other is down",
    ),
    "FailureModeKubeletFault": (
        "kubelet fault",
        "the pods that run there, for the time being",
        "starting new pods there; what is deleted there may not go",
    ),
    "FailureModeOperatorError": (
        "operator error",
        "what was not changed",
        "what depends on what was changed",
    ),
}
"""The guide's failure modes: its name, what goes on working, and what does not."""


def _table(found: list[Mode]) -> Table:
    return Table(
        caption="Failure modes, as the upstream guide calls them",
        columns=[Column(name=name) for name in ("FAILURE MODE", "STILL WORKS", "DOES NOT")],
        rows=[list(_EFFECTS[code]) for code in dict.fromkeys(one.code for one in found)],
    )
