"""SV-11: does every endpoint answer on its own address, without the Service in between?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding

from ..rules.curl_output import Answer
from ..rules.service_match import Backing
from ..step import NotChecked, Yielded, step
from .target import Services
from .transcripts import answers, cite

_MOST_QUOTED = 5
_SERVER_ERROR = 500


@step("SV-11", title="Do the pods answer directly?")
def direct(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Does every endpoint answer on its own address and port?"""
    last: dict[tuple[str, int], Answer] = {}
    for one in answers(cluster):
        if one.outcome != "unclear":
            last[(one.host, one.port)] = one
    judged = False
    for backing in target.backings if last else ():
        places = list(_places(backing))
        asked = [(pod, last[place]) for pod, place in places if place in last]
        if asked:
            judged = True
            yield from _judge(backing, asked, len(places))
    if not judged:
        yield NotChecked("No request was made to a pod's own address.")


def _places(backing: Backing) -> Iterator[tuple[str, tuple[str, int]]]:
    """(pod or address, (address, port)) of every ready endpoint, for every TCP port its slice names."""
    for one in backing.slices:
        ports = [port.port for port in one.ports or () if port.port and port.protocol in (None, "TCP")]
        for endpoint in one.endpoints or ():
            if not endpoint.is_ready:
                continue
            reference = endpoint.target_ref
            for address in endpoint.addresses[:1]:
                who = reference.name if reference is not None and reference.name else address
                yield from ((who, (address, port)) for port in ports)


def _judge(backing: Backing, asked: list[tuple[str, Answer]], places: int) -> Iterator[Finding]:
    service = backing.service
    lost = [(pod, one) for pod, one in asked if one.outcome in ("refused", "dropped")]
    odd = [
        (pod, one)
        for pod, one in asked
        if one.outcome == "broken" or (one.outcome == "answered" and one.status >= _SERVER_ERROR)
    ]
    for code, found in (("PodEndpointUnreachable", lost), ("PodEndpointWrongResponse", odd)):
        if found:
            pods = sorted({pod for pod, _ in found})
            yield finding(
                code,
                service,
                evidence=[cite(one.transcript, one.why) for _, one in found[:_MOST_QUOTED]],
                pods=pods,
                asked=len(asked),
                failed=len(found),
                outcome=found[0][1].outcome,
                status=found[0][1].status,
                port=found[0][1].port,
                because=[f"pod/{pod}" for pod in pods],
            )
    if not lost and not odd and any(one.outcome == "answered" for _, one in asked):
        yield finding(
            "PodEndpointsOk",
            service,
            evidence=[cite(one.transcript) for _, one in asked[:_MOST_QUOTED]],
            asked=len(asked),
            places=places,
        )
