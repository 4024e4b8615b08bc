"""Groups Services and their pods by what NetworkPolicies mean for them.

Pods that the same policies select and that declare the same ports are alike; Services
whose pods meet the same rules are one situation, so that a namespace of 1,000 Services
and 5,000 pods is judged once for each kind of pod there is. Called by `policies`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal, NamedTuple

from kuberunbooks.objects import NetworkPolicy, Pod, Service, ServicePort

from ..rules.namespace_selection import NamespaceLabels
from ..rules.network_policies import (
    Party,
    PodPort,
    Rule,
    admits,
    admits_every_pod,
    admits_everybody,
    isolating,
    label_keys,
    rules_of,
)
from ..rules.service_match import Backing
from ..rules.service_ports import declared_ports
from .target import Services

Access = Literal["open", "pods", "some", "admitted", "barred", "unsure", "closed", "port"]
"""What policies let in at a port: everybody, every pod, `some` pods; of one pod that asks: whether it is
`admitted`, or `barred`, or that could not be told; nothing at all, or nothing at that `port`."""

LOST: frozenset[Access] = frozenset({"barred", "closed", "port"})

Key = tuple[str, str, str]
"""Kind, namespace and name of an object."""

Declared = tuple[tuple[str, int, str], ...]


class Profile(NamedTuple):
    """What pods that are alike for every policy have in common: which select them, and their ports."""

    policies: tuple[tuple[str, str], ...]
    ports: Declared

    def port(self, wanted: int | str, protocol: str) -> PodPort | None:
        """The pod's port that a number or name means; None for a name it has not."""
        if isinstance(wanted, str):
            number = next((n for name, n, kind in self.ports if (name, kind) == (wanted, protocol)), 0)
            if not number:
                return None
        else:
            number = wanted
        names = frozenset(name for name, n, kind in self.ports if (n, kind) == (number, protocol) and name)
        return PodPort(number, protocol, names)


class Verdict(NamedTuple):
    """What policies let in, and the rules that say so."""

    access: Access
    rules: tuple[Rule, ...] = ()


@dataclass
class Situation:
    """What the same policies do to one or many Services.

    `ports` are the ports of the pods it is about, by text. `severe`: of one Service at
    least nothing gets through at all. `exposed`: one of them is also meant for clients
    outside the cluster.
    """

    access: Access
    policies: list[NetworkPolicy]
    rules: tuple[Rule, ...]
    backings: dict[Key, Backing] = field(default_factory=dict)
    ports: set[str] = field(default_factory=set)
    severe: bool = False
    exposed: bool = False


class Judge:
    """Asks the policies of one or more namespaces; every answer is worked out once."""

    def __init__(self, policies: Sequence[NetworkPolicy], labels_of: NamespaceLabels) -> None:
        self.labels_of = labels_of
        self._policies: dict[str, list[NetworkPolicy]] = {}
        for one in policies:
            self._policies.setdefault(one.namespace, []).append(one)
        self._keys = {
            space: label_keys(one.spec.pod_selector for one in found)
            for space, found in self._policies.items()
        }
        self._by_name = {(one.namespace, one.name): one for one in policies}
        self._selecting: dict[tuple[str, tuple[str | None, ...]], tuple[tuple[str, str], ...]] = {}
        self._verdicts: dict[tuple[object, ...], Verdict] = {}
        self._profiles: dict[int, list[Profile]] = {}

    def profile(self, pod: Pod) -> Profile:
        """The kind of pod this is."""
        space, labels = pod.namespace, pod.metadata.labels
        key = (space, tuple(labels.get(one) for one in self._keys.get(space, ())))
        if key not in self._selecting:
            found = isolating(self._policies.get(space, ()), space, labels, "Ingress")
            self._selecting[key] = tuple((one.namespace, one.name) for one in found)
        ports = tuple((one.name, one.container_port, one.protocol) for one in declared_ports(pod))
        return Profile(self._selecting[key], ports)

    def profiles(self, backing: Backing) -> list[Profile]:
        """The kinds of pods behind a Service. Services with one selector share the list of pods."""
        place = id(backing.pods)
        if place not in self._profiles:
            kinds = (self.profile(pod) for pod in backing.pods if is_judged(pod))
            self._profiles[place] = list(dict.fromkeys(kinds))
        return self._profiles[place]

    def policies_of(self, profile: Profile) -> list[NetworkPolicy]:
        """The policies that select such a pod for what comes in."""
        return [self._by_name[one] for one in profile.policies]

    def judge(
        self, profile: Profile, port: PodPort | None, families: frozenset[str], asker: Party | None
    ) -> Verdict:
        """What is let in at a port of such a pod; with `asker`, whether that pod is."""
        who = (asker.namespace, tuple(sorted(asker.labels.items())), asker.addresses) if asker else None
        key = (profile.policies, port, families, who)
        if key not in self._verdicts:
            self._verdicts[key] = self._judge(profile, port, families, asker)
        return self._verdicts[key]

    def _judge(
        self, profile: Profile, port: PodPort | None, families: frozenset[str], asker: Party | None
    ) -> Verdict:
        if not profile.policies:
            return Verdict("open")
        rules = rules_of(self.policies_of(profile), "Ingress")
        if not rules:
            return Verdict("closed")
        fitting = tuple(one for one in rules if one.fits(port))
        if not fitting:
            return Verdict("port", tuple(rules))
        if admits_everybody(fitting, families):
            return Verdict("open", fitting)
        if asker is None:
            return Verdict("pods" if admits_every_pod(fitting) else "some", fitting)
        asker = asker._replace(addresses=of_families(asker.addresses, families))
        answer = admits(fitting, asker, self.labels_of)
        access: Access = "unsure" if answer is None else "admitted" if answer else "barred"
        return Verdict(access, fitting)


