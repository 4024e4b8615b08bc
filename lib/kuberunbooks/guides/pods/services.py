"""DP-12 to DP-14: the Services of the target's pods, their endpoints, selectors and ports.

Which Services concern the target: those that select its pods, or the template of a
workload that has none yet, and those that would but for a slip in the selector. Of a
whole namespace, all that have a selector.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, Severity, finding
from kuberunbooks.objects import CronJob, EndpointSlice, Job, Pod, Service

from ..rules.label_index import LabelIndex, Labelled
from ..rules.near_miss import NearMiss, Shapes
from ..rules.service_match import Backing, is_right, judge_endpoints
from ..rules.service_ports import judge_ports
from ..rules.service_selector import judge_selector
from ..rules.service_slices import all_of_them, by_service, slices_selector_of
from ..rules.thresholds import SETTLING
from ..step import Yielded, step
from .target import Controller, Pods, owner_text


class Situation(NamedTuple):
    """The Services that concern the target.

    `selecting` select pods or a template of it; `missing` select nothing that
    was read, with the pods they were probably meant for. `lenient` is the
    severity of faults that do not concern the target itself: another Service
    already leads to its pods. `whole`: all pods there are were read, so a
    selector that finds none of them finds none at all.
    """

    selecting: list[Backing]
    missing: list[tuple[Backing, NearMiss | None]]
    lenient: Severity | None
    whole: bool


@step("DP-12", title="Do its Services have endpoints?")
def endpoints(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Does every Service of these pods have a ready endpoint for each of them?"""
    situation = _situation(target, cluster)
    who_made = partial(_who_made, target)
    right: list[Service] = []
    for backing in situation.selecting:
        severity = situation.lenient
        if target.wanted and is_right(backing):
            severity = _one_is_reached(target)
        found = list(judge_endpoints(backing, cluster.now, who_made, severity))
        yield from found
        if not found and backing.service.age(cluster.now) >= SETTLING:
            right.append(backing.service)
    for backing, _ in situation.missing:
        yield from judge_endpoints(backing, cluster.now, who_made, situation.lenient)
    if right:
        yield _all_right(target, right)


@step("DP-13", title="Do selectors and ports fit?")
def selectors(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Do the Services' selectors match the pods' labels, and their target ports the containers' ports?"""
    situation = _situation(target, cluster)
    for backing, near in situation.missing:
        if backing.service.age(cluster.now) >= SETTLING:
            yield from judge_selector(
                backing.service, near, proven=situation.whole, severity=situation.lenient
            )
    for backing in situation.selecting:
        yield from judge_ports(backing.service, backing.pods, situation.lenient)


@step("DP-14", title="Is traffic forwarded?")
def traffic(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """If endpoints are right and clients still get no answer, where to look next?"""
    names = sorted(one.service.name for one in _situation(target, cluster).selecting if is_right(one))
    if names:
        which = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        yield Note(
            text=f"Endpoints exist for Service {which}. If a client still gets no answer, run the services "
            f"runbook with target service/{names[0]}: it checks DNS, network policy and kube-proxy."
        )


def _situation(target: Pods, cluster: Cluster) -> Situation:
    """The Services that matter, worked out once a run. Raises ClusterError when they cannot be read."""
    known: Situation | None = target.memo.get("services")
    if known is None:
        known = target.memo["services"] = _look_around(target, cluster)
    return known


def _look_around(target: Pods, cluster: Cluster) -> Situation:
    if target.missing or not (target.pods or target.roots):
        return Situation([], [], None, False)
    pods = LabelIndex[Pod]((pod.namespace, pod.metadata.labels, pod) for pod in target.pods)
    templates = LabelIndex[Controller](_templates(target.roots))
    asked = [one for one in cluster.read(Service, _place(target)) if _has_selector(one)]
    selecting: list[tuple[Service, list[Pod], list[Controller]]] = []
    missing: list[tuple[Service, NearMiss | None]] = []
    shapes: Shapes | None = None
    whole = not target.wanted and cluster.look(Pod, target.namespace).complete
    for service in asked:
        namespace, selector = service.namespace, service.spec.selector
        found, makers = pods.select(namespace, selector), templates.select(namespace, selector)
        if found or makers:
            selecting.append((service, found, makers))
            continue
        shapes = shapes or Shapes(_labelled(target))
        near = shapes.nearest(namespace, selector)
        if near is not None or whole:
            missing.append((service, near))
    slices = _slices(target, cluster, [*(one for one, _, _ in selecting), *(one for one, _ in missing)])
    backed = [
        Backing(service, found, slices.get(_key(service), []), _idle_makers(found, makers))
        for service, found, makers in selecting
        if found or any(_wants_pods(one) for one in makers)
    ]
    lost = [(Backing(service, [], slices.get(_key(service), []), []), near) for service, near in missing]
    # Of a part of a namespace, pods that were not read may stand behind a Service that selects none of ours.
    lost = [entry for entry in lost if whole or not any(one.endpoints for one in entry[0].slices)]
    return Situation(backed, lost, _leniency(target, backed), whole)


def _slices(
    target: Pods, cluster: Cluster, services: list[Service]
) -> dict[tuple[str, str], list[EndpointSlice]]:
    if not services:
        return {}
    labels = slices_selector_of(services) if target.wanted else ""
    place = _place(target)
    return by_service(all_of_them(cluster.read(EndpointSlice, place, labels=labels), place))


def _place(target: Pods) -> str:
    """The namespace to read; empty for all when the target's pods are in several."""
    if target.namespace:
        return target.namespace
    places = {one.namespace for one in (*target.pods, *target.roots)} if target.wanted else set()
    return places.pop() if len(places) == 1 else ""


def _leniency(target: Pods, backed: list[Backing]) -> Severity | None:
    """Faults of further Services are no alarm about pods that another Service already leads to."""
    if not target.wanted:
        return None
    reached = any(is_right(one) and not any(judge_ports(one.service, one.pods)) for one in backed)
    return "info" if reached else None


def _one_is_reached(target: Pods) -> Severity | None:
    """That other pods of its Service are not ready is no alarm about the one pod in question."""
    return "info" if target.single and target.pods[0].is_ready else None


def _templates(roots: Iterable[Controller]) -> Iterator[Labelled[Controller]]:
    for root in roots:
        if not isinstance(root, Job | CronJob):
            yield root.namespace, root.template.metadata.labels, root


def _labelled(target: Pods) -> Iterator[Labelled[str]]:
    for pod in target.pods:
        yield pod.namespace, pod.metadata.labels, _who_made(target, pod)
    for namespace, labels, root in _templates(target.roots):
        yield namespace, labels, root.kind_name


def _idle_makers(pods: list[Pod], makers: list[Controller]) -> list[str]:
    return [] if pods else [one.kind_name for one in makers if _wants_pods(one)]


def _wants_pods(one: Controller) -> bool:
    return not isinstance(one, Job | CronJob) and one.desired > 0


def _who_made(target: Pods, pod: Pod) -> str:
    return owner_text(pod, target) or f"pod/{pod.name}"


def _has_selector(service: Service) -> bool:
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def _key(service: Service) -> tuple[str, str]:
    return (service.namespace, service.name)


def _all_right(target: Pods, services: list[Service]) -> Finding:
    names = sorted(one.name for one in services)
    subject = services[0] if len(services) == 1 else target.subject
    return finding("ServiceEndpointsHealthy", subject, services=names, number=len(names))
