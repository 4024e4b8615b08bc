"""Admission webhooks: which of them see an update of a pod, and whether anything answers behind them.

Used by the deletion step (a webhook can block the last update of a pod that is
going away) and by the workload step (a webhook can refuse its pods).
"""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import EndpointSlice, Evidence, Service


class BackendState(NamedTuple):
    """What is behind a webhook's Service. None: it could not be read.

    `exists` whether the Service is there, `ready` how many endpoints are ready.
    """

    exists: bool | None
    ready: int | None
    evidence: tuple[Evidence, ...]

    @property
    def is_down(self) -> bool:
        """Known to answer nobody: no such Service, or no ready endpoint behind it."""
        return self.exists is False or self.ready == 0


def webhook_backend(cluster: Cluster, namespace: str, name: str) -> BackendState:
    """Whether the Service that a webhook calls exists, and how many of its endpoints are ready."""
    service = cluster.find(Service, namespace, name)
    if not service.known:
        return BackendState(None, None, ())
    source = f"{Service.api.path(namespace)}#{name}"
    if service.object is None:
        return BackendState(False, None, (Evidence(source, "metadata.name", "absent"),))
    slices = cluster.look(EndpointSlice, namespace, labels=f"kubernetes.io/service-name={name}")
    if not slices.complete:
        return BackendState(True, None, (service.object.cite("metadata.name"),))
    ready = sum(endpoint.is_ready for one in slices for endpoint in one.endpoints or ())
    counted = Evidence(
        f"{EndpointSlice.api.path(namespace)}?labelSelector=kubernetes.io/service-name={name}",
        "endpoints[conditions.ready=true]",
        str(ready),
    )
    return BackendState(True, ready, (service.object.cite("metadata.name"), counted))
