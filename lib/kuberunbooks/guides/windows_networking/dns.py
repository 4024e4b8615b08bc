"""WN-09: is a name not found because of how Windows resolves, or because of the cluster's DNS?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod

from ..rules.windows_probes import Lookup, lookups
from ..step import NotChecked, Yielded, step
from .borrowed import no_pods
from .heard import in_pods
from .target import WindowsNetworking

_SHOWN = 3


@step(
    "WN-09",
    title="Does Windows resolve these names at all?",
    upstream="https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#dns-windows",
)
def dns(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Do pods rely on DNS settings or short names that Windows does not know?"""
    for pod in target.windows.pods:
        if pod.is_terminal:
            continue
        if pod.spec.dns_policy == "ClusterFirstWithHostNet":
            cited = pod.cite("spec.dnsPolicy")
            yield finding(
                "WindowsDnsLimit", pod, evidence=cited, why="policy", group=("policy",), name="", full=""
            )
        if pod.spec.dns_config is not None and pod.spec.dns_config.searches:
            cited = pod.cite("spec.dnsConfig.searches")
            yield finding(
                "WindowsDnsLimit", pod, evidence=cited, why="searches", group=("searches",), name="", full=""
            )
    heard_any = False
    for pod, found in _by_pod(target, cluster):
        heard_any = True
        yield from _judged(pod, found)
    if not heard_any:
        yield NotChecked(
            no_pods(target)
            if not target.windows.pods
            else "No lookup from a Windows pod was given. In PowerShell in the pod: "
            "`Resolve-DnsName kubernetes.default.svc.cluster.local`, and the name that is not found."
        )


def _by_pod(target: WindowsNetworking, cluster: Cluster) -> Iterator[tuple[Pod, list[Lookup]]]:
    for pod in target.windows.pods:
        found = [
            one
            for piece in in_pods(target, cluster)
            if piece.pod == pod.name and piece.namespace in ("", pod.namespace)
            for one in lookups(piece)
        ]
        if found:
            yield pod, found


def _judged(pod: Pod, found: list[Lookup]) -> Iterator[Finding]:
    """A partly qualified name that fails while the full one is found is Windows; a full one is not."""
    resolved = {one.name.rstrip(".").lower() for one in found if one.found}
    told: set[str] = set()
    for one in found:
        name = one.name.rstrip(".").lower()
        if one.found or name in told:
            continue
        told.add(name)
        full = next((other for other in resolved if other.startswith(f"{name}.")), "")
        if full and "." in name:
            yield finding(
                "WindowsDnsLimit",
                pod,
                evidence=one.piece.cite(one.line),
                why="suffix",
                group=("suffix", name),
                name=name,
                full=full,
            )
        elif ".svc." in name or not one.answered:
            yield finding(
                "WindowsDnsFails",
                pod,
                severity="info" if one.answered else None,
                evidence=one.piece.cite(one.line),
                group=(name,),
                name=name,
                answered=one.answered,
                resolved=sorted(resolved)[:_SHOWN],
            )
