"""Which Service a name means, and which addresses it should lead to. Called by the lookup steps."""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster

from ..rules.lookup_output import Lookup
from ..rules.service_match import Backing
from .dns_heard import heard, same_address, searched_domain
from .dns_service import kubelet_dns
from .target import Services

DEFAULT_DOMAIN = "cluster.local"
SHORT, QUALIFIED, FULL = "short", "qualified", "full"


class Meant(NamedTuple):
    """The Service a name means, and in which of its forms."""

    backing: Backing
    form: str


class ServiceNames:
    """The Services in question by name: one look per lookup, however many Services there are."""

    def __init__(self, target: Services, cluster: Cluster) -> None:
        self.domain = searched_domain(target, cluster)
        if not self.domain and (heard(target, cluster).by_pods or heard(target, cluster).by_nodes):
            self.domain = kubelet_dns(target, cluster).domain
        self._by_name: dict[str, list[Backing]] = {}
        for one in target.backings:
            self._by_name.setdefault(one.service.name, []).append(one)

    def meant(self, name: str, namespace: str) -> Meant | None:
        """The Service a name means that is asked for in `namespace`, and the form; None for other names."""
        first, _, rest = name.lower().partition(".")
        named = self._by_name.get(first, [])
        if not rest:
            here = [one for one in named if one.service.namespace == namespace] or named
            return Meant(here[0], SHORT) if len(here) == 1 else None
        place, _, tail = rest.partition(".")
        found = next((one for one in named if one.service.namespace == place), None)
        if found is None or (tail not in ("", "svc") and not tail.startswith("svc.")):
            return None
        if tail in ("", "svc"):
            return Meant(found, QUALIFIED)
        return Meant(found, FULL) if tail[4:] == self.domain or not self.domain else None


def leads_there(lookup: Lookup, backing: Backing) -> bool:
    """Whether the answer fits the Service; true when it cannot be compared."""
    service = backing.service
    if service.is_external_name:
        return not lookup.alias or lookup.alias.lower() == service.spec.external_name.rstrip(".").lower()
    expected = expected_of(backing)
    if not lookup.addresses or not expected:
        return True
    fitting = [any(same_address(one, other) for other in expected) for one in lookup.addresses]
    # Pods come and go between the lookup and now; a cluster address stays.
    return any(fitting) if service.is_headless else all(fitting)


def expected_of(backing: Backing) -> list[str]:
    """What its name should lead to; nothing when that is not known."""
    service = backing.service
    if service.is_external_name:
        return [service.spec.external_name]
    return service.addresses or (sorted(pod_addresses(backing)) if service.is_headless else [])


def pod_addresses(backing: Backing) -> set[str]:
    """Of the pods behind a headless Service, ready or not."""
    found = {ip for one in backing.slices for each in one.endpoints or () for ip in each.addresses}
    return found | {ip for pod in backing.pods for ip in pod.addresses}