def is_judged(pod: Pod) -> bool:
    """Whether policies can matter to it: it lives, and has an address of its own (not the node's)."""
    gone = pod.is_terminal or pod.metadata.deletion_timestamp is not None
    return not gone and not pod.spec.host_network


def party(pod: Pod) -> Party:
    """A pod as policies see it."""
    return Party(pod.namespace, pod.metadata.labels, tuple(pod.addresses))


def families_of(service: Service) -> frozenset[str]:
    """The address families its clients use; IPv4 where it does not say."""
    return frozenset(service.spec.ip_families or filter(None, map(_family, service.addresses))) or frozenset(
        {"IPv4"}
    )


def of_families(addresses: Sequence[str], families: frozenset[str]) -> tuple[str, ...]:
    """Those of the addresses that traffic of these families comes from or goes to."""
    return tuple(one for one in addresses if _family(one) in families)


def _family(address: str) -> str:
    try:
        return f"IPv{ip_address(address).version}"
    except ValueError:
        return ""


def ports_in_question(service: Service, client_port: int) -> list[ServicePort]:
    """The port the client uses, where it is one of the Service's; else all."""
    return [one for one in service.spec.ports if one.port == client_port] or service.spec.ports


def target_ports(service: Service, profile: Profile, client_port: int) -> Iterator[PodPort | None]:
    """The ports of such a pod that the Service sends to; one None for a Service without ports."""
    if not service.spec.ports:
        yield None
    for one in ports_in_question(service, client_port):
        found = profile.port(one.target_port or one.port, one.protocol)
        if found is not None:
            yield found


def find_situations(
    backings: Sequence[Backing], judge: Judge, asker: Party | None, client_port: int
) -> list[Situation]:
    """What policies do to each kind of pod behind these Services, alike ones together."""
    found: dict[tuple[object, ...], Situation] = {}
    for backing in backings:
        service = backing.service
        families = families_of(service)
        met = [
            (profile, port, judge.judge(profile, port, families, asker))
            for profile in judge.profiles(backing)
            for port in target_ports(service, profile, client_port)
        ]
        severe = all(verdict.access in LOST for _, _, verdict in met)
        for profile, port, verdict in met:
            rules = () if verdict.access in ("closed", "port") else tuple(one.key for one in verdict.rules)
            key = (service.namespace, verdict.access, profile.policies, rules)
            one = found.setdefault(
                key,
                Situation(verdict.access, judge.policies_of(profile), verdict.rules),
            )
            one.backings[service.key] = backing
            one.severe = one.severe or severe
            one.exposed = one.exposed or _is_exposed(service)
            if port is not None:
                one.ports.add(f"{port.number}/{port.protocol}")
    return list(found.values())


def _is_exposed(service: Service) -> bool:
    return service.spec.type in ("NodePort", "LoadBalancer") or bool(service.spec.external_ips)


def names_of(found: Iterable[NetworkPolicy]) -> list[str]:
    """The policies' names, each once."""
    return sorted({one.name for one in found})


def service_names(target: Services, backings: Iterable[Key]) -> list[str]:
    """The Services' names; with their namespaces when the target spans several."""
    return sorted(name if target.namespace else f"{place}/{name}" for _, place, name in backings)
