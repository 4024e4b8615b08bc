"""What the first look is about: a namespace, the whole cluster, or one thing in it.

The pods guide's resolver reads the pods, their workloads and events; the Services guide's
the Services, on demand and once. Called by every step of this guide.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import BadParameter, Forbidden, NotCollected, Unreachable
from kuberunbooks.findings import Finding

from ..pods.resolve import resolve as resolve_pods
from ..pods.target import Pods
from ..registry import Request
from ..rules.version_skew import Minor, minor_version
from ..services.resolve import resolve as resolve_services
from ..services.target import Services

_MOST_PLACES = 50


@dataclass
class Look:
    """What the steps of one run share.

    `told` is the newest minor release the person says there is. `found` are the rules'
    findings as they come, `causes` what was made of them: worst first, one for each cause
    and owner, each with the words it is shown with. `services` are the Services, once read:
    as one, or by namespace.
    """

    request: Request
    told: Minor | None
    found: list[Finding] = field(default_factory=list)
    causes: list[Finding] = field(default_factory=list)
    services: list[Services] | None = None


def resolve(cluster: Cluster, request: Request) -> Pods:
    """As the pods guide does. Raises what that raises, and BadParameter for a newest_minor that is none."""
    told = _told(str(request.options.get("newest_minor") or "").strip())
    try:
        target = resolve_pods(cluster, request)
    except Unreachable as error:
        # The one runbook that has more to say of a cluster that does not answer.
        error.advice = f"{error.advice} `runbook run cluster` looks at why it does not answer.".strip()
        raise
    except Forbidden as error:
        if not request.namespace:
            error.advice = f"{error.advice} With rights in one namespace only, name it with -n.".strip()
        raise
    target.memo["look"] = Look(request, told)
    return target


def _told(text: str) -> Minor | None:
    minor = minor_version(text)
    if text and minor is None:
        raise BadParameter(f"newest_minor={text!r} is no Kubernetes version.", advice="Write it as 1.37.")
    return minor


def look_of(target: Pods) -> Look:
    """What the steps share."""
    found: Look = target.memo["look"]
    return found


def is_whole_cluster(target: Pods) -> bool:
    """Whether everything was asked for."""
    return not target.namespace and not target.wanted


def services_of(target: Pods, cluster: Cluster) -> list[Services]:
    """All Services of the namespace, or of all. Raises ClusterError as the Services guide does.

    A case may hold the EndpointSlices of some namespaces only: then each namespace is one.
    """
    look = look_of(target)
    if look.services is None:
        # What this guide's parameters say is not meant for that one.
        request = look.request._replace(target="", options={})
        found = resolve_services(cluster, request)
        look.services = [found]
        if isinstance(found.slices_unread, NotCollected) and not request.namespace:
            places = sorted({one.namespace for one in found.services})[:_MOST_PLACES]
            look.services = [resolve_services(cluster, request._replace(namespace=one)) for one in places]
    return look.services
