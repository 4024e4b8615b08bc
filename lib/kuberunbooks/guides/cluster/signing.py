"""Kubelets that wait for a certificate nobody signs, or were refused one.

Called by the step about certificates. The controller manager signs what kubelets need to
join and stay; what they need to be asked by the API server has to be approved by somebody,
and on many clusters nobody does: those requests are told, and are no alarm.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import CertificateSigningRequest

from ..rules.thresholds import SIGNING_PENDING

_CLIENT = "kubernetes.io/kube-apiserver-client-kubelet"
_SERVING = "kubernetes.io/kubelet-serving"
_NAMED = 5


def unsigned_findings(cluster: Cluster) -> Iterator[Finding]:
    """One finding for each kind of certificate kubelets wait for. Without the right to look, none."""
    try:
        requests = cluster.read(CertificateSigningRequest)
    except ClusterError:
        return
    for signer in (_CLIENT, _SERVING):
        alike = [one for one in requests if one.spec.signer_name == signer]
        open_ = [one for one in alike if _is_open(one, alike, cluster)]
        if open_:
            yield _unsigned(open_, signer == _CLIENT, cluster)


def _is_open(
    one: CertificateSigningRequest, alike: list[CertificateSigningRequest], cluster: Cluster
) -> bool:
    """Undecided for too long, refused, or failed; and nobody has given the same kubelet one since."""
    if one.is_condition_true("Approved") and not one.is_condition_true("Failed"):
        return False
    age = one.age(cluster.now)
    if not one.status.conditions and age < SIGNING_PENDING:
        return False
    return not any(
        other.is_condition_true("Approved")
        and other.spec.username == one.spec.username
        and other.age(cluster.now) < age
        for other in alike
    )


def _unsigned(open_: list[CertificateSigningRequest], client: bool, cluster: Cluster) -> Finding:
    first = max(open_, key=lambda one: one.age(cluster.now))
    refused = [one for one in open_ if one.status.conditions]
    found = finding(
        "KubeletCertificateUnsigned",
        first,
        severity=None if client else "info",
        evidence=[
            first.cite("spec.signerName"),
            first.cite("spec.username"),
            first.cite("status.conditions", [one.type for one in first.status.conditions] or "none"),
        ],
        since=first.metadata.creation_timestamp,
        client=client,
        users=sorted({one.spec.username for one in open_})[:_NAMED],
        refused=len(refused),
        requests=len(open_),
        age=first.age(cluster.now),
        request=first.name,
    )
    found.count = len(open_)
    return found
