"""What a run that may act asks from inside the cluster: the commands, as data, in a bounded number.

They are those the upstream guide runs by hand and the steps read from transcripts: the resolver's file,
the Service's name in its forms, its address, its endpoints, and a pod's way to itself. Called by `asking`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.objects import Pod, Service, ServicePort

from ..rules.hairpin_state import tries_needed
from ..rules.http_ports import speaks_http
from ..rules.proxy_dump import backend
from ..rules.service_match import Backing
from .target import Services

MOST_SERVICES = 3
MOST_ENDPOINTS = 5
"""Of one Service that are asked directly."""
TRIES = 3
"""Requests to the Service's address, as upstream."""
MOST_SELF_CALLS = 12
"""A pod's calls to its own Service: enough for three endpoints (`tries_needed`)."""

_REQUEST_SECONDS = 8.0
"""For a curl that gives up after three itself."""
_LOOKUP_SECONDS = 12.0
"""nslookup asks three times with two seconds each."""

ALWAYS_THERE = "kubernetes.default"
RESOLV_CONF = ("cat", "/etc/resolv.conf")


Key = tuple[str, str]
NOBODY: Key = ("", "")


class Question(NamedTuple):
    """One command, how often it is run, and its deadline in seconds. `words` begin with a verb.

    `service` is namespace and name of the Service a request goes to; empty for names, which no Service
    answers itself.
    """

    words: str
    argv: tuple[str, ...]
    seconds: float
    times: int = 1
    service: Key = NOBODY

    @property
    def tool(self) -> str:
        """The program."""
        return self.argv[0]


class Way(NamedTuple):
    """A Service whose answers can be asked for: the port that is, and the ready endpoints behind it.

    `places` are addresses and ports, at most MOST_ENDPOINTS.
    """

    backing: Backing
    port: ServicePort
    places: tuple[tuple[str, int], ...]

    @property
    def service(self) -> Service:
        """The Service that is asked."""
        return self.backing.service


def asked_about(target: Services) -> list[Backing]:
    """The Services that are asked about."""
    return target.backings[:MOST_SERVICES]


def key_of(backing: Backing) -> Key:
    """Namespace and name of its Service."""
    return backing.service.namespace, backing.service.name


def resolver() -> Question:
    """The client's resolv.conf."""
    return Question("read its resolv.conf", RESOLV_CONF, _REQUEST_SECONDS)


def lookups_of(backings: list[Backing], domain: str) -> Iterator[Question]:
    """Every Service's name in its three forms, and the name every cluster has."""
    for backing in backings:
        service = backing.service
        name = f"{service.name}.{service.namespace}"
        for form in (service.name, name, f"{name}.svc.{domain}"):
            yield _lookup(form)
    yield _lookup(ALWAYS_THERE)


def _lookup(name: str) -> Question:
    return Question(f"look up {name}", ("nslookup", "-timeout=2", name), _LOOKUP_SECONDS)


def without_nslookup(question: Question) -> Question:
    """The same lookup with the C library's own tool, which images without nslookup may have."""
    return question._replace(argv=("getent", "ahosts", question.argv[-1]))


def ways(target: Services) -> list[Way]:
    """The Services that can be asked with HTTP: one port each, that of the client if it is known."""
    found = []
    for backing in asked_about(target):
        service = backing.service
        ports = [
            one
            for one in service.spec.ports
            if speaks_http(one) and target.client_port in (0, one.port) and not service.is_external_name
        ]
        if ports:
            found.append(Way(backing, ports[0], tuple(_places(backing, ports[0]))[:MOST_ENDPOINTS]))
    return found


def _places(backing: Backing, wanted: ServicePort) -> Iterator[tuple[str, int]]:
    for one in backing.slices:
        ports = [port.port for port in one.ports or () if port.port and (port.name or "") == wanted.name]
        for endpoint in one.endpoints or ():
            if endpoint.is_ready and endpoint.addresses:
                yield from ((endpoint.addresses[0], port) for port in ports)


def requests_of(way: Way) -> Iterator[Question]:
    """The Service's own address, then its endpoints without the Service in between."""
    service = way.service
    if service.addresses:
        words = f"ask Service {service.name} {TRIES} times"
        yield _request(way, words, service.addresses[0], way.port.port, TRIES)
    for address, port in way.places:
        yield _request(way, f"ask the endpoint {address}", address, port)


def self_calls(way: Way) -> tuple[Pod, Question] | None:
    """A pod behind the Service, and its calls to it; None where nobody is sent back to himself."""
    service = way.service
    pod = next((one for one in way.backing.pods if one.is_ready and not one.spec.host_network), None)
    if pod is None or not service.addresses or not way.places:
        return None
    sticky = service.spec.session_affinity == "ClientIP"
    times = 1 if sticky else min(tries_needed(len(way.places)), MOST_SELF_CALLS)
    often = f" {times} times" if times > 1 else ""
    words = f"let pod {pod.name} ask its own Service {service.name}{often}"
    return pod, _request(way, words, service.addresses[0], way.port.port, times)


def _request(way: Way, words: str, address: str, port: int, times: int = 1) -> Question:
    url = f"http://{backend(address, port)}/"
    argv = ("curl", "-sS", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}\\n", url)
    return Question(words, argv, _REQUEST_SECONDS, times, key_of(way.backing))
