"""CL-00: whether the API server answers, what it says of itself, and how long our own login lasts.

Everything else is asked through it: what it cannot do explains what is found later.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.validity import Validity
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Evidence

from ..rules.certificates import state_of
from ..step import NotChecked, Yielded, step
from .answer import THE_CLUSTER, Answer, answer
from .resolve import Nodes


@step(
    "CL-00",
    title="Does the API server answer?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/troubleshoot-kubectl/",
)
def reachability(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Can the API server be reached, and does it call itself alive and ready?"""
    found = answer(cluster)
    if found.is_lost:
        target.unreachable = str(found.error).rstrip(".")
        yield _unreachable(found, cluster)
        return
    target.unreachable = ""
    if found.failing:
        yield from _failing(found)
    elif found.trouble == "unread":
        yield NotChecked(f"What the API server says of itself was not read: {found.error}")
    else:
        passed = Evidence("readyz?verbose", "last line", "readyz check passed")
        yield finding("ApiServerHealthy", THE_CLUSTER, evidence=passed)
    target.prefetch(cluster)
    yield from _own_certificate(cluster)


def _unreachable(found: Answer, cluster: Cluster) -> Finding:
    said = Evidence("readyz?verbose", "error", str(found.error))
    return finding(
        "ApiServerUnreachable",
        THE_CLUSTER,
        # With a wrong login or certificate it is us who cannot look: the cluster may be well.
        severity=None if found.is_down else "warning",
        evidence=said,
        likely=found.is_down,
        trouble=found.trouble,
        said=str(found.error),
        advice=found.error.advice if found.error else "",
        server=cluster.origin.server,
        context=cluster.origin.context,
    )


def _failing(found: Answer) -> Iterator[Finding]:
    storage, others = found.storage, found.others
    if storage:
        yield finding(
            "EtcdUnhealthy",
            THE_CLUSTER,
            evidence=[evidence for _, evidence in storage],
            said="checks",
            checks=[check.name for check, _ in storage],
            example="",
        )
    if others:
        ending = all(check.is_ending for check, _ in others)
        starting = all(check.is_starting or check.is_ending for check, _ in others)
        yield finding(
            "ApiServerNotReady",
            THE_CLUSTER,
            severity="info" if ending else "warning" if starting and not storage else None,
            evidence=[evidence for _, evidence in others],
            checks=[check.name for check, _ in others],
            ending=ending,
            starting=starting and not ending,
            storage=bool(storage),
        )


def _own_certificate(cluster: Cluster) -> Iterator[Finding]:
    origin = cluster.origin
    if origin.certificate_begins is None or origin.certificate_ends is None:
        return
    state = state_of(Validity(origin.certificate_begins, origin.certificate_ends), cluster.now)
    if state == "valid":
        return
    yield finding(
        "ClientCertificateExpiring",
        THE_CLUSTER,
        severity="critical" if state == "ended" else None,
        evidence=Evidence(
            "kubeconfig", "client certificate, notAfter", f"{origin.certificate_ends:%Y-%m-%d %H:%M} UTC"
        ),
        context=origin.context,
        ends=f"{origin.certificate_ends:%Y-%m-%d}",
        ended=state == "ended",
        left=max(0.0, (origin.certificate_ends - cluster.now).total_seconds()),
    )
