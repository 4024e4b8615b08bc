"""Finds the Services that were asked for, with their pods and slices.

One Service costs a handful of requests whatever the namespace holds: the Service, its
slices by label, its pods by selector. All Services of a namespace cost one list of each
kind, side by side.
"""

from __future__ import annotations

import difflib

from kuberunbooks.cluster import Cluster, Listing, Query
from kuberunbooks.errors import ClusterError, NotFound
from kuberunbooks.findings import Words
from kuberunbooks.objects import (
    CronJob,
    DaemonSet,
    Deployment,
    EndpointSlice,
    Event,
    Job,
    LabelSelector,
    Namespace,
    Pod,
    Service,
    StatefulSet,
)

from ..pods.resolve import WORKLOAD_KINDS, climb
from ..pods.resolve import resolve as resolve_pods
from ..pods.target import Controller, Key, Pods
from ..registry import Request
from ..rules.label_index import LabelIndex
from ..rules.service_match import Backing, pods_behind
from ..rules.service_slices import all_of_them, by_service, slices_selector, slices_selector_of
from .client import find_client
from .target import Services
from .transcripts import take_transcripts
from .wanted import ServiceWanted, parse_service_target

_MOST_NEAR = 5
_MOST_CLIMBED = 5
"""Workloads above the pods of one Service that are read one by one."""
_MAKERS: tuple[type[Controller], ...] = (Deployment, StatefulSet, DaemonSet)


def resolve(cluster: Cluster, request: Request) -> Services:
    """Finds the target; a Service that does not exist comes back with `missing` set.

    Raises BadParameter for a target or client this guide does not handle, ClusterError
    when the server does not let us look.
    """
    wanted = parse_service_target(request.target)
    behind = Pods(
        "",
        request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
    )
    target = Services(
        wanted.text,
        request.namespace,
        behind,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=behind.words,
    )
    try:
        _read(target, wanted, cluster, request)
    except NotFound:
        target.missing = True
        if wanted.word:
            target.wanted = f"service/{wanted.word}"
        _explain_absence(target, wanted, cluster)
    target.client, target.client_port = find_client(cluster, request)
    take_transcripts(cluster, request.options)
    return target


def _read(target: Services, wanted: ServiceWanted, cluster: Cluster, request: Request) -> None:
    if wanted.name:
        place = target.namespace
        found = (
            [cluster.get(Service, place, wanted.name)]
            if place
            else list(cluster.read(Service, fields=f"metadata.name={wanted.name}"))
        )
        _named(target, found, cluster, request)
    elif wanted.pods is not None:
        _of_pods(target, cluster, request)
    elif wanted.word:
        _by_word(target, wanted.word, cluster, request)
    else:
        _all(target, cluster, request)


def _named(target: Services, found: list[Service], cluster: Cluster, request: Request) -> None:
    """One Service by name; without a namespace, every one of that name."""
    if not found:
        raise NotFound(f"There is no {target.wanted} in any namespace.")
    target.single = len(found) == 1
    for one in found:
        slices = _slices(target, cluster, one.namespace, slices_selector(one.name))
        pods = _selected(one, cluster)
        makers = [] if pods else _makers(one, cluster)
        _note_idle(target, one, makers)
        target.backings.append(Backing(one, pods, slices, [maker.kind_name for maker in makers]))
        target.behind.pods += pods
        if makers and target.single:
            # Why it has no pods is a question about the workload that should make them.
            place = request._replace(namespace=one.namespace, target=makers[0].kind_name)
            target.behind = resolve_pods(cluster, place)
    if target.behind.pods:
        _know_pods(target, cluster)


def _note_idle(target: Services, service: Service, makers: list[Controller]) -> None:
    names = [one.kind_name for one in makers if not isinstance(one, Job | CronJob) and not one.desired]
    if names and len(names) == len(makers):
        target.idle[service.key] = names


def _makers(service: Service, cluster: Cluster) -> list[Controller]:
    """The workloads whose pods it would select; they may be scaled to none, or unable to make any."""
    wanted = service.spec.selector.items()
    if not wanted or service.is_external_name:
        return []
    return [
        one
        for kind in _MAKERS
        for one in cluster.look(kind, service.namespace, whole=True)
        if wanted <= one.template.metadata.labels.items()
    ]


def _selected(service: Service, cluster: Cluster) -> list[Pod]:
    if not service.spec.selector or service.is_external_name:
        return []
    labels = LabelSelector(match_labels=service.spec.selector).text()
    return list(cluster.read(Pod, service.namespace, labels=labels))


def _know_pods(target: Services, cluster: Cluster) -> None:
    """Who made the pods of one Service, and the events of their namespace, in one answer."""
    behind = target.behind
    makers = {pod.controller_key: pod for pod in behind.pods if pod.controller_key is not None}
    for pod in list(makers.values())[:_MOST_CLIMBED]:
        climb(behind, pod, cluster)
    behind.index()
    roots = {root.key: root for root in behind.roots}
    roots.update((top.key, top) for pod in behind.pods if (top := behind.top_of(pod)) is not None)
    behind.roots = list(roots.values())
    for place in sorted({pod.namespace for pod in behind.pods}):
        try:
            cluster.read_events(place, whole=True)
        except ClusterError as error:
            cluster.note_failure(error, "list events", place)


