"""Whether a node's rules lead a Service's port to the endpoints it has, and to no others.

What is expected stands in the Service's slices. kube-proxy uses the ready endpoints of
one address family, and where there are none those that still serve while they end; with
internalTrafficPolicy Local only those of its node, with topology hints only some. A dump
is as old as it is: an endpoint that became ready after it cannot be in it, and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from kuberunbooks.objects import Condition, Endpoint, EndpointSlice, Pod, ServicePort

from .proxy_dump import Family, ProxyDump, Way, backend, family_of, place, plain_address
from .service_chain_hash import iptables_chain, nftables_chain, port_names
from .service_match import Backing
from .thresholds import PROXY_SYNCING, SETTLING

Judgement = Literal["right", "missing", "partial", "rejected", "empty", "not local", "unsure"]
"""`empty`: turned away, as it has no endpoint. `not local`: as it has none on this node and wants only
those. `unsure`: the dump does not speak of it, or is too old or too new to compare with."""


class NodeRules(NamedTuple):
    """The rules of one node, by one dump or several of the same time. `at` None: nobody noted when."""

    node: str
    dump: ProxyDump
    at: datetime | None


class PortVerdict(NamedTuple):
    """What the rules of a node do with one address and port of a Service.

    `expected` and `found` count endpoints. `absent` are ready and not in the rules,
    `stale` are in the rules and not ready. `holder` is the Service port the address
    leads to instead. `line` is the rule, empty where there is none.
    `node_port`: only the rule for that is missing.
    """

    judgement: Judgement
    address: str
    port: ServicePort
    expected: int = 0
    found: int = 0
    absent: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    holder: str = ""
    line: str = ""
    node_port: int = 0


class _Candidate(NamedTuple):
    backend: str
    pod: str
    node: str
    hinted: bool
    ready: bool


class _Asked(NamedTuple):
    """One address and port of a Service, and the rules in question; `pods` are the Service's by name."""

    backing: Backing
    pods: dict[str, Pod]
    address: str
    port: ServicePort
    rules: NodeRules
    now: datetime

    @property
    def at(self) -> datetime:
        """When the rules were read; now, when nobody noted it."""
        return self.rules.at or self.now

    @property
    def is_local(self) -> bool:
        """Whether only endpoints of the client's own node may be used."""
        return self.backing.service.spec.internal_traffic_policy == "Local"


def judge_rules(backing: Backing, rules: NodeRules, now: datetime) -> Iterator[PortVerdict]:
    """The verdict about each cluster address and port of a Service that is proxied."""
    pods = {pod.name: pod for pod in backing.pods}
    for address in backing.service.addresses:
        for port in backing.service.spec.ports:
            yield _judge(_Asked(backing, pods, address, port, rules, now))


def _judge(asked: _Asked) -> PortVerdict:
    dump, port = asked.rules.dump, asked.port
    verdict = PortVerdict("unsure", asked.address, port)
    family = family_of(asked.address)
    if family not in dump.families:
        return verdict
    usable = _usable(asked, family)
    settled = {one.backend for one in usable if one.ready and _was_ready(one, asked)}
    key = place(asked.address, port.protocol, port.port)
    way, refusal = dump.ways.get(key), dump.refusals.get(key)
    verdict = verdict._replace(expected=len({one.backend for one in usable}))
    if way is not None and _is_own(way, asked):
        return _compare(verdict._replace(found=len(way.backends), line=way.line), way, usable, settled, asked)
    # Which endpoints are local is known only where the node is.
    due = tuple(sorted(settled)) if asked.rules.node or not asked.is_local else ()
    if way is not None:
        verdict = verdict._replace(holder=way.owner, line=way.line)
    elif refusal is not None:
        verdict = verdict._replace(line=refusal.line)
        if due:
            return verdict._replace(judgement="rejected", absent=due)
        if refusal.local:
            return verdict._replace(judgement="not local")
        return verdict if usable else verdict._replace(judgement="empty")
    return verdict._replace(judgement="missing", absent=due) if due and dump.has_ways else verdict


def _compare(
    verdict: PortVerdict, way: Way, usable: list[_Candidate], settled: set[str], asked: _Asked
) -> PortVerdict:
    known = {one.backend for one in usable}
    some_suffice = any(one.hinted for one in usable) or (asked.is_local and not asked.rules.node)
    some_suffice = some_suffice and bool(way.backends & known)
    absent = set() if some_suffice else settled - way.backends
    foreign = way.backends - known
    stale = _gone(foreign, asked) if foreign else set()
    if absent or stale:
        return verdict._replace(judgement="partial", absent=tuple(sorted(absent)), stale=tuple(sorted(stale)))
    if foreign or (known - way.backends and not some_suffice):
        return verdict  # differs, but by what changed around the time of the dump
    if _lacks_node_port(asked) and settled:
        return verdict._replace(judgement="missing", line="", node_port=asked.port.node_port)
    return verdict._replace(judgement="right")


