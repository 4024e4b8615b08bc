"""What the client's own NetworkPolicies let out of it: to the pods behind the Services, and to the DNS.

Called by `policies` when a client was named. Policies see the pod that a connection
goes to and the port it has there, not the Service's address and port.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import NetworkPolicy, Pod, Service

from ..rules.network_policies import (
    Party,
    PodPort,
    Rule,
    admits,
    is_in_block,
    isolating,
    label_keys,
    rules_of,
)
from ..rules.service_match import Backing
from .policy_situations import (
    Judge,
    families_of,
    is_judged,
    of_families,
    party,
    ports_in_question,
    target_ports,
)

_DNS = ("kube-system", "k8s-app=kube-dns")
# Where DNS pods listen: 53, and 5353 where they run without the right to bind 53.
_DNS_PORTS = (53, 5353)


class WayOut(NamedTuple):
    """What `policies`, all that select the client for Egress, do to its way to the Services.

    `blocked` are Services none of whose pods it may reach, `partly` those of which it may
    reach some, `unsure` those that could not be judged.
    """

    policies: list[NetworkPolicy]
    rules: list[Rule]
    blocked: list[Service]
    partly: list[Service]
    unsure: list[Service]


def way_out(
    client: Pod,
    policies: Sequence[NetworkPolicy],
    backings: Sequence[Backing],
    judge: Judge,
    client_port: int,
) -> WayOut:
    """Judges the client's way to every Service; pods that are alike to its rules only once."""
    selecting = isolating(policies, client.namespace, client.metadata.labels, "Egress")
    found = WayOut(selecting, rules_of(selecting, "Egress"), [], [], [])
    if not selecting:
        return found
    asked = _Asked(found.rules, judge)
    for backing in backings:
        answers = asked.answers(backing, client_port)
        if None in answers or (False in answers and _may_mean_service(found.rules, backing, client_port)):
            found.unsure.append(backing.service)
        elif answers == {False}:
            found.blocked.append(backing.service)
        elif False in answers:
            found.partly.append(backing.service)
    return found


class _Asked:
    """Remembers what the rules say of each kind of pod and port."""

    def __init__(self, rules: Sequence[Rule], judge: Judge) -> None:
        self._rules, self._judge = rules, judge
        peers = [peer for rule in rules for peer in rule.peers]
        self._keys = label_keys(peer.pod_selector for peer in peers)
        self._by_address = any(peer.ip_block is not None for peer in peers)
        self._known: dict[tuple[object, ...], bool | None] = {}
        self._parties: dict[int, list[Pod]] = {}

    def answers(self, backing: Backing, client_port: int) -> set[bool | None]:
        """Whether the pods of a Service may be reached: every answer that occurs."""
        families = families_of(backing.service)
        found: set[bool | None] = set()
        for pod in self._alike(backing):
            for port in target_ports(backing.service, self._judge.profile(pod), client_port):
                found.add(self._answer(pod, port, families))
        return found

    def _alike(self, backing: Backing) -> list[Pod]:
        place = id(backing.pods)
        if place not in self._parties:
            kinds = {self._kind(pod): pod for pod in backing.pods if is_judged(pod)}
            self._parties[place] = list(kinds.values())
        return self._parties[place]

    def _kind(self, pod: Pod) -> tuple[object, ...]:
        labels = tuple(pod.metadata.labels.get(key) for key in self._keys)
        addresses = tuple(pod.addresses) if self._by_address else ()
        return (pod.namespace, labels, addresses, self._judge.profile(pod).ports)

    def _answer(self, pod: Pod, port: PodPort | None, families: frozenset[str]) -> bool | None:
        key = (self._kind(pod), port, families)
        if key not in self._known:
            fitting = [rule for rule in self._rules if rule.fits(port)]
            there = party(pod)
            there = there._replace(addresses=of_families(there.addresses, families))
            self._known[key] = admits(fitting, there, self._judge.labels_of)
        return self._known[key]


def _may_mean_service(rules: Sequence[Rule], backing: Backing, client_port: int) -> bool:
    """Whether a rule lets the Service's own address through: some plugins compare before it is translated."""
    blocks = [(rule, peer.ip_block) for rule in rules for peer in rule.peers if peer.ip_block is not None]
    return any(
        rule.fits(PodPort(port.port, port.protocol)) and is_in_block(address, block)
        for rule, block in blocks
        for address in backing.service.addresses
        for port in ports_in_question(backing.service, client_port)
    )


def blocks_dns(client: Pod, way: WayOut, cluster: Cluster, judge: Judge) -> bool:
    """Whether no rule lets the client ask its DNS; False while that cannot be told for sure."""
    fitting = [rule for rule in way.rules if _fits_dns(rule)]
    peers = [peer for rule in fitting for peer in rule.peers]
    if not way.policies or not all(rule.peers for rule in fitting):
        return False
    if not fitting:
        return True
    if any(peer.ip_block is not None for peer in peers) or client.spec.dns_policy in ("Default", "None"):
        return False  # a cache on the node, the Service's own address, or a server elsewhere
    space, labels = _DNS
    servers: list[Party] = [party(pod) for pod in cluster.look(Pod, space, labels=labels)]
    if servers:
        return {admits(fitting, server, judge.labels_of) for server in servers} == {False}
    # Pods of the client's own namespace are no DNS of the cluster, wherever that runs.
    return client.namespace != space and all(peer.namespace_selector is None for peer in peers)


def _fits_dns(rule: Rule) -> bool:
    """Rules may name the port; what the name means is the DNS pods' business."""
    named = any(isinstance(port.port, str) and port.protocol == "UDP" for port in rule.ports)
    return named or any(rule.fits(PodPort(number, "UDP")) for number in _DNS_PORTS)
