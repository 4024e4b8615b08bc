"""What pods and nodes were told by the DNS, and their resolv.conf, from the transcripts.

Read once a run. Called by the steps about names (SV-04 to SV-07).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Transcript

from ..rules.curl_output import read_curl
from ..rules.lookup_output import Lookup, Told, read_lookup
from ..rules.pasted_session import sessions
from ..rules.resolv_conf import ResolvConf, cluster_domain_of, read_resolv_conf
from .target import Services

_MEMO = "names heard"


class Asker(NamedTuple):
    """Where a command ran: a pod, a node, or (all empty) a pod that nobody named."""

    namespace: str = ""
    pod: str = ""
    node: str = ""

    @property
    def text(self) -> str:
        """`pod shop/client`, `node n1`, `a pod`."""
        if self.pod:
            return f"pod {self.namespace}/{self.pod}" if self.namespace else f"pod {self.pod}"
        return f"node {self.node}" if self.node else "a pod"

    @property
    def key(self) -> str:
        """How findings about its resolver and findings it explains name it (`findings.headline`)."""
        return f"dns/{self.namespace}/{self.pod or self.node}"


class Asked(NamedTuple):
    """A lookup and who made it."""

    asker: Asker
    lookup: Lookup


class Resolver(NamedTuple):
    """The resolv.conf of a pod."""

    asker: Asker
    conf: ResolvConf
    transcript: Transcript


class Heard(NamedTuple):
    """Everything the transcripts say about names, oldest first."""

    by_pods: list[Asked]
    by_nodes: list[Asked]
    resolvers: list[Resolver]


def heard(target: Services, cluster: Cluster) -> Heard:
    """What the transcripts say about names."""
    known: Heard | None = target.memo.get(_MEMO)
    if known is not None:
        return known
    found = target.memo[_MEMO] = Heard([], [], [])
    for whole in cluster.transcripts():
        parts = list(sessions(whole))
        of_pod = not whole.argv and any(map(_is_of_pod, parts))
        for one in parts:
            asker = _client(target) if of_pod and not one.target.pod else _asker(target, one)
            if (conf := _resolv_conf(one)) is not None and not asker.node:
                found.resolvers.append(Resolver(asker, conf, one))
            elif (lookup := read_lookup(one) or _request(one)) is not None:
                (found.by_nodes if asker.node else found.by_pods).append(Asked(asker, lookup))
    return found


def newest(asked: Iterable[Asked]) -> Asked:
    """The one made last; where the times are not all known, the last recorded."""
    listed = list(asked)
    if all(one.lookup.transcript.at is not None for one in listed):
        return max(listed, key=lambda one: one.lookup.transcript.at)  # type: ignore[arg-type, return-value]
    return listed[-1]


def searched_domain(target: Services, cluster: Cluster) -> str:
    """The cluster domain pods search by their resolv.conf; empty when none was seen."""
    domains = (cluster_domain_of(one.conf.search) for one in heard(target, cluster).resolvers)
    return next(filter(None, domains), "")


def nameservers(target: Services, cluster: Cluster) -> list[str]:
    """Who answers the pods whose resolv.conf is made for the names of this cluster."""
    made = [one.conf for one in heard(target, cluster).resolvers if cluster_domain_of(one.conf.search)]
    return list(dict.fromkeys(ip for conf in made for ip in conf.nameservers))


def is_of_cluster(one: Asked) -> bool:
    """Whether the asker was given an address for a name of this cluster: its way to the DNS is right."""
    return one.lookup.told == "resolved" and ".svc." in f"{one.lookup.full or one.lookup.name}."


def same_address(one: str, other: str) -> bool:
    """Whether two texts are the same address, however IPv6 is written."""
    try:
        return ip_address(one) == ip_address(other)
    except ValueError:
        return one == other


def _asker(target: Services, one: Transcript) -> Asker:
    where = one.target
    if where.pod:
        return Asker(where.namespace or target.namespace, where.pod)
    if where.node:
        return Asker(node=where.node)
    return _client(target)


def _client(target: Services) -> Asker:
    client = target.client
    return Asker(client.namespace, client.name) if client is not None else Asker()


def _is_of_pod(one: Transcript) -> bool:
    """A resolv.conf made for the names of the cluster: no node has one, whatever the paste was said to be."""
    conf = _resolv_conf(one)
    return conf is not None and bool(cluster_domain_of(conf.search))


def _resolv_conf(one: Transcript) -> ResolvConf | None:
    if one.argv and not (one.argv[0].rpartition("/")[2] in ("cat", "sh") and "resolv.conf" in one.argv[-1]):
        return None
    return read_resolv_conf(one.stdout)


def _request(one: Transcript) -> Lookup | None:
    """A request by name: it shows whether that resolved, too."""
    answer = read_curl(one)
    if answer is None or answer.outcome == "unclear" or _is_address(answer.host):
        return None
    told: Told = "unclear" if answer.outcome == "unresolved" else "resolved"
    why = ("could not resolve host",) if told == "unclear" else ()
    return Lookup(answer.host.rstrip("."), "", False, told, why, (), "", "", one)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
