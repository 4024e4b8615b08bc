"""SV-07: the cluster's DNS: its Service, what stands behind it, its configuration, and whether it answers.

Four requests of a live cluster; logs and a wider look only when something is wrong.
What cannot be read claims nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from kuberunbooks.cluster import Cluster, Listing, Query, Transcript
from kuberunbooks.findings import Finding, LogExcerpt, Note, Subject, finding
from kuberunbooks.objects import EndpointSlice, Evidence, LabelSelector, Pod, Service

from ..rules.service_match import Backing, read_endpoints
from ..rules.service_slices import slices_selector, slices_source
from ..rules.settling import is_settling
from ..rules.thresholds import SETTLING
from ..step import NotChecked, Yielded, step
from .coredns import EXPLAINS, DnsPods, has_restarted, judge_corefile, judge_logs
from .dns_heard import Asked, heard, nameservers, newest
from .dns_service import DNS, SYSTEM, cluster_dns_of, kubelet_dns, names_resolve
from .target import Services
from .transcripts import cite

_ALWAYS_THERE = "kubernetes.default"
_NO_ANSWER = ("silent", "failing")


@step("SV-07", title="Does the cluster's DNS work?")
def cluster_dns(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Is there a DNS Service with ready pods, and does anything resolve?"""
    proof = _proof(target, cluster)
    if proof is not None:
        yield proof
    dns = cluster_dns_of(target, cluster)
    if dns.missing:
        yield _missing(target, cluster, dns.rules)
    elif not dns.services:
        yield NotChecked(dns.why)
    else:
        failing = proof is not None and proof.code == "ClusterDnsFailing"
        failing = failing or any(one.lookup.told in _NO_ANSWER for one in heard(target, cluster).by_pods)
        found = list(_running(target, cluster, dns.services[0], failing=failing))
        yield from found
        quiet = not any(isinstance(one, Finding) and one.severity in ("critical", "warning") for one in found)
        if quiet and proof is None:
            yield Note(
                text="Whether it answers was not asked; nslookup kubernetes.default in a pod would tell."
            )


def _proof(target: Services, cluster: Cluster) -> Finding | None:
    """What the newest lookup of the name that every cluster has was told."""
    asked = [
        one
        for one in heard(target, cluster).by_pods
        if f"{one.lookup.name}.".startswith(f"{_ALWAYS_THERE}.") and one.lookup.told != "nothing"
    ]
    if not asked:
        return None
    latest: Asked = newest(asked)
    lookup, asker = latest.lookup, latest.asker
    subject = Subject(kind="Service", namespace="default", name="kubernetes")
    if lookup.told == "resolved":
        return finding(
            "ClusterDnsOk", subject, evidence=cite(lookup.transcript), asked=lookup.name, asker=asker.text
        )
    return finding(
        "ClusterDnsFailing",
        subject,
        evidence=cite(lookup.transcript),
        asked=lookup.name,
        asker=asker.text,
        asker_pod=asker.pod,
        asker_namespace=asker.namespace,
        told=lookup.told,
        server=lookup.server,
        why=list(lookup.why),
        because=["dns/cluster", asker.key],
    )


def _missing(target: Services, cluster: Cluster, rules: Transcript | None) -> Finding:
    servers = nameservers(target, cluster)
    kubelet = kubelet_dns(target, cluster)
    if rules is not None:
        cited = [cite(rules, f"no entry for {', '.join(servers)}, port 53")]
    else:
        cited = [Evidence(Service.api.path(SYSTEM), "items", f"no {DNS}, and no other Service for DNS")]
    seen = heard(target, cluster).resolvers[:1]
    cited += [cite(one.transcript, f"nameserver {', '.join(one.conf.nameservers)}") for one in seen]
    if kubelet.addresses:
        cited.append(Evidence(kubelet.source, "kubeletconfig.clusterDNS", ", ".join(kubelet.addresses)))
    failed = [one for one in heard(target, cluster).by_pods if one.lookup.told in _NO_ANSWER]
    cited += [cite(one.lookup.transcript) for one in failed[:1]]
    return finding(
        "DnsServiceMissing",
        Subject(kind="Service", namespace=SYSTEM, name=DNS),
        evidence=cited,
        likely=rules is not None,
        nameservers=servers or kubelet.addresses,
        node=rules.target.node if rules is not None else "",
        by_rules=rules is not None,
        failed=len(failed),
        why=list(dict.fromkeys(said for one in failed for said in one.lookup.why)),
        explains=EXPLAINS,
    )


