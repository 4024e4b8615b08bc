"""The cluster's DNS as objects: its Service, wherever it is, and what the kubelet tells pods to use.

Read once a run. Called by the steps about names (SV-05 to SV-07).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.errors import ClusterError
from kuberunbooks.objects import NOT_JSON, Namespace, Service

from ..rules.proxy_dump import ProxyDump
from ..rules.resolv_conf import is_node_local
from .dns_heard import heard, is_of_cluster, nameservers, same_address
from .node_answers import node_answers
from .target import Services

SYSTEM = "kube-system"
DNS = "kube-dns"
"""The Service's name also where CoreDNS stands behind it."""

_MEMO = "cluster DNS"
_KUBELETS = "kubelets' DNS"
_PORT = 53
_LABELS = ("kube-dns", "coredns")
_OPENSHIFT = "openshift-dns"
_ON_EVERY_NODE = {"eks.amazonaws.com/compute-type": "auto"}
"""Nodes of this label run the cluster's DNS themselves: there is no Service with pods to look at."""
_MOST_NODES = 3


class ClusterDns(NamedTuple):
    """The DNS Services of kube-system, the one pods use first.

    `missing`: there is none, and that is proven; where kube-system could not be read, by
    `rules`, the rules of a node that lead nowhere from the address pods ask. With neither,
    `why` says why nothing is known.
    """

    services: list[Service]
    missing: bool
    why: str = ""
    rules: Transcript | None = None

    @property
    def addresses(self) -> list[str]:
        """All their addresses."""
        return [ip for one in self.services for ip in one.addresses]


class KubeletDns(NamedTuple):
    """clusterDNS and clusterDomain of a kubelet; empty when its configuration was not recorded."""

    addresses: list[str]
    domain: str
    source: str


class _Config(msgspec.Struct):
    cluster_dns: list[str] | None = msgspec.field(name="clusterDNS", default=None)
    cluster_domain: str = msgspec.field(name="clusterDomain", default="")


class _Configz(msgspec.Struct):
    kubeletconfig: _Config = msgspec.field(default_factory=_Config)


def cluster_dns_of(target: Services, cluster: Cluster) -> ClusterDns:
    """The cluster's DNS Services, or that there is none, or that nothing is known."""
    known: ClusterDns | None = target.memo.get(_MEMO)
    if known is None:
        known = target.memo[_MEMO] = _find(target, cluster)
    return known


def kubelet_dns(target: Services, cluster: Cluster) -> KubeletDns:
    """What the kubelet gives to pods, where a case holds its configuration; live that needs nodes/proxy."""
    known: KubeletDns | None = target.memo.get(_KUBELETS)
    if known is None:
        known = target.memo[_KUBELETS] = _read_kubelet(target, cluster)
    return known


def names_resolve(target: Services, cluster: Cluster) -> bool:
    """Whether a pod was given an address for a name of this cluster."""
    return any(is_of_cluster(one) for one in heard(target, cluster).by_pods)


def _find(target: Services, cluster: Cluster) -> ClusterDns:
    listed = cluster.look(Service, SYSTEM, whole=True)
    asked = nameservers(target, cluster)
    found = [one for one in listed if one.name == DNS or _has_address(one, asked) or _serves_dns(one)]
    if not found and not asked and listed.complete:
        asked = kubelet_dns(target, cluster).addresses
        found = [one for one in listed if _has_address(one, asked)]
    if found:
        found.sort(key=lambda one: (not _has_address(one, asked), one.name != DNS, not _is_labelled(one)))
        return ClusterDns(found, False)
    if not listed.complete:
        rules = _rules_without(target, cluster, asked)
        if rules is not None:
            return ClusterDns([], True, rules=rules)
        return ClusterDns([], False, f"The Services of kube-system could not be read ({listed.why}).")
    if names_resolve(target, cluster) or _is_answered(target, cluster, asked):
        return ClusterDns([], False, "A DNS server answers, but it is no Service of kube-system.")
    if why := _elsewhere(cluster, listed, asked):
        return ClusterDns([], False, why)
    return ClusterDns([], True)


