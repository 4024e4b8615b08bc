"""SV-10: the EndpointSlices against the pods the selector finds, and the selector against the pods' labels.

Slices are merged over all of a Service's and both address families. Why a pod is not
ready is the pods step's matter: the finding here names it as its cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Evidence, Pod, Service

from ..rules.near_miss import NearMiss, Shapes
from ..rules.service_match import Backing, judge_endpoints, read_endpoints
from ..rules.service_selector import judge_selector
from ..rules.stale_endpoints import stale_endpoints
from ..rules.thresholds import SETTLING
from ..rules.traffic_policy import judge_traffic
from ..step import NotChecked, Yielded, step
from .endpoint_table import endpoint_table
from .target import Services

_MOST_TABLES = 5
"""Of more Services the table of the existence step counts the endpoints."""


@step("SV-10", title="Does it have endpoints?")
def endpoints(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Do its EndpointSlices hold every pod that is ready to serve, and no other?"""
    lost = Lost(target, cluster)
    if target.slices_unread is not None:
        for backing in target.backings:
            yield from _selects_nothing(backing, lost)
        raise target.slices_unread
    right, judged = [], False
    for backing in target.backings:
        service = backing.service
        if service.is_external_name or service.age(cluster.now) < SETTLING:
            continue
        judged = True
        found = list(_judge(backing, target, cluster, lost))
        yield from found
        if len(target.backings) <= _MOST_TABLES and (table := endpoint_table(backing)) is not None:
            yield table
        if not found or all(one.severity in ("info", "ok") for one in found):
            right.append(service)
    if right:
        names = sorted(one.name for one in right)
        subject = right[0] if len(right) == 1 else target.subject
        yield finding("ServiceEndpointsHealthy", subject, services=names, number=len(names))
    if not judged:
        yield NotChecked("There is no Service here that has endpoints, or it was made only this minute.")


def _judge(backing: Backing, target: Services, cluster: Cluster, lost: Lost) -> Iterator[Finding]:
    service = backing.service
    if not service.spec.selector:
        yield _without_selector(backing)
        return
    if (idle := target.idle.get(service.key)) is not None:
        yield _switched_off(service, idle, target)
        return
    yield from _selects_nothing(backing, lost)
    yield from judge_endpoints(backing, cluster.now, partial(Services.who_made, target))
    yield from stale_endpoints(backing, cluster.now)
    yield from judge_traffic(backing, target.client)


def _selects_nothing(backing: Backing, lost: Lost) -> Iterator[Finding]:
    service = backing.service
    if service.spec.selector and not (service.is_external_name or backing.pods or backing.made_by):
        yield from judge_selector(service, lost.nearest(service), proven=lost.proven(service))


def _switched_off(service: Service, idle: list[str], target: Services) -> Finding:
    """On purpose, as a rule: an alarm only where somebody asks why this very Service does not answer."""
    return finding(
        "ServiceScaledToZero",
        service,
        severity="warning" if target.single else "info",
        evidence=service.cite("spec.selector"),
        makers=idle,
    )


def _without_selector(backing: Backing) -> Finding:
    """Endpoints kept by hand: there, or forgotten."""
    service, held = backing.service, read_endpoints(backing)
    return finding(
        "ServiceNoSelector",
        service,
        severity="info" if held.ready else "critical",
        evidence=(
            service.cite("spec.selector"),
            Evidence(service.source, "EndpointSlices", f"{len(held.ready)} ready endpoints"),
        ),
        ready=len(held.ready),
        total_endpoints=len(held.all),
    )


class Lost:
    """For Services that select no pod: which pods there are around them. Read when needed."""

    def __init__(self, target: Services, cluster: Cluster) -> None:
        self._target = target
        self._cluster = cluster
        self._shapes: dict[str, Shapes] = {}

    def proven(self, service: Service) -> bool:
        """Whether all pods of its namespace were read."""
        return self._pods(service.namespace).complete

    def nearest(self, service: Service) -> NearMiss | None:
        """The pods it was probably meant for."""
        place = service.namespace
        if place not in self._shapes:
            who = self._target.who_made
            self._shapes[place] = Shapes(
                (pod.namespace, pod.metadata.labels, who(pod)) for pod in self._pods(place)
            )
        return self._shapes[place].nearest(place, service.spec.selector)

    def _pods(self, namespace: str) -> Listing[Pod]:
        return self._cluster.look(Pod, self._place(namespace), whole=True)

    def _place(self, namespace: str) -> str:
        """Where to read: what a run on all of a namespace, or of all namespaces, has read already."""
        return self._target.namespace if self._target.whole else namespace
