"""OV-05: everything that is wrong, one row for each cause and owner, worst first.

The rules are those of the other guides: their steps are asked, their tables and logs left
for the runbook that a row points to. What a cause explains is not told again, and what
does not fit into the table is counted by cause, so that 50,000 sick pods stay readable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import wraps

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import (
    SEVERITIES,
    Finding,
    Severity,
    apply_override,
    fill,
    finding,
    group,
    headline,
    precedence,
    without_explained,
)
from kuberunbooks.findings.headline import order
from kuberunbooks.objects import HorizontalPodAutoscaler, Service

from ..cluster.conditions import conditions
from ..cluster.resolve import resolve as resolve_nodes
from ..pods.crashes import crashes
from ..pods.host_ports import host_ports
from ..pods.images import images
from ..pods.overall import overall
from ..pods.placement import placement
from ..pods.resources import resources
from ..pods.scheduling import scheduling
from ..pods.services import endpoints as own_endpoints
from ..pods.services import selectors as own_selectors
from ..pods.target import Pods
from ..pods.terminating import terminating
from ..pods.waiting import waiting
from ..pods.workloads import workloads
from ..resource_metrics.autoscalers import horizontal_autoscalers
from ..resource_metrics.target import measured
from ..rules.node_health import node_finding
from ..running_pods.leftovers import leftovers
from ..services.cluster_dns import cluster_dns
from ..services.definition import definition
from ..services.endpoints import endpoints
from ..services.existence import existence
from ..services.policies import policies
from ..services.target import Services
from ..statefulsets.resolve import resolve as resolve_statefulsets
from ..statefulsets.service import service as governing_service
from ..step import Step, StepFunction, Yielded
from .deeper import command, deeper
from .held import is_held
from .lost_nodes import look_at_nodes, pods_on
from .resolve import is_whole_cluster, look_of, services_of
from .system_pods import SYSTEM
from .tables import by_cause, causes_table

MOST_ROWS = 30
"""Causes with a row of their own; more are counted by cause."""
MOST_ALIKE = 4
"""Rows of one code, once there are more causes than rows."""
MOST_TOLD = 10
"""Causes told in full, with their evidence; the runbook of a row tells the others."""

# Nobody has asked about these Services in particular: what is set up on purpose is no alarm.
_MILDER: dict[str, Severity] = {"NetworkPolicyRestrictsSources": "info"}
_NOTED = frozenset((*_MILDER, "ServiceScaledToZero"))
# Answers to questions that were not asked here.
_NO_ANSWER = frozenset({"ServicesNone", "NoStatefulSets", "InitNone", "TerminationNone"})


def _collecting(function: StepFunction) -> StepFunction:
    """A part of another guide's step whose findings wait for `bring_together`."""

    @wraps(function)
    def collect(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
        _keep(function(target, cluster), target)
        yield from ()

    return collect


def _of_services(function: StepFunction) -> StepFunction:
    """The same for a step about Services: of a whole namespace, or of everything."""

    @wraps(function)
    def collect(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
        if target.wanted or target.missing or target.namespace_missing:
            return
        try:
            for one in services_of(target, cluster):
                _keep(function(one, cluster), target)
        except ClusterError as error:
            # Where Services may not be read the pods are still worth the look.
            cluster.note_failure(error, f"look at Services ({function.__name__})", target.namespace)
        yield from ()

    return collect


def _where_held(function: StepFunction) -> StepFunction:
    """For a step about kube-system, of which a case need not hold anything."""

    @wraps(function)
    def ask(target: Services, cluster: Cluster) -> Iterator[Yielded]:
        if is_held(Service, SYSTEM, cluster):
            yield from function(target, cluster)

    return ask


def _of_the_targets_own(function: StepFunction) -> StepFunction:
    """The same for the pods guide's steps about Services, which know those of one workload."""

    @wraps(function)
    def collect(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
        if target.wanted:
            _keep(function(target, cluster), target)
        yield from ()

    return collect


def _keep(items: Iterator[Yielded], target: Pods) -> None:
    found = look_of(target).found
    for item in items:
        if isinstance(item, Finding) and item.severity != "ok":
            found.append(item)


def empty_nodes(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Lost nodes without a pod of the target: room that is missing, and no pod's trouble."""
    if is_whole_cluster(target):
        bound = pods_on(target)
        for trouble in look_at_nodes(target, cluster).touching:
            if trouble.name not in bound:
                one = node_finding(trouble, [], of=len(target.pods), owners=(), now=cluster.now)
                one.severity = "warning"
                look_of(target).found.append(one)
    yield from ()


def pressures(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What nodes run out of, where the whole cluster is looked at."""
    if is_whole_cluster(target) and look_at_nodes(target, cluster).listed:
        request = look_of(target).request
        for part in conditions.parts:
            _keep(part(resolve_nodes(cluster, request), cluster), target)
    yield from ()


def names_of_members(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Whether StatefulSets have the Service that gives their pods names."""
    if not target.wanted and any(root.kind == "StatefulSet" for root in target.roots):
        sets = resolve_statefulsets(cluster, look_of(target).request)
        for part in governing_service.parts:
            _keep(part(sets, cluster), target)
    yield from ()


def autoscalers(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Whether horizontal autoscalers get their metrics and scale, where there are any."""
    if is_held(HorizontalPodAutoscaler, target.namespace, cluster) and cluster.look(
        HorizontalPodAutoscaler, target.namespace
    ):
        scaled = measured(target)
        scaled.language = look_of(target).request.language
        for part in horizontal_autoscalers.parts:
            _keep(part(scaled, cluster), target)
    yield from ()


def bring_together(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """The findings of all the rules as causes, worst first, each with the command that goes deeper."""
    look = look_of(target)
    found, look.found = look.found, []
    for one in found:
        one.severity = _MILDER.get(one.code, one.severity)
        apply_override(one)
    grouped = group(found, target.owner_of)
    serious = [one for one in grouped if one.severity in ("critical", "warning")]
    _name_makers(serious, target)
    aside = look_at_nodes(target, cluster).aside
    causes = [one for one in without_explained(serious) if not _is_aside(one, aside)] if serious else []
    look.causes = _worst_first(causes)
    shown, rest = _with_rows(look.causes)
    commands = []
    for one in shown:
        where = command(deeper(one), target, cluster)
        one.facts["deeper"] = where
        commands.append(where)
        fill(one, look.request.language)
    told = shown[:MOST_TOLD]
    yield from told
    if len(look.causes) > len(told):
        yield _more(look.causes, target, told=len(told), rows=len(shown))
    notes = _notes(grouped)
    if not is_whole_cluster(target):
        # Of everything there is always something that waits: no answer to what is wrong.
        yield from {one.code: one for one in reversed(notes) if one.code in order().answers}.values()
    if shown:
        yield causes_table(shown, commands, target, cluster.now)
    if rest:
        yield by_cause("And the rest, by cause", rest, target, cluster)
    if notes:
        yield by_cause("Waits on purpose, passes by itself, or is worth knowing", notes, target, cluster)


def _is_aside(one: Finding, aside: Sequence[str]) -> bool:
    """A node that somebody took out of service: what it explains is no trouble, and neither is it."""
    return one.subject.kind == "Node" and one.subject.name in aside


def _name_makers(causes: list[Finding], target: Pods) -> None:
    """Where workloads could not be read, a pod's cause still explains what the one above it lacks."""
    if not target.unread:
        return
    makers = {(pod.namespace, pod.name): made.kind_name for pod in target.pods if (made := pod.controller)}
    for one in causes:
        if one.subject.kind == "Pod":
            above = {makers.get((one.subject.namespace, name), "") for name in one.affected} - {""}
            one.facts["explains"] = [*one.facts.get("explains", ()), *sorted(above)]


def _with_rows(causes: list[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Those with a row of their own, and the rest: of many with the same cause a few stand for all."""
    if len(causes) <= MOST_ROWS:
        return causes, []
    seen: Counter[str] = Counter()
    shown: list[Finding] = []
    rest: list[Finding] = []
    for one in causes:
        seen[one.code] += 1
        fits = seen[one.code] <= MOST_ALIKE and len(shown) < MOST_ROWS
        (shown if fits else rest).append(one)
    return shown, rest


def _more(causes: list[Finding], target: Pods, *, told: int, rows: int) -> Finding:
    return finding(
        "MoreCauses",
        target.subject,
        more_causes=len(causes) - told,
        told=told,
        rows=rows,
        critical=sum(one.severity == "critical" for one in causes),
        causes=len(causes),
        objects=sum(one.count for one in causes),
    )


def _worst_first(causes: list[Finding]) -> list[Finding]:
    """The headline, then by severity; what is about the surroundings after the rest of its severity."""
    elsewhere = order().elsewhere
    first = headline(causes)
    return sorted(
        causes,
        key=lambda one: (
            one is not first,
            SEVERITIES.index(one.severity),
            one.code in elsewhere,
            precedence(one),
        ),
    )


def _notes(grouped: list[Finding]) -> list[Finding]:
    """What waits on purpose or passes by itself, and may be what somebody wonders about."""
    noted = (_NOTED | frozenset(order().answers)) - _NO_ANSWER
    return [one for one in grouped if one.severity == "info" and one.code in noted]


_PODS = (
    overall,
    scheduling,
    resources,
    host_ports,
    placement,
    images,
    waiting,
    terminating,
    crashes,
    workloads,
    leftovers,
)
_SERVICES = (existence, definition, endpoints, policies)
_OWN_SERVICES = (own_endpoints, own_selectors)

sweep = Step(
    "OV-05",
    "sweep",
    "What is wrong, worst first?",
    "What is wrong, whose is it, since when, and which runbook looks closer?",
    "",
    (
        *(_collecting(part) for one in _PODS for part in one.parts),
        *(_of_services(part) for one in _SERVICES for part in one.parts),
        *(_of_services(_where_held(part)) for part in cluster_dns.parts),
        *(_of_the_targets_own(part) for one in _OWN_SERVICES for part in one.parts),
        empty_nodes,
        pressures,
        names_of_members,
        autoscalers,
        bring_together,
    ),
)
