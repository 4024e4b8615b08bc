"""Finds what was asked for: a Service, a workload, pods or a namespace; and the traffic managers.

A Service is resolved as the services guide does, everything else as the pods guide does.
What of Telepresence there is in the cluster costs three requests more.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import BadParameter
from kuberunbooks.objects import Service

from ..pods.resolve import resolve as resolve_pods
from ..registry import Request
from ..rules.label_index import LabelIndex
from ..services.resolve import resolve as resolve_services
from ..services.wanted import ServiceWanted, parse_service_target
from .heard import take_transcripts, told
from .installed import find_installed
from .target import Telepresence

_HIGHEST_PORT = 65535


def resolve(cluster: Cluster, request: Request) -> Telepresence:
    """The target; what does not exist comes back as missing.

    Raises BadParameter for a target, port or file this guide cannot use, ClusterError when the
    server does not let us look.
    """
    wanted = parse_service_target(request.target)
    local = request.options.get("local_port") or 0
    if not isinstance(local, int) or not 0 <= local <= _HIGHEST_PORT:
        raise BadParameter(f"local_port={local!r} is no port.", advice="Give a number from 1 to 65535.")
    take_transcripts(cluster, request.options)
    named = str(request.options.get("manager_namespace") or "").strip()
    installed = find_installed(cluster, (named, request.namespace))
    service = _service_name(wanted, cluster, request)
    if service:
        # The transcripts are taken already, and a client pod is no question here.
        asked = resolve_services(cluster, request._replace(target=f"service/{service}", options={}))
        target = Telepresence(asked.behind, installed, services=asked.services, service=asked)
    else:
        target = Telepresence(resolve_pods(cluster, request), installed)
        target.services = _services(target, cluster)
    target.told = told(cluster)
    target.options = request.options
    target.local_port = local
    target.remote_port = str(request.options.get("remote_port") or "").strip()
    return target


def _service_name(wanted: ServiceWanted, cluster: Cluster, request: Request) -> str:
    """The Service that is meant: one named as such, or a bare word that is the name of one."""
    if wanted.name or not wanted.word or not request.namespace:
        return wanted.name
    found = cluster.find(Service, request.namespace, wanted.word).object
    return found.name if found is not None else ""


def _services(target: Telepresence, cluster: Cluster) -> list[Service]:
    """All Services of a namespace; of named pods or workloads only those that select one of them."""
    if target.is_missing:
        return []
    listed = cluster.look(Service, target.namespace, whole=True)
    if not target.is_explicit:
        return list(listed)
    behind = target.behind
    carrying = LabelIndex[object](
        [
            *((pod.namespace, pod.metadata.labels, pod) for pod in behind.pods),
            *((root.namespace, root.template.metadata.labels, root) for root in behind.roots),
        ]
    )
    return [one for one in listed if carrying.select(one.namespace, one.spec.selector)]
