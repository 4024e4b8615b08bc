"""What recorded requests say about policies: an answer that a policy forbids shows that it is not enforced.

Called by `policies`. Only requests from a pod count (a node may always reach its own
pods), and only answers that cannot have come past the policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.objects import NetworkPolicy, Pod

from ..rules.curl_output import Answer
from ..rules.service_match import Backing, pods_behind
from ..rules.thresholds import SETTLING
from .dns_heard import heard
from .policy_situations import (
    LOST,
    Judge,
    families_of,
    is_judged,
    party,
    target_ports,
)
from .target import Services
from .transcripts import answers

_MOST_ASKERS = 10
# What a proxy in the asking pod says itself when it does not get through.
_GATEWAY_STATUS = (502, 503, 504)
_TOLD_BY_SERVER = ("resolved", "absent", "failing")


class Contradiction(NamedTuple):
    """`asker` got an answer at `address` although `policies`, all that select the pods there, forbid it."""

    asker: Pod
    address: str
    policies: list[NetworkPolicy]
    answer: Answer


def contradictions(
    target: Services, cluster: Cluster, backings: Sequence[Backing], judge: Judge
) -> Iterator[Contradiction]:
    """Answers from pods that no policy lets in, one per asker and address."""
    by_address = {address: pod for pod in pods_behind(backings) for address in pod.addresses}
    askers: dict[tuple[str, str], Pod | None] = {}
    seen: set[tuple[object, ...]] = set()
    for one in answers(cluster):
        place = one.transcript.target
        asked = (place.namespace, place.pod)
        if (*asked, one.host, one.port) in seen or not _is_answered(one) or not place.pod:
            continue
        seen.add((*asked, one.host, one.port))
        if asked not in askers and len(askers) < _MOST_ASKERS:
            askers[asked] = _find_pod(target, cluster, *asked)
        asker = askers.get(asked)
        if asker is None or not is_judged(asker):
            continue
        pod = by_address.get(one.host)
        against = (
            _forbidden_pod(judge, pod, asker, one)
            if pod is not None
            else _forbidden_service(judge, backings, asker, one)
        )
        if against and was_in_force(against, one.transcript):
            yield Contradiction(asker, f"{one.host}:{one.port}", against, one)


def requests_of(target: Services, cluster: Cluster, client: Pod, backings: Sequence[Backing]) -> list[Answer]:
    """What the client was told when it asked one of these Services or their pods."""
    place = (client.namespace, client.name)
    own = [
        one
        for one in answers(cluster)
        if (one.transcript.target.namespace, one.transcript.target.pod) == place
    ]
    if not own:
        return []
    addresses = {address for pod in pods_behind(backings) for address in pod.addresses}
    return [
        one
        for one in own
        if (one.host in addresses or any(_asks(one, backing, client) for backing in backings))
    ]


def got_through(found: Sequence[Answer]) -> Answer | None:
    """The first that was answered, by the other side as far as that can be told."""
    return next((one for one in found if _is_answered(one)), None)


def reaches_dns(target: Services, cluster: Cluster, client: Pod) -> bool:
    """Whether a DNS server answered a lookup of the client's, whatever it said."""
    return any(
        (one.asker.namespace, one.asker.pod) == (client.namespace, client.name)
        and one.lookup.told in _TOLD_BY_SERVER
        and not one.lookup.explicit
        for one in heard(target, cluster).by_pods
    )


def _is_answered(one: Answer) -> bool:
    return one.outcome == "answered" and one.status not in _GATEWAY_STATUS


def _find_pod(target: Services, cluster: Cluster, namespace: str, name: str) -> Pod | None:
    known = [*filter(None, [target.client]), *target.pods]
    for pod in known:
        if (pod.namespace, pod.name) == (namespace, name):
            return pod
    return cluster.find(Pod, namespace, name).object


def _forbidden_pod(judge: Judge, pod: Pod, asker: Pod, one: Answer) -> list[NetworkPolicy]:
    """The policies that let nobody like the asker in at this pod's port; a pod always reaches itself."""
    if pod.key == asker.key or not is_judged(pod):
        return []
    profile = judge.profile(pod)
    named = profile.port(one.port, "TCP")
    family = frozenset({"IPv6" if ":" in one.host else "IPv4"})
    lost = judge.judge(profile, named, family, party(asker)).access in LOST
    return judge.policies_of(profile) if lost else []


def _forbidden_service(
    judge: Judge, backings: Sequence[Backing], asker: Pod, one: Answer
) -> list[NetworkPolicy]:
    """The policies of a Service's pods when they let the asker in at none of them."""
    backing = next((each for each in backings if _asks(one, each, asker)), None)
    if backing is None or any(pod.key == asker.key for pod in backing.pods):
        return []
    against: dict[tuple[str, str, str], NetworkPolicy] = {}
    families = families_of(backing.service)
    unjudged = any(pod.spec.host_network and not pod.is_terminal for pod in backing.pods)
    for profile in judge.profiles(backing):
        for port in target_ports(backing.service, profile, one.port):
            if judge.judge(profile, port, families, party(asker)).access not in LOST:
                return []
            against.update((policy.key, policy) for policy in judge.policies_of(profile))
    return [] if unjudged else list(against.values())


def _asks(one: Answer, backing: Backing, asker: Pod) -> bool:
    """Whether a request went to this Service's own address or name, and to one of its ports."""
    service = backing.service
    if one.port not in {port.port for port in service.spec.ports}:
        return False
    name = f"{service.name}.{service.namespace}"
    host = one.host.rstrip(".")
    return (
        host in service.addresses
        or (host == service.name and asker.namespace == service.namespace)
        or host == name
        or host.startswith(f"{name}.svc")
    )


def was_in_force(policies: Sequence[NetworkPolicy], one: Transcript) -> bool:
    """Whether all of them existed, long enough for a plugin to hear of them, when the request was made."""
    made = [policy.metadata.creation_timestamp for policy in policies]
    return one.at is None or all(at is not None and at + timedelta(seconds=SETTLING) <= one.at for at in made)
