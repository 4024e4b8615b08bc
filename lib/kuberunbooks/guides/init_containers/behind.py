"""What the cluster says of an address: a Service with or without endpoints, a pod, or nothing it knows.

A name is looked for where the pod's own resolver would look: a bare one in its namespace.
That something is not there is only said where the list was read whole. Of one pod this costs
the Services of its namespace and the slices of one Service. Called by the step that asks
what an init container waits for.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Literal, NamedTuple

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import (
    EndpointSlice,
    Evidence,
    LabelSelector,
    Namespace,
    Pod,
    Service,
    labels_text,
)

from ..pods.target import Pods
from ..rules.addresses import Address, is_ip
from ..rules.service_match import Backing, Endpoints, read_endpoints
from ..rules.service_slices import slices_selector, slices_source
from ..rules.thresholds import SETTLING

Kind = Literal[
    "service", "no service", "no port", "no endpoints", "endpoints unknown", "external name", "pod", "itself",
    "outside", "nobody", "unknown",
]  # fmt: skip

_MOST_OTHER_NAMESPACES = 5
_HEADLESS = "None"


class Behind(NamedTuple):
    """What stands behind an address.

    `kind` says which of the fields matter: `service` and `place` its name and namespace,
    `ready` of `endpoints`, `ports` those the Service has, `near` Services spelt alike,
    `selector` whom it selects, `selects_waiting` that the waiting pod is among them,
    `holder` the pod that has the address.
    `proven`: what is waited for is certainly not there, and that is no matter of seconds.
    """

    kind: Kind
    place: str = ""
    service: str = ""
    member: str = ""
    ready: int = 0
    endpoints: int = 0
    ports: tuple[int, ...] = ()
    near: tuple[str, ...] = ()
    selector: str = ""
    selects_waiting: bool = False
    holder: str = ""
    holder_ready: bool = False
    proven: bool = False
    evidence: tuple[Evidence, ...] = ()


class _Name(NamedTuple):
    """A host name as the cluster's DNS reads it: a Service, and with `member` one pod behind it."""

    service: str
    namespace: str
    member: str = ""


