"""SH-10 and SH-11: how it resolves names, and the names (never values) of its environment."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Pod, Service

from ..pods.target import Pods
from ..rules.container_inside import Heard, Inside
from ..rules.resolv_conf import ResolvConf, cluster_domain_of, is_node_local, missing_searches, over_limits
from ..step import Yielded, step
from .target import insides, pod_of, spec_of, unseen, where

_DEFAULT_DOMAIN = "cluster.local"
_DNS_NAMESPACE, _DNS_NAME = "kube-system", "kube-dns"
"""Every installer calls it so, whichever server is behind it (CoreDNS's deployment guide)."""
_NAMES = 120


@step("SH-10", title="How does it resolve names?")
def resolver(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Do its nameserver and search list lead to the cluster's DNS?"""
    checked = False
    told: set[tuple[str, str]] = set()
    for one in insides(target, cluster):
        if one.resolver is None or one.key[:2] in told:
            continue
        told.add(one.key[:2])  # containers of a pod share the file
        checked = True
        pod = pod_of(target, one)
        yield _resolver_table(target, one, one.resolver.value, pod)
        yield from _judge(one.resolver, pod, cluster)
    if not checked:
        yield unseen("Its resolver is")


@step("SH-11", title="Which environment variables has it?")
def environment(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Are the variables the pod sets there? Only names are looked at, never values."""
    checked = False
    for one in insides(target, cluster):
        if one.environment is None:
            continue
        checked = True
        yield _names_table(target, one, one.environment.value)
        yield from _compare(one, one.environment, pod_of(target, one))
    if not checked:
        yield unseen("Its environment is")


def _judge(seen: Heard[ResolvConf], pod: Pod, cluster: Cluster) -> Iterator[Yielded]:
    """Only a pod with the policy ClusterFirst is to have the cluster's DNS."""
    conf, spec = seen.value, pod.spec
    evidence = seen.cite(
        " ".join([*(f"nameserver {ip}" for ip in conf.nameservers), "search", *conf.search])[:300]
    )
    asker = f"pod {pod.name}"
    policy = spec.dns_policy
    follows = policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.host_network)
    faults: list[Finding] = []
    if over := over_limits(conf):
        faults.append(finding("ResolvConfTooLong", pod, evidence=evidence, over=over, said="", asker=asker))
    if not follows:
        yield from faults
        yield Note(text=f"Its DNS policy ({policy}) gives it another resolver than the cluster's.")
        return
    service = cluster.find(Service, _DNS_NAMESPACE, _DNS_NAME).object
    addresses = [*service.addresses] if service is not None else []
    right = any(ip in addresses or is_node_local(ip) for ip in conf.nameservers)
    if addresses and not right and not _is_a_service(conf, cluster):
        faults.append(
            finding(
                "ResolvConfNameserverWrong",
                pod,
                evidence=evidence,
                nameservers=list(conf.nameservers),
                expected=addresses,
                asker=asker,
            )
        )
    if missing := missing_searches(
        conf.search, pod.namespace, cluster_domain_of(conf.search) or _DEFAULT_DOMAIN
    ):
        faults.append(
            finding(
                "ResolvConfSearchMissing",
                pod,
                evidence=evidence,
                missing=missing,
                search=list(conf.search),
                asker=asker,
            )
        )
    yield from faults
    if not faults and right:
        yield finding("ResolvConfOk", pod, evidence=evidence, asker=asker)


def _is_a_service(conf: ResolvConf, cluster: Cluster) -> bool:
    """Another Service may serve the cluster's DNS (OpenShift's dns-default); what is not known may too."""
    for address in conf.nameservers:
        listed = cluster.look(Service, fields=f"spec.clusterIP={address}")
        if listed or not listed.complete:
            return True
    return False


def _compare(one: Inside, seen: Heard[list[str]], pod: Pod) -> Iterator[Finding]:
    spec = spec_of(pod, one.key[2])
    wanted = [each.name for each in spec.env] if spec is not None else []
    missing = [name for name in wanted if name and name not in seen.value]
    optional = {
        each.name
        for each in (spec.env if spec is not None else ())
        if each.value_from is not None
        and any(
            ref is not None and ref.optional
            for ref in (each.value_from.config_map_key_ref, each.value_from.secret_key_ref)
        )
    }
    if wanted and not missing:
        yield finding(
            "EnvironmentAsDeclared",
            pod,
            container=one.key[2],
            evidence=seen.cite(f"{len(seen.value)} names"),
            names=wanted,
        )
    elif missing:
        yield finding(
            "EnvironmentMissing",
            pod,
            container=one.key[2],
            evidence=seen.cite(f"{len(seen.value)} names, without {', '.join(missing[:5])}"),
            missing=missing,
            optional=[name for name in missing if name in optional],
        )


def _resolver_table(target: Pods, one: Inside, conf: ResolvConf, pod: Pod) -> Table:
    return Table(
        caption=f"How {where(target, one)} resolves names",
        columns=[Column(name=name) for name in ("DNS policy", "nameserver", "search", "ndots")],
        rows=[
            [
                pod.spec.dns_policy,
                ", ".join(conf.nameservers[:9]),
                " ".join(conf.search[:40]),
                str(conf.ndots) if conf.sets_ndots else "not set (1)",
            ]
        ],
    )


def _names_table(target: Pods, one: Inside, names: list[str]) -> Table:
    """Variables of Services, which every pod has by the dozen, come last."""
    rows = sorted(names, key=lambda name: ("_SERVICE_" in name or "_PORT" in name, name))
    return Table(
        caption=f"Names of the environment variables of {where(target, one)}",
        columns=[Column(name="name")],
        rows=[[name] for name in rows[:_NAMES]],
        omitted=max(0, len(rows) - _NAMES),
    )