def _running(
    target: Services, cluster: Cluster, service: Service, *, failing: bool
) -> Iterator[Finding | LogExcerpt]:
    """What stands behind the DNS Service and what it is told to do."""
    place, by_name = service.namespace, slices_selector(service.name)
    labels = LabelSelector(match_labels=service.spec.selector).text()
    cluster.prefetch(Query(EndpointSlice, place, by_name), Query(Pod, place, labels))
    slices = cluster.look(EndpointSlice, place, labels=by_name)
    listed = cluster.look(Pod, place, labels=labels) if labels else Listing[Pod](complete=False)
    pods = [one for one in listed if one.metadata.deletion_timestamp is None and not one.is_terminal]
    dns = DnsPods(service, pods, sum(pod.is_ready for pod in pods))
    found = [*_pods(dns, listed.complete, cluster), *_endpoints(dns, slices, cluster)]
    if names_resolve(target, cluster):
        for one in found:
            one.severity = "warning"  # somebody answers all the same, perhaps a cache on the nodes
    found += judge_corefile(target, cluster, dns)
    yield from found
    recently = cluster.now - timedelta(seconds=target.since)
    if found or failing or any(has_restarted(pod, recently) for pod in pods):
        yield from judge_logs(target, cluster, dns)
    if not found and dns.ready:
        yield finding(
            "ClusterDnsReady",
            service,
            evidence=service.cite("spec.clusterIP"),
            dns_ready=dns.ready,
            addresses=service.addresses,
        )


def _pods(dns: DnsPods, whole: bool, cluster: Cluster) -> Iterator[Finding]:
    waiting = [pod for pod in dns.pods if not pod.is_ready and not is_settling(pod, cluster.now)]
    beginning = not waiting and bool(dns.pods)
    if not whole or beginning or dns.service.age(cluster.now) < SETTLING:
        return
    states = Counter(pod.status_text for pod in waiting)
    yield finding(
        "DnsPodsUnhealthy",
        dns.service,
        severity="warning" if dns.ready else "critical",
        evidence=[pod.cite("status.phase", pod.status_text) for pod in waiting[:3]]
        or dns.service.cite("spec.selector"),
        dns_ready=dns.ready,
        dns_pods=len(dns.pods),
        waiting=[pod.name for pod in waiting],
        states=[f"{number} {state}" if number > 1 else state for state, number in states.most_common(3)],
        selector=",".join(f"{key}={value}" for key, value in dns.service.spec.selector.items()),
        explains=[] if dns.ready else [*EXPLAINS, "/dns/endpoints"],
    )


def _endpoints(dns: DnsPods, slices: Listing[EndpointSlice], cluster: Cluster) -> Iterator[Finding]:
    service = dns.service
    if not slices.complete or service.is_external_name or service.age(cluster.now) < SETTLING:
        return
    if read_endpoints(Backing(service, dns.pods, list(slices), [])).ready:
        return
    if dns.pods and all(is_settling(pod, cluster.now) for pod in dns.pods):
        return
    where = slices_source(service.namespace, service.name)
    # Without a ready pod there can be none; with one, this is a cause of its own.
    facts: dict[str, Any] = {"explains": EXPLAINS} if dns.ready else {"because": ["dns/endpoints"]}
    yield finding(
        "DnsNoEndpoints",
        service,
        evidence=Evidence(where, "endpoints", "none ready"),
        dns_ready=dns.ready,
        **facts,
    )
