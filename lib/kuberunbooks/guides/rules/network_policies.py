"""What NetworkPolicies say: which of them isolate a pod, and what the rest of their rules lets through.

The semantics of networking.k8s.io/v1 and nothing of a runbook's target. Policies add
up: a pod that at least one policy selects for a direction gets only what some rule of
some of these lets through. Whether the network plugin enforces them, no API tells.

Answers are True, False, or None where what decides could not be read. Called by the
services guide for the pods behind a Service and for the client's own way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal, NamedTuple

from kuberunbooks.objects import LabelSelector
from kuberunbooks.objects.network import IpBlock, NetworkPolicy, PolicyPeer, PolicyPort

from .namespace_selection import NamespaceLabels, selects_namespace

Direction = Literal["Ingress", "Egress"]


class Party(NamedTuple):
    """A pod as policies see it; `addresses` are its own, one per family, none while it has none."""

    namespace: str
    labels: Mapping[str, str]
    addresses: tuple[str, ...]


class PodPort(NamedTuple):
    """A port of a pod that traffic goes to, with the names the pod's containers give it."""

    number: int
    protocol: str
    names: frozenset[str] = frozenset()


class Rule(NamedTuple):
    """One rule of one policy; `path` is where it stands in it (`spec.ingress[0]`)."""

    policy: NetworkPolicy
    path: str
    peers: Sequence[PolicyPeer]
    ports: Sequence[PolicyPort]

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return (self.policy.namespace, self.policy.name, self.path)

    @property
    def peers_path(self) -> str:
        """The field that holds the peers, for evidence."""
        return f"{self.path}.{'from' if self.path.startswith('spec.ingress') else 'to'}"

    def fits(self, port: PodPort | None) -> bool:
        """Whether it is about this port; None is whichever port there is."""
        return port is None or not self.ports or any(_port_fits(one, port) for one in self.ports)


def concerns(policy: NetworkPolicy, direction: Direction) -> bool:
    """Whether a policy is about this direction, with the default of the API for absent policyTypes."""
    types = policy.spec.policy_types
    if types:
        return direction in types
    return direction == "Ingress" or bool(policy.spec.egress)


def isolating(
    policies: Iterable[NetworkPolicy], namespace: str, labels: Mapping[str, str], direction: Direction
) -> list[NetworkPolicy]:
    """The policies that select a pod for a direction; with none of them everything is let through."""
    return [
        one
        for one in policies
        if one.namespace == namespace and concerns(one, direction) and one.spec.pod_selector.matches(labels)
    ]


def rules_of(policies: Iterable[NetworkPolicy], direction: Direction) -> list[Rule]:
    """All rules of a direction: a union, so that the policy they stand in makes no difference."""
    found: list[Rule] = []
    for policy in policies:
        if direction == "Ingress":
            for index, inward in enumerate(policy.spec.ingress or ()):
                found.append(Rule(policy, f"spec.ingress[{index}]", inward.from_ or (), inward.ports or ()))
        else:
            for index, outward in enumerate(policy.spec.egress or ()):
                found.append(Rule(policy, f"spec.egress[{index}]", outward.to or (), outward.ports or ()))
    return found


def admits(rules: Sequence[Rule], party: Party, labels_of: NamespaceLabels) -> bool | None:
    """Whether rules let this party through, by whichever of its addresses it comes.

    None too when that depends on the address family.
    """
    each = {_admits(rules, party, address, labels_of) for address in party.addresses or ("",)}
    return each.pop() if len(each) == 1 else None


def admits_everybody(rules: Iterable[Rule], families: frozenset[str]) -> bool:
    """Whether some rule has no peers, or all addresses of these families (`IPv4`, `IPv6`) are let through."""
    wide: set[str] = set()
    for rule in rules:
        if not rule.peers:
            return True
        for peer in rule.peers:
            network = _network(peer.ip_block.cidr) if peer.ip_block else None
            if (
                network is not None
                and network.prefixlen == 0
                and not (peer.ip_block and peer.ip_block.except_)
            ):
                wide.add(f"IPv{network.version}")
    return bool(families) and families <= wide