class Surroundings:
    """The Services and slices around the waiting pods, read as far as they are asked for."""

    def __init__(self, target: Pods, cluster: Cluster) -> None:
        self._target = target
        self._cluster = cluster
        self._others: set[str] = set()

    def behind(self, address: Address, pod: Pod) -> Behind:
        """What stands behind the address, as the pod would reach it."""
        host = address.host
        if host in ("localhost", "0.0.0.0", "::1") or host.startswith("127."):  # noqa: S104 - compared only
            return Behind("itself")
        if is_ip(host):
            return self._by_ip(address, pod)
        if any(host in alias.hostnames for alias in pod.spec.host_aliases):
            return Behind("outside")
        if not _asks_cluster_dns(pod):
            return Behind("unknown")
        names = list(_readings(host, pod.namespace))
        if not names:
            return Behind("outside")
        for name in names:
            found = self._service(name, pod)
            if found is not None:
                return self._of_service(found, name, address, pod)
        return self._absent(host, names, pod)

    def _by_ip(self, address: Address, pod: Pod) -> Behind:
        if address.host == pod.status.pod_ip:
            return Behind("itself")
        services = self._services(pod.namespace)
        for service in services:
            if service.namespace == pod.namespace and service.spec.cluster_ip == address.host:
                return self._of_service(service, _Name(service.name, service.namespace), address, pod)
        pods = self._cluster.look(Pod, pod.namespace, fields=f"status.podIP={address.host}")
        for one in pods:
            if not one.is_terminal:
                return Behind("pod", pod.namespace, holder=one.name, holder_ready=one.is_ready,
                              evidence=(one.cite("status.podIP"),))  # fmt: skip
        return Behind("nobody" if services.complete and pods.complete else "unknown", pod.namespace)

    def _service(self, name: _Name, pod: Pod) -> Service | None:
        return next(
            (
                one
                for one in self._listed(name, pod)
                if one.name == name.service and one.namespace == name.namespace
            ),
            None,
        )

    def _listed(self, name: _Name, pod: Pod) -> Listing[Service]:
        if name.namespace != pod.namespace and name.namespace not in self._others:
            if len(self._others) >= _MOST_OTHER_NAMESPACES:
                return Listing(complete=False)
            self._others.add(name.namespace)
        return self._services(name.namespace)

    def _services(self, namespace: str) -> Listing[Service]:
        """Those of a namespace; of a run over all namespaces all at once."""
        return self._cluster.look(Service, namespace if self._target.namespace else "")

    def _absent(self, host: str, names: list[_Name], pod: Pod) -> Behind:
        """No Service answers to the name: is it certain that there is none, or is the name none of ours?"""
        labels = host.split(".")
        if len(labels) == 2:
            # `db.example` is a name of the cluster only if there is a namespace `example`.
            place = self._cluster.find(Namespace, "", labels[1])
            if not place.known:
                return Behind("unknown")
            if place.object is None:
                return Behind("outside")
            names = names[:1]
        if not all(self._listed(name, pod).complete for name in names):
            return Behind("unknown")
        if len(labels) == 1 and pod.spec.dns_config is not None and pod.spec.dns_config.searches:
            return Behind("unknown")
        wanted = names[0]
        known = [one.name for one in self._listed(wanted, pod) if one.namespace == wanted.namespace]
        return Behind(
            "no service",
            wanted.namespace,
            wanted.service,
            near=tuple(difflib.get_close_matches(wanted.service, known, n=2, cutoff=0.7)),
            proven=True,
            evidence=(Evidence(Service.api.path(wanted.namespace), wanted.service, "absent"),),
        )

    def _of_service(self, service: Service, name: _Name, address: Address, pod: Pod) -> Behind:
        spec = service.spec
        found = Behind(
            "service",
            service.namespace,
            service.name,
            name.member,
            ports=tuple(one.port for one in spec.ports),
            selector=labels_text(spec.selector) if spec.selector else "",
            selects_waiting=service.namespace == pod.namespace
            and bool(spec.selector)
            and LabelSelector(match_labels=spec.selector).matches(pod.metadata.labels),
        )
        if spec.type == "ExternalName":
            return found._replace(kind="external name", evidence=(service.cite("spec.type"),))
        settled = service.age(self._cluster.now) >= SETTLING
        # A headless Service has no address of its own: clients reach the pods on any port.
        if address.port and found.ports and spec.cluster_ip != _HEADLESS and address.port not in found.ports:
            return found._replace(kind="no port", proven=settled, evidence=(service.cite("spec.ports"),))
        slices = self._slices(service)
        if not slices.complete:
            return found._replace(kind="endpoints unknown", evidence=(service.cite("metadata.name"),))
        endpoints = read_endpoints(Backing(service, [], list(slices), []))
        keys = {key for key in endpoints.all if not name.member or key == name.member}
        ready = len(keys & endpoints.ready)
        cited = _cite(service, endpoints, keys)
        found = found._replace(ready=ready, endpoints=len(keys), evidence=(cited,))
        return found if ready else found._replace(kind="no endpoints", proven=settled)

    def _slices(self, service: Service) -> Listing[EndpointSlice]:
        if self._target.single:
            return self._cluster.look(EndpointSlice, service.namespace, labels=slices_selector(service.name))
        listed = self._cluster.look(EndpointSlice, service.namespace if self._target.namespace else "")
        ours = (
            one for one in listed if one.service_name == service.name and one.namespace == service.namespace
        )
        return Listing(ours, complete=listed.complete, why=listed.why)


def _asks_cluster_dns(pod: Pod) -> bool:
    """Pods in the node's network ask the node's resolver, unless told otherwise."""
    policy = pod.spec.dns_policy
    return policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not pod.spec.host_network)


def _readings(host: str, namespace: str) -> Iterator[_Name]:
    """What the name may mean in the cluster, the likeliest first; nothing for a name of the world outside."""
    labels = host.split(".")
    if len(labels) == 1:
        yield _Name(host, namespace)
    elif len(labels) == 2:
        yield _Name(labels[0], labels[1])
        yield _Name(labels[1], namespace, labels[0])
    elif labels[2] == "svc":
        yield _Name(labels[0], labels[1])
    elif len(labels) > 3 and labels[3] == "svc":
        yield _Name(labels[1], labels[2], labels[0])


def _cite(service: Service, endpoints: Endpoints, keys: set[str]) -> Evidence:
    """An endpoint that counts, a ready one if there is one; that there is none otherwise."""
    for key in sorted(keys, key=lambda one: (one not in endpoints.ready, one)):
        one, index = endpoints.all[key]
        return one.cite(f"endpoints[{index}].conditions.ready")
    where = slices_source(service.namespace, service.name)
    return Evidence(where, "endpoints", "none")
