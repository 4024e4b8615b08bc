"""SV-06: the resolver of the client, by its resolv.conf where that was seen, and by its DNS policy.

Only of pods that ask: the pods behind the Service may resolve names as they like.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Subject, Table, finding
from kuberunbooks.objects import Evidence, Pod, Service

from ..rules.resolv_conf import (
    ResolvConf,
    cluster_domain_of,
    is_node_local,
    missing_searches,
    over_limits,
)
from ..step import NotChecked, Yielded, step
from .dns_heard import Asker, Resolver, heard, is_of_cluster, same_address
from .dns_names import DEFAULT_DOMAIN
from .dns_service import cluster_dns_of, kubelet_dns
from .target import Services
from .transcripts import cite

_MOST_ASKERS = 3
"""Pods that asked whose resolvers are looked at; one is what the runbook is about."""
_WANTED_NDOTS = 5
"""What the kubelet sets for ClusterFirst (its dns.go, defaultDNSOptions)."""
_SHOWN = 40


class _Known(NamedTuple):
    """What a resolver is compared with: DNS addresses (empty: not known) and the cluster's domain."""

    addresses: list[str]
    domain: str


@step("SV-06", title="Is the pods' resolv.conf right?")
def resolv_conf(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Do the client's nameserver, search list and ndots lead to the cluster's DNS?"""
    askers = _askers(target, cluster)
    if not askers:
        yield NotChecked(
            "No client was named and no resolv.conf was seen: give the pod that asks as parameter client."
        )
        return
    seen = {one.asker: one for one in heard(target, cluster).resolvers}
    known = _known(target, cluster)
    confirmed = False
    for asker in askers:
        found = list(_one(target, cluster, asker, seen.get(asker), known))
        confirmed = confirmed or bool(found)
        yield from found
    shown = [seen[asker] for asker in askers if asker in seen]
    if shown:
        yield _table(shown)
    if not confirmed:
        yield from _unconfirmed(target, cluster, bool(shown))


def _askers(target: Services, cluster: Cluster) -> list[Asker]:
    """The client; without one, the pods that looked names up and are not behind the Service."""
    if target.client is not None:
        return [Asker(target.client.namespace, target.client.name)]
    behind = {(pod.namespace, pod.name) for pod in target.pods}
    found = heard(target, cluster)
    asking = [*(one.asker for one in found.resolvers), *(one.asker for one in found.by_pods)]
    return [one for one in dict.fromkeys(asking) if (one.namespace, one.pod) not in behind][:_MOST_ASKERS]


def _known(target: Services, cluster: Cluster) -> _Known:
    known = _Known(cluster_dns_of(target, cluster).addresses, "")
    seen = [one.conf for one in heard(target, cluster).resolvers]
    if all(_nameserver_is_right(conf, known) and cluster_domain_of(conf.search) for conf in seen):
        return known
    kubelet = kubelet_dns(target, cluster)
    return _Known([*known.addresses, *kubelet.addresses], kubelet.domain)


def _one(
    target: Services, cluster: Cluster, asker: Asker, seen: Resolver | None, known: _Known
) -> Iterator[Finding]:
    pod = _pod(target, cluster, asker)
    subject = pod or Subject(kind="Pod", namespace=asker.namespace, name=asker.pod or "unknown")
    conf = seen.conf if seen is not None else None
    resolves = any(one.asker == asker and is_of_cluster(one) for one in heard(target, cluster).by_pods)
    policy = _policy(pod, asker, known) if pod is not None and not resolves else None
    if policy is not None and not (conf is not None and _leads_to_cluster(conf, asker, known)):
        yield policy
        return
    facts: dict[str, Any] = {"asker": asker.text, "explains": [f"/{asker.key}"]}
    if pod is not None:
        yield from _forming(pod, cluster, asker)
    if seen is None or conf is None:
        return
    evidence = cite(seen.transcript, " ".join(seen.transcript.stdout.split())[:300])
    right = resolves or not known.addresses or _nameserver_is_right(conf, known)
    faults: list[Finding] = []
    if not right and not any(cluster.look(Service, fields=f"spec.clusterIP={ip}") for ip in conf.nameservers):
        faults.append(_other_nameserver(subject, conf, known, evidence, facts))
    faults += _faults(subject, conf, asker, known, evidence, facts)
    faults += _low_ndots(target, cluster, subject, conf, asker, evidence)
    yield from faults
    if not faults and (resolves or _nameserver_is_right(conf, known)):
        yield finding("ResolvConfOk", subject, evidence=evidence, asker=asker.text)


def _other_nameserver(
    subject: Pod | Subject, conf: ResolvConf, known: _Known, evidence: Evidence, facts: dict[str, Any]
) -> Finding:
    return finding(
        "ResolvConfNameserverWrong",
        subject,
        evidence=evidence,
        nameservers=list(conf.nameservers),
        expected=known.addresses,
        **facts,
    )


def _faults(
    subject: Pod | Subject,
    conf: ResolvConf,
    asker: Asker,
    known: _Known,
    evidence: Evidence,
    facts: dict[str, Any],
) -> Iterator[Finding]:
    domain = _domain(conf, known)
    if missing := missing_searches(conf.search, asker.namespace, domain):
        yield finding(
            "ResolvConfSearchMissing",
            subject,
            evidence=evidence,
            missing=missing,
            search=list(conf.search),
            **facts,
        )
    if over := over_limits(conf):
        yield finding("ResolvConfTooLong", subject, evidence=evidence, over=over, said="", asker=asker.text)


def _low_ndots(
    target: Services,
    cluster: Cluster,
    subject: Pod | Subject,
    conf: ResolvConf,
    asker: Asker,
    evidence: Evidence,
) -> Iterator[Finding]:
    """ndots is too low only for names that have as many dots: those are asked for as they are first."""
    if conf.ndots >= _WANTED_NDOTS:
        return
    asked = dict.fromkeys(one.lookup.name for one in heard(target, cluster).by_pods if one.asker == asker)
    suffixes = tuple(f".{one}" for one in conf.search)
    short = [
        name
        for name in asked
        if conf.ndots <= name.count(".") <= 2 and not name.endswith(suffixes) and _is_of_cluster(target, name)
    ]
    if short:
        yield finding(
            "ResolvConfNdotsLow",
            subject,
            evidence=evidence,
            asker=asker.text,
            ndots=conf.ndots,
            is_set=conf.sets_ndots,
            names=short,
            explains=[f"/{asker.key}"],
        )


def _is_of_cluster(target: Services, name: str) -> bool:
    first, _, rest = name.partition(".")
    place = rest.removesuffix(".svc")
    return any(one.name == first and place in ("", one.namespace) for one in target.services)


def _policy(pod: Pod, asker: Asker, known: _Known) -> Finding | None:
    """A DNS policy by which the pod gets another resolver than the cluster's."""
    spec = pod.spec
    fallen = spec.host_network and spec.dns_policy == "ClusterFirst"
    if not fallen and spec.dns_policy not in ("Default", "None"):
        return None
    own = list(spec.dns_config.nameservers) if spec.dns_config is not None else []
    if spec.dns_policy == "None" and (not known.addresses or _any_same(own, known.addresses)):
        return None  # its own nameservers may well be the cluster's
    cited = [pod.cite("spec.dnsPolicy")]
    if fallen:
        cited.append(pod.cite("spec.hostNetwork"))
    return finding(
        "DnsPolicyNotClusterFirst",
        pod,
        evidence=cited,
        asker=asker.text,
        policy=spec.dns_policy,
        host_network=fallen,
        nameservers=own,
        explains=[f"/{asker.key}"],
    )


def _forming(pod: Pod, cluster: Cluster, asker: Asker) -> Iterator[Finding]:
    """The kubelet's own word that it had to leave something out."""
    for event in cluster.events(pod):
        if event.reason == "DNSConfigForming":
            yield finding(
                "ResolvConfTooLong",
                pod,
                evidence=event.cite("message"),
                over=[],
                said=event.message,
                asker=asker.text,
            )
            return


def _leads_to_cluster(conf: ResolvConf, asker: Asker, known: _Known) -> bool:
    domain = _domain(conf, known)
    return _nameserver_is_right(conf, known) and not missing_searches(conf.search, asker.namespace, domain)


def _nameserver_is_right(conf: ResolvConf, known: _Known) -> bool:
    return _any_same(conf.nameservers, known.addresses) or any(map(is_node_local, conf.nameservers))


def _domain(conf: ResolvConf, known: _Known) -> str:
    return known.domain or cluster_domain_of(conf.search) or DEFAULT_DOMAIN


def _any_same(some: list[str] | tuple[str, ...], others: list[str]) -> bool:
    return any(same_address(one, other) for one in some for other in others)


def _pod(target: Services, cluster: Cluster, asker: Asker) -> Pod | None:
    if target.client is not None:
        return target.client
    return cluster.find(Pod, asker.namespace, asker.pod).object if asker.namespace and asker.pod else None


def _table(shown: list[Resolver]) -> Table:
    return Table(
        caption="How the client resolves names",
        columns=[Column(name=name) for name in ("pod", "nameserver", "search", "ndots")],
        rows=[
            [
                one.asker.text,
                ", ".join(one.conf.nameservers[:_SHOWN]),
                " ".join(one.conf.search[:_SHOWN]),
                str(one.conf.ndots) if one.conf.sets_ndots else "not set (1)",
            ]
            for one in shown
        ],
    )


def _unconfirmed(target: Services, cluster: Cluster, shown: bool) -> Iterator[Yielded]:
    if shown:
        why = "the cluster has none" if cluster_dns_of(target, cluster).missing else "that is not known"
        yield NotChecked(
            f"The client's nameserver could not be compared with the cluster's DNS Service: {why}."
        )
        return
    yield NotChecked(
        "The client's resolv.conf was not seen: give what it prints with the parameter transcripts."
    )
    if target.client is not None:
        place, pod = shlex.quote(target.client.namespace), shlex.quote(target.client.name)
        yield Note(text=f"To see it: kubectl exec -n {place} {pod} -- cat /etc/resolv.conf")