def _of_pods(target: Services, cluster: Cluster, request: Request) -> None:
    """Every Service that selects one of the pods that were asked for, or the template of their workload."""
    found = resolve_pods(cluster, request)
    if found.missing:
        target.behind = found
        target.near_names, target.other_namespaces = found.near_names, found.other_namespaces
        target.namespace_missing = found.namespace_missing
        raise NotFound(f"There is no {found.wanted}.")
    labelled = [(pod.namespace, pod.metadata.labels, pod) for pod in found.pods]
    index = LabelIndex[Pod](labelled)
    templates = LabelIndex[Controller](
        (root.namespace, root.template.metadata.labels, root) for root in found.roots
    )
    services = [
        one
        for one in cluster.read(Service, target.namespace, whole=True)
        if one.spec.selector
        and (
            index.select(one.namespace, one.spec.selector)
            or templates.select(one.namespace, one.spec.selector)
        )
    ]
    _with_slices(target, services, found, cluster, complete_pods=False)


def _by_word(target: Services, word: str, cluster: Cluster, request: Request) -> None:
    """The Service of exactly this name, else those whose name begins so."""
    if target.namespace:
        found = cluster.find(Service, target.namespace, word)
        if found.object is not None:
            target.wanted = found.object.kind_name
            _named(target, [found.object], cluster, request)
            return
    _all(target, cluster, request, word)
    if not target.backings:
        raise NotFound(f"No Service has a name that begins with {word}.")


def _all(target: Services, cluster: Cluster, request: Request, prefix: str = "") -> None:
    place = target.namespace
    cluster.prefetch(
        *(Query(kind, place) for kind in (Service, EndpointSlice, Pod, *WORKLOAD_KINDS)), Query(Event, place)
    )
    found = resolve_pods(cluster, request._replace(target=""))
    target.namespace_missing = found.namespace_missing
    if found.namespace_missing:
        target.near_names = found.near_names
        raise NotFound(f"There is no namespace {place}.")
    services = [one for one in cluster.read(Service, place) if one.name.startswith(prefix)]
    target.whole = cluster.look(Pod, place).complete
    _with_slices(target, services, found, cluster, complete_pods=True)


def _with_slices(
    target: Services, services: list[Service], found: Pods, cluster: Cluster, *, complete_pods: bool
) -> None:
    """Brings together what was read; pods of a part of the namespace are completed by each selector."""
    labels = "" if complete_pods else slices_selector_of(services)
    slices = by_service(_slices(target, cluster, target.namespace, labels) if services else ())
    index = LabelIndex[Pod]((pod.namespace, pod.metadata.labels, pod) for pod in found.pods)
    templates = LabelIndex[Controller](
        (root.namespace, root.template.metadata.labels, root) for root in found.roots
    )
    roots: dict[Key, Controller] = {}
    for service in services:
        place, selector = service.namespace, service.spec.selector
        pods = index.select(place, selector) if complete_pods else _selected(service, cluster)
        makers = templates.select(place, selector)
        roots.update((one.key, one) for one in makers)
        names = [] if pods else [one.kind_name for one in makers]
        _note_idle(target, service, [] if pods else makers)
        target.backings.append(Backing(service, pods, slices.get((place, service.name), []), names))
    target.behind = found
    found.wanted = target.wanted
    found.roots = list(roots.values())
    found.pods = pods_behind(target.backings)
    found.single = len(found.pods) == 1
    found.index()
    if not complete_pods:
        _know_pods(target, cluster)


def _slices(target: Services, cluster: Cluster, namespace: str, labels: str = "") -> list[EndpointSlice]:
    """The slices; where they could not be read the target says so, and the steps about them do."""
    found: Listing[EndpointSlice] = Listing()
    try:
        found = cluster.read(EndpointSlice, namespace, labels=labels)
        all_of_them(found, namespace)
    except ClusterError as error:
        target.slices_unread = error
    return found


def _explain_absence(target: Services, wanted: ServiceWanted, cluster: Cluster) -> None:
    """Does the namespace exist, what looks alike, where else does a Service of that name live?"""
    name = wanted.name or wanted.word
    if not target.namespace or not name:
        return
    found = cluster.find(Namespace, "", target.namespace)
    if found.known and found.object is None:
        target.namespace_missing = True
        names = [one.name for one in cluster.look(Namespace)]
        target.near_names = difflib.get_close_matches(target.namespace, names, n=_MOST_NEAR)
    else:
        names = [one.name for one in cluster.look(Service, target.namespace)]
        longer = sorted(one for one in names if one.startswith(name))
        near = [*longer, *difflib.get_close_matches(name, names, n=_MOST_NEAR)]
        target.near_names = [f"service/{one}" for one in dict.fromkeys(near)][:_MOST_NEAR]
    elsewhere = cluster.look(Service, "", fields=f"metadata.name={name}")
    target.other_namespaces = sorted({one.namespace for one in elsewhere} - {target.namespace})