def admits_every_pod(rules: Iterable[Rule]) -> bool:
    """Whether every pod of every namespace is let through."""
    return any(
        peer.namespace_selector is not None
        and _selects_all(peer.namespace_selector)
        and (peer.pod_selector is None or _selects_all(peer.pod_selector))
        for rule in rules
        for peer in rule.peers
    )


def describe_peers(rules: Iterable[Rule]) -> list[str]:
    """Whom the rules let through, one phrase per peer: `pods role=frontend of namespace shop`."""
    phrases = (_describe(peer, rule.policy.namespace) for rule in rules for peer in rule.peers)
    return list(dict.fromkeys(phrases))


def describe_ways(rules: Iterable[Rule]) -> list[str]:
    """What leaves by each rule: `pods app=db of namespace shop at 5432/TCP`, `anywhere at 53/UDP`."""
    found: dict[str, None] = {}
    for rule in rules:
        where = " or ".join(describe_peers([rule])) or "anywhere"
        found[f"{where} at {' or '.join(describe_ports([rule]))}" if rule.ports else where] = None
    return list(found)


def describe_ports(rules: Iterable[Rule]) -> list[str]:
    """The ports the rules let through: `80/TCP`, `http/TCP`, `8000-8010/TCP`, `every port`."""
    found: dict[str, None] = {}
    for rule in rules:
        for port in rule.ports:
            end = f"-{port.end_port}" if port.end_port else ""
            found[
                f"every port/{port.protocol}" if port.port is None else f"{port.port}{end}/{port.protocol}"
            ] = None
        if not rule.ports:
            found["every port"] = None
    return list(found)


def label_keys(selectors: Iterable[LabelSelector | None]) -> frozenset[str]:
    """The label keys these selectors look at: pods that agree in them are alike to all of them."""
    found: set[str] = set()
    for one in selectors:
        if one is not None:
            found |= one.keys
    return frozenset(found)


def is_in_block(address: str, block: IpBlock) -> bool | None:
    """Whether an address is in a block and not excepted from it; None when one of them is no address."""
    network = _network(block.cidr)
    excepted = [_network(one) for one in block.except_]
    try:
        place = ip_address(address)
    except ValueError:
        return None
    if network is None or None in excepted:
        return None
    return place in network and not any(place in one for one in excepted if one is not None)


def _admits(rules: Sequence[Rule], party: Party, address: str, labels_of: NamespaceLabels) -> bool | None:
    unknown = False
    for rule in rules:
        if not rule.peers:
            return True
        for peer in rule.peers:
            answer = _is_peer(peer, rule.policy.namespace, party, address, labels_of)
            if answer:
                return True
            unknown = unknown or answer is None
    return None if unknown else False


def _is_peer(
    peer: PolicyPeer, home: str, party: Party, address: str, labels_of: NamespaceLabels
) -> bool | None:
    """One entry of from or to; both selectors in one entry must hold."""
    if peer.ip_block is not None:
        return is_in_block(address, peer.ip_block)
    if peer.pod_selector is None and peer.namespace_selector is None:
        return None  # a kind of peer that a later API has
    if peer.pod_selector is not None and not peer.pod_selector.matches(party.labels):
        return False
    if peer.namespace_selector is None:
        return party.namespace == home
    return selects_namespace(peer.namespace_selector, party.namespace, labels_of)


def _selects_all(selector: LabelSelector) -> bool:
    return not selector.match_labels and not selector.match_expressions


def _port_fits(wanted: PolicyPort, port: PodPort) -> bool:
    if wanted.protocol != port.protocol:
        return False
    if wanted.port is None:
        return True
    if isinstance(wanted.port, str):
        return wanted.port in port.names
    return wanted.port <= port.number <= (wanted.end_port or wanted.port)


def _network(cidr: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(cidr, strict=False)
    except ValueError:
        return None


def _describe(peer: PolicyPeer, home: str) -> str:
    if peer.ip_block is not None:
        without = f" except {', '.join(peer.ip_block.except_)}" if peer.ip_block.except_ else ""
        return f"{peer.ip_block.cidr}{without}"
    pods, spaces = peer.pod_selector, peer.namespace_selector
    who = "pods" if pods is None or _selects_all(pods) else f"pods {pods.text()}"
    if spaces is None:
        return f"{who} of namespace {home}"
    return f"{who} of all namespaces" if _selects_all(spaces) else f"{who} of namespaces {spaces.text()}"