def _rules_without(target: Services, cluster: Cluster, asked: list[str]) -> Transcript | None:
    """The rules of a node that know nothing of the server pods ask, while it answers nobody."""
    if not asked or any(map(is_node_local, asked)):
        return None
    if names_resolve(target, cluster) or _is_answered(target, cluster, asked):
        return None
    if not any(one.lookup.told == "silent" for one in heard(target, cluster).by_pods):
        return None
    said = node_answers(target, cluster)
    for one in said.rules:
        dump = one.dump
        whole = dump.is_proxied and dump.has_ways and dump.has_refusals and dump.ways
        covered = all((6 if ":" in ip else 4) in dump.families for ip in asked)
        if whole and covered and not any(_knows(dump, ip) for ip in asked):
            return said.sources[one.node, dump.mode][0]
    return None


def _knows(dump: ProxyDump, address: str) -> bool:
    return dump.knows(address, "UDP", _PORT) or dump.knows(address, "TCP", _PORT)


def _is_answered(target: Services, cluster: Cluster, asked: list[str]) -> bool:
    """Whether the server pods are told to ask has said anything, be it that there is no such name."""
    return any(
        one.lookup.told in ("resolved", "absent", "failing")
        and any(same_address(one.lookup.server, ip) for ip in asked)
        for one in heard(target, cluster).by_pods
    )


def _serves_dns(service: Service) -> bool:
    return bool(service.addresses) and any(port.port == _PORT for port in service.spec.ports)


def _is_labelled(service: Service) -> bool:
    return service.metadata.labels.get("k8s-app") in _LABELS


def _has_address(service: Service, addresses: list[str]) -> bool:
    return any(same_address(ip, other) for ip in service.addresses for other in addresses)


def _elsewhere(cluster: Cluster, system: list[Service], asked: list[str]) -> str:
    """Where the DNS may be when kube-system has none; empty when nowhere. Asked only then."""
    if any(map(is_node_local, asked)):
        return f"Pods ask a DNS server on their node ({', '.join(asked)}), which is not looked into."
    if (alike := next((one for one in system if _is_labelled(one) or "dns" in one.name), None)) is not None:
        return f"The cluster's DNS may be behind Service {SYSTEM}/{alike.name}, which is not looked into."
    everywhere = cluster.look(Service, whole=True)
    for one in everywhere:
        if _has_address(one, asked) or _serves_dns(one):
            return f"The cluster's DNS may be Service {one.namespace}/{one.name}, which is not looked into."
    if not everywhere.complete and cluster.find(Namespace, "", _OPENSHIFT).object is not None:
        return f"The cluster's DNS is in namespace {_OPENSHIFT}, which is not looked into."
    for node in cluster.nodes():
        if any(node.metadata.labels.get(key) == value for key, value in _ON_EVERY_NODE.items()):
            return "The nodes run the cluster's DNS themselves; it is not looked into."
    return ""


def _read_kubelet(target: Services, cluster: Cluster) -> KubeletDns:
    for node in _nodes(target, cluster)[:_MOST_NODES]:
        path = f"nodes/{node}/configz"
        try:
            body = cluster.recorded(path)
            if body is None:
                continue
            config = msgspec.json.decode(body, type=_Configz, strict=False).kubeletconfig
        except (ClusterError, msgspec.ValidationError, *NOT_JSON):
            continue
        return KubeletDns(config.cluster_dns or [], config.cluster_domain, f"raw/{path}.json")
    return KubeletDns([], "", "")


def _nodes(target: Services, cluster: Cluster) -> list[str]:
    pods = [target.client] if target.client is not None else target.pods
    nodes = [pod.spec.node_name for pod in pods]
    nodes += [one.asker.node for one in heard(target, cluster).by_nodes]
    return [name for name in dict.fromkeys(nodes) if name]
