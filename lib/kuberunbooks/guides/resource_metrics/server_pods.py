"""The pods behind the metrics API: who they are, whether they are ready, which version they run."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import Container, Pod, Service, labels_text
from kuberunbooks.objects.aggregation import ServiceReference

from ..rules.thresholds import METRICS_STARTING
from .api_state import metrics_api
from .target import Measured

_MEMO = "metrics server"
_VERSION = re.compile(r":v?(?P<version>\d+\.\d+\.\d+)")


class Server(NamedTuple):
    """Who serves the metrics API.

    `reference` names the Service of the APIService; None where the API server serves it
    itself or nobody does. `service` is None where it is missing (`service_known`) or unread.
    `pods` are those its selector finds; not `complete`: some may not have been read.
    """

    reference: ServiceReference | None
    service: Service | None = None
    service_known: bool = False
    pods: Listing[Pod] | None = None
    why: str = ""

    @property
    def ready(self) -> list[Pod]:
        """The pods that are ready and stay."""
        return [pod for pod in self.pods or () if pod.is_ready and not pod.metadata.deletion_timestamp]

    def is_starting(self, now: datetime) -> bool:
        """A pod of it is so young that it need not have measured anything yet."""
        return any(min(pod.age(now), _ready_for(pod, now)) < METRICS_STARTING for pod in self.pods or ())


def _ready_for(pod: Pod, now: datetime) -> float:
    """Seconds since it became ready; very long for one that is not, or does not say when."""
    condition = pod.condition("Ready")
    if condition is None or not condition.is_true or condition.last_transition_time is None:
        return float("inf")
    return (now - condition.last_transition_time).total_seconds()


def server_of(target: Measured, cluster: Cluster) -> Server:
    """Who serves the metrics API; two requests, once in a run."""
    if _MEMO not in target.memo:
        target.memo[_MEMO] = _look(target, cluster)
    found: Server = target.memo[_MEMO]
    return found


def _look(target: Measured, cluster: Cluster) -> Server:
    api = metrics_api(target, cluster).object
    reference = api.spec.service if api is not None else None
    if reference is None:
        return Server(None)
    glance = cluster.find(Service, reference.namespace, reference.name)
    if glance.object is None:
        return Server(reference, service_known=glance.known, why=glance.why)
    selector = glance.object.spec.selector
    if not selector:
        return Server(reference, glance.object, True, why="its Service selects no pods")
    pods = cluster.look(Pod, reference.namespace, labels=labels_text(selector))
    return Server(reference, glance.object, True, pods, pods.why)


def container_of(pod: Pod) -> Container | None:
    """The container that serves metrics: the one named so, else the first; add-ons put a nanny beside it."""
    named = [one for one in pod.spec.containers if "metrics" in one.name and "nanny" not in one.name]
    return next(iter([*named, *pod.spec.containers]), None)


def version_of(container: Container | None) -> tuple[int, ...]:
    """The version in a metrics-server's image tag; empty for another program or a tag that is none."""
    if container is None or "metrics-server" not in container.image:
        return ()
    found = _VERSION.search(container.image)
    return tuple(int(part) for part in found["version"].split(".")) if found is not None else ()
