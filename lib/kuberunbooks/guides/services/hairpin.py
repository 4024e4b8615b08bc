"""SV-15: does a pod get an answer from its own Service when it is itself the one chosen?

Its packet must leave the node's bridge by the port it came in by. The pods' own requests
tell whether that works; the bridge's ports, the CNI's file and the kubelet's
configuration tell why not.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, finding
from kuberunbooks.objects import Pod

from ..rules.curl_output import Answer
from ..rules.hairpin_state import doubt, tries_needed
from ..rules.proxy_dump import backend, plain_address
from ..rules.service_match import Backing
from ..rules.thresholds import HAIRPIN_DOUBT
from ..step import NotChecked, Yielded, step
from .hairpin_causes import bridge_findings, kubelet_findings
from .proxy_found import find_proxy
from .target import Services
from .transcripts import answers, cite


class _Own(NamedTuple):
    """What one pod behind a Service was told by the Service's own address."""

    backing: Backing
    pod: Pod
    given: list[Answer]

    @property
    def endpoints(self) -> int:
        """Among how many it may be chosen."""
        service = self.backing.service
        port = next((one for one in service.spec.ports if one.port == self.given[0].port), None)
        local = service.spec.internal_traffic_policy == "Local"
        return len(
            {
                endpoint.addresses[0]
                for one in self.backing.slices
                if port is not None and any((carried.name or "") == port.name for carried in one.ports or ())
                for endpoint in one.endpoints or ()
                if endpoint.addresses and endpoint.is_ready
                if not local or endpoint.node_name == self.pod.spec.node_name
            }
        )

    @property
    def tries(self) -> int:
        """How many of its requests were a choice of their own: with ClientIP affinity only the first was."""
        return 1 if self.backing.service.spec.session_affinity == "ClientIP" else len(self.given)


@step("SV-15", title="Does a pod reach itself through the Service?")
def hairpin(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Does a pod behind the Service get an answer from the Service when it is itself chosen?"""
    if not target.proxied:
        yield NotChecked(
            "No Service in question has an address of its own, so no pod is sent back to itself."
        )
        return
    replacement = find_proxy(target, cluster).replacement
    heard = answers(cluster)
    own = list(_own(target, heard))
    if not own:
        yield from _how_to_ask(target, replacement)
    failing = []
    for one in own:
        found = _judge(one, heard)
        if found is not None:
            failing += [one] if found.code == "HairpinFails" else []
            yield found
    nodes: dict[str, list[str]] = {}
    for one in failing:
        nodes.setdefault(one.pod.spec.node_name, []).append(
            f"{one.pod.namespace}/{one.backing.service.kind_name}"
        )
    yield from bridge_findings(target, cluster, nodes)
    yield from kubelet_findings(target, cluster, list(nodes))


def _own(target: Services, heard: list[Answer]) -> Iterator[_Own]:
    by_address = {plain_address(address): one for one in target.proxied for address in one.service.addresses}
    asked: dict[tuple[str, str, str, int], _Own] = {}
    pods: dict[tuple[str, str], dict[str, Pod]] = {}
    for one in heard:
        where = one.transcript.target
        backing = by_address.get(plain_address(one.host))
        if backing is None or not where.pod or one.outcome == "unclear":
            continue
        service = backing.service
        mine = pods.setdefault(
            (service.namespace, service.name), {pod.name: pod for pod in backing.pods}
        ).get(where.pod)
        if mine is None or where.namespace != service.namespace:
            continue
        if any(port.port == one.port for port in service.spec.ports):
            key = (service.namespace, service.name, mine.name, one.port)
            asked.setdefault(key, _Own(backing, mine, [])).given.append(one)
    yield from asked.values()


def _judge(one: _Own, heard: list[Answer]) -> Finding | None:
    if not one.endpoints or not one.pod.is_ready:
        return None  # it is none of those that may be chosen
    dropped = [each for each in one.given if each.outcome == "dropped"]
    facts: dict[str, Any] = {
        "pod": one.pod.name,
        "endpoints": one.endpoints,
        "tries": len(one.given),
        "needed": tries_needed(one.endpoints),
        "sticky": one.backing.service.spec.session_affinity == "ClientIP",
    }
    if dropped:
        return _failed(one, dropped, heard, facts)
    if any(each.outcome != "answered" for each in one.given):
        return None  # refused or broken: not the way back, but the endpoints
    named = next((each for each in one.given if one.pod.name in each.transcript.stdout.split()), None)
    left = 0.0 if named is not None else doubt(one.endpoints, one.tries)
    shown = one.pod.name if named is not None else ""
    return finding(
        "HairpinOk",
        one.backing.service,
        evidence=cite((named or one.given[0]).transcript, shown),
        likely=left > HAIRPIN_DOUBT,
        group=(one.pod.name,),
        by_name=named is not None,
        doubt=f"{left:.0%}".rstrip("%"),
        is_proof=left <= HAIRPIN_DOUBT,
        **facts,
    )


def _failed(one: _Own, dropped: list[Answer], heard: list[Answer], facts: dict[str, Any]) -> Finding | None:
    service = one.backing.service
    addresses = {plain_address(address) for address in service.addresses}
    behind = {pod.name for pod in one.backing.pods}
    others = [
        each
        for each in heard
        if plain_address(each.host) in addresses
        and each.port == dropped[0].port
        and each.transcript.target.pod not in behind
    ]
    if not others or any(each.outcome != "answered" for each in others):
        return None  # others get no answer either, or nobody asked: then it is not about the way back
    all_dropped = len(dropped) == len(one.given)
    if all_dropped and one.endpoints > 1 and (1 / one.endpoints) ** one.tries < HAIRPIN_DOUBT:
        return None  # its requests to other pods are lost, too
    return finding(
        "HairpinFails",
        service,
        evidence=[cite(dropped[0].transcript, dropped[0].why), cite(others[0].transcript)],
        group=(one.pod.name,),
        dropped=len(dropped),
        others=len(others),
        node=one.pod.spec.node_name,
        address=dropped[0].host,
        port=dropped[0].port,
        **facts,
    )


def _how_to_ask(target: Services, replacement: str) -> Iterator[NotChecked | Note]:
    yield NotChecked(
        "No pod behind the Service was asked to call it, so the way back to itself is not known."
    )
    backing = next((one for one in target.proxied if one.pods and one.service.spec.ports), None)
    if backing is None or replacement:
        return
    service, pod = backing.service, backing.pods[0]
    url = f"http://{backend(service.addresses[0], service.spec.ports[0].port)}/"
    ready = sum(one.is_ready for one in backing.pods)
    asked = ["curl", "-sS", "-m", "3", "-o", "/dev/null", "-w", "%{http_code}\\n", url]
    command = shlex.join(["kubectl", "exec", "-n", pod.namespace, pod.name, "--", *asked])
    yield Note(
        text=f"To know, run this {tries_needed(ready)} times: with {ready} ready pods "
        f"fewer tries may all go to the others. {command}"
    )