def _lacks_node_port(asked: _Asked) -> bool:
    """Every node leads a node port on, whatever of its endpoints are on that node."""
    port, known = asked.port, asked.rules.dump.node_ports
    return bool(port.node_port) and known is not None and (port.protocol.lower(), port.node_port) not in known


def _usable(asked: _Asked, family: Family) -> list[_Candidate]:
    """The endpoints kube-proxy may use on this node."""
    found = list(_candidates(asked.backing.slices, asked.port, family))
    if asked.is_local and asked.rules.node:
        found = [one for one in found if one.node == asked.rules.node]
    return [one for one in found if one.ready] or found


def _candidates(slices: list[EndpointSlice], port: ServicePort, family: Family) -> Iterator[_Candidate]:
    """Ready endpoints, and those that end and still serve, of the slices that carry this port."""
    for one in slices:
        if one.address_type != f"IPv{family}":
            continue
        numbers = [
            carried.port
            for carried in one.ports or ()
            if (carried.name or "") == port.name and (carried.protocol or "TCP") == port.protocol
        ]
        if not numbers or numbers[0] is None:
            continue
        for endpoint in one.endpoints or ():
            ending = bool(endpoint.conditions.terminating)
            ready = endpoint.is_ready and not ending
            if endpoint.addresses and (ready or (ending and endpoint.conditions.serving)):
                yield _candidate(endpoint, numbers[0], ready)


def _candidate(endpoint: Endpoint, number: int, ready: bool) -> _Candidate:
    hints = endpoint.hints
    return _Candidate(
        backend(endpoint.addresses[0], number),
        endpoint.target_ref.name if endpoint.target_ref is not None else "",
        endpoint.node_name or "",
        hints is not None and bool(hints.for_zones or hints.for_nodes),
        ready,
    )


def _was_ready(one: _Candidate, asked: _Asked) -> bool:
    """Whether an endpoint, and its Service, were there long enough to be in rules read at that time."""
    before = asked.at - timedelta(seconds=SETTLING)
    service, pod = asked.backing.service, asked.pods.get(one.pod)
    made = service.metadata.creation_timestamp
    if (made is not None and made > before) or asked.at > asked.now + timedelta(seconds=SETTLING):
        return False
    if pod is None:
        # Endpoints kept by hand have no history: only a dump of now can be compared with them.
        return abs((asked.now - asked.at).total_seconds()) <= SETTLING
    if service.spec.publish_not_ready_addresses:
        return pod.status.start_time is not None and pod.status.start_time <= before
    ready = pod.condition("Ready")
    return ready is not None and ready.is_true and _began(ready, before)


def _gone(backends: frozenset[str], asked: _Asked) -> set[str]:
    """Of what the rules lead to, what was no ready endpoint for long enough when they were read."""
    before = asked.at - timedelta(seconds=SETTLING)
    by_address = {plain_address(pod.status.pod_ip): pod for pod in asked.backing.pods if pod.status.pod_ip}
    # When a pod that is no more has gone, nobody knows: only rules as new as the objects prove anything.
    is_new = asked.rules.at is not None and abs((asked.now - asked.rules.at).total_seconds()) <= PROXY_SYNCING
    found: set[str] = set()
    for one in backends:
        pod = by_address.get(one.rpartition(":")[0].strip("[]"))
        if pod is None:
            if is_new:
                found.add(one)
            continue
        ready = pod.condition("Ready")
        if ready is not None and not ready.is_true and _began(ready, before):
            found.add(one)
    return found


def _began(condition: Condition, before: datetime) -> bool:
    return condition.last_transition_time is not None and condition.last_transition_time <= before


def _is_own(way: Way, asked: _Asked) -> bool:
    """By the comment, or where that names another by the chain's hash."""
    service, port = asked.backing.service, asked.port
    names = port_names(service.namespace, service.name, port.name)
    if not way.chain or not way.owner or way.owner in names:
        return True
    hashed = {iptables_chain(way.chain.rpartition("-")[0], name, port.protocol) for name in names}
    prefix = way.chain.partition("-")[0]
    hashed.add(nftables_chain(prefix, service.namespace, service.name, port.protocol, port.name))
    return way.chain in hashed
