"""SV-08: does the Service answer on its cluster address, every time it is asked?

From what curl was told in a pod that is not behind the Service itself; a pod that asks
the Service it serves is the question of the hairpin step.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Service

from ..rules.curl_output import Answer
from ..rules.service_match import Backing
from ..step import NotChecked, Yielded, step
from .target import Services
from .transcripts import answers, cite

_MOST_QUOTED = 3


@step("SV-08", title="Does it answer on its address?")
def virtual_ip(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Does the Service answer a pod on its cluster address, every time?"""
    by_address: dict[str, list[Answer]] = {}
    for one in answers(cluster):
        if one.transcript.target.pod:
            by_address.setdefault(one.host, []).append(one)
    judged = False
    for backing in target.proxied:
        tries = list(_tries(backing, by_address))
        if tries:
            judged = True
            yield _judge(backing.service, tries)
    if not judged:
        yield NotChecked("No request to the Service's address was made from a pod.")


def _tries(backing: Backing, by_address: dict[str, list[Answer]]) -> Iterator[Answer]:
    """Requests to one of its ports, from outside."""
    service = backing.service
    ports = {port.port for port in service.spec.ports if port.protocol == "TCP"}
    behind = {pod.name for pod in backing.pods}
    full_name = f"{service.name}.{service.namespace}"
    names = [name for name in by_address if name == full_name or name.startswith(f"{full_name}.svc")]
    for host in (*service.addresses, *names):
        for one in by_address.get(host, ()):
            asker = one.transcript.target
            inside = asker.namespace == service.namespace and asker.pod in behind
            if one.port in ports and one.outcome not in ("unclear", "unresolved") and not inside:
                yield one


def _judge(service: Service, tries: list[Answer]) -> Finding:
    failed = [one for one in tries if one.outcome in ("refused", "dropped")]
    if not failed:
        code = "ServiceIpOk"
    else:
        code = "ServiceIpFailed" if len(failed) == len(tries) else "ServiceIpPartial"
    shown = failed or tries
    return finding(
        code,
        service,
        evidence=[cite(one.transcript, one.why) for one in shown[:_MOST_QUOTED]],
        tries=len(tries),
        answered=len(tries) - len(failed),
        address=service.addresses[0],
        outcome=shown[0].outcome,
        port=shown[0].port,
        asked_from=sorted({one.transcript.target.text for one in tries}),
    )
