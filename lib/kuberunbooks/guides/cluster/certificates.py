"""CL-17: certificates near their end, where the API holds them, and kubelets that wait for one.

Only public certificates are looked at: the cluster's authorities (ConfigMaps of kube-system)
and those by which the API server trusts webhooks and aggregated APIs. What lies in files on
the control-plane nodes shows only there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.validity import Validity, validities
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Column, Finding, Severity, Subject, Table, finding
from kuberunbooks.objects import APIService, ConfigMap, Evidence

from ..rules.certificates import last_of, of_bundle, state_of
from ..rules.webhooks import configurations
from ..step import NotChecked, Yielded, step
from .leaders import SYSTEM
from .resolve import Nodes
from .signing import unsigned_findings

_ROWS = 30
_AUTHORITIES = {
    "extension-apiserver-authentication": ("client-ca-file", "requestheader-client-ca-file"),
    "kube-root-ca.crt": ("ca.crt",),
}
"""ConfigMaps of kube-system that hold the cluster's authorities, by key; without the right to read, none."""
_TRUSTED_FOR = {
    "client-ca-file": "clients, kubelets among them",
    "requestheader-client-ca-file": "aggregated APIs",
    "ca.crt": "the API server itself",
}


class Trusted(NamedTuple):
    """A bundle: whose it is, what is trusted by it, and how bad its end is (None: as the catalogue says)."""

    subject: Subject
    evidence: Evidence
    purpose: str
    last: Validity
    at_the_end: Severity


@step(
    "CL-17",
    title="Does a certificate end soon?",
    upstream="https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/",
)
def certificates(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Has a certificate ended that the API knows of, or will one soon, and does a kubelet wait for one?"""
    if target.node:
        yield NotChecked("One node was asked for; these certificates are about the whole cluster.")
        return
    bundles = sorted([*_authorities(cluster), *_of_webhooks(cluster), *_of_apis(cluster)], key=_end)
    if bundles:
        yield _table(bundles, cluster)
    else:
        yield NotChecked("No certificate could be read: none is in the objects that may be read here.")
    for one in bundles:
        state = state_of(one.last, cluster.now)
        if state != "valid":
            yield _ending(one, state == "ended", cluster)
    yield from unsigned_findings(cluster)


def _end(one: Trusted) -> float:
    return one.last.ends.timestamp()


def _authorities(cluster: Cluster) -> Iterator[Trusted]:
    for name, keys in _AUTHORITIES.items():
        try:
            data = cluster.read_raw_object(ConfigMap, SYSTEM, name).get("data")
        except ClusterError:
            continue
        for key in keys:
            text = data.get(key) if isinstance(data, dict) else None
            last = last_of(validities(text)) if isinstance(text, str) else None
            if last is not None:
                evidence = Evidence(
                    f"{ConfigMap.api.path(SYSTEM)}#{name}", f"data['{key}'], notAfter", _day(last)
                )
                subject = Subject(kind="ConfigMap", namespace=SYSTEM, name=name)
                yield Trusted(subject, evidence, _TRUSTED_FOR[key], last, "critical")


def _of_webhooks(cluster: Cluster) -> Iterator[Trusted]:
    for one in configurations(cluster):
        for index, webhook in enumerate(one.webhooks):
            last = last_of(of_bundle(webhook.client_config.ca_bundle))
            if last is not None:
                closed = webhook.failure_policy == "Fail"
                evidence = one.cite(f"webhooks[{index}].clientConfig.caBundle, notAfter", _day(last))
                subject = Subject(kind=one.kind, namespace="", name=one.name)
                purpose = f"webhook {webhook.name}"
                yield Trusted(subject, evidence, purpose, last, "critical" if closed else "warning")


def _of_apis(cluster: Cluster) -> Iterator[Trusted]:
    for one in cluster.look(APIService):
        last = last_of(of_bundle(one.spec.ca_bundle))
        if last is not None:
            evidence = one.cite("spec.caBundle, notAfter", _day(last))
            subject = Subject(kind=one.kind, namespace="", name=one.name)
            yield Trusted(subject, evidence, f"API {one.name}", last, "warning")


def _day(one: Validity) -> str:
    return f"{one.ends:%Y-%m-%d %H:%M} UTC"


def _ending(one: Trusted, ended: bool, cluster: Cluster) -> Finding:
    return finding(
        "CertificateExpiring",
        one.subject,
        severity=one.at_the_end if ended else None,
        evidence=one.evidence,
        since=one.last.ends if ended else None,
        purpose=one.purpose,
        ends=f"{one.last.ends:%Y-%m-%d}",
        ended=ended,
        left=abs((one.last.ends - cluster.now).total_seconds()),
        authority=one.subject.kind == "ConfigMap",
        group=(one.purpose,),
    )


def _table(bundles: list[Trusted], cluster: Cluster) -> Table:
    return Table(
        caption="Certificates the API holds, the first to end at the top; of a bundle the one that ends last",
        columns=[Column(name=name) for name in ("TRUSTED FOR", "WHERE", "ENDS", "STATE")],
        rows=[
            [
                one.purpose,
                one.subject.text,
                f"{one.last.ends:%Y-%m-%d}",
                state_of(one.last, cluster.now),
            ]
            for one in bundles[:_ROWS]
        ],
        omitted=max(0, len(bundles) - _ROWS),
    )
