"""SV-12: kube-proxy, or what stands in for it, on the nodes of the client and the endpoints.

Says also in which mode it works (SV-13 reads the rules of that mode). What its log says
is told by `proxy_log`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Subject, Table, finding
from kuberunbooks.objects import Evidence

from ..step import NotChecked, Yielded, step
from .node_answers import NodeAnswers, node_answers
from .proxy_found import PLACE, ProxyFound, explained, find_proxy
from .proxy_log import log_findings
from .proxy_nodes import NodeProxy, nodes_that_matter, proxies
from .target import Services
from .transcripts import answers, cite

_NODES_NAMED = 20
_IPVS_DEPRECATED = 35
"""Mode ipvs is deprecated since Kubernetes 1.35 (KEP-5495)."""
_VERSION = re.compile(r"^v?1\.(?P<minor>\d+)")
_HOW_TO_ASK = (
    "On a node, curl -sS http://127.0.0.1:10256/healthz and curl -sS http://127.0.0.1:10249/proxyMode tell; "
    "give their output with the parameter transcripts"
)


@step("SV-12", title="Does kube-proxy run?")
def kube_proxy(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Does kube-proxy, or what replaces it, run on the nodes that matter?"""
    if not target.proxied:
        yield NotChecked("No Service in question has an address of its own, so kube-proxy has no part in it.")
        return
    found, said = find_proxy(target, cluster), node_answers(target, cluster)
    if found.replacement:
        yield finding(
            "KubeProxyReplaced",
            target.subject,
            evidence=found.because or (),
            replacement=found.replacement,
        )
        return
    yield from _mode(target, found, cluster)
    names = nodes_that_matter(target)
    if found.daemon_set is not None and found.daemon_set.desired:
        seen = proxies(found.daemon_set, names, cluster)
        yield from _by_pods(target, seen)
        if not seen and not said.healths:
            yield NotChecked(
                "No pod of kube-proxy on a node of the client or of an endpoint could be judged."
            )
        yield from log_findings(target, cluster, [one for one in seen if one.pod is not None], said)
    else:
        seen = []
        yield from log_findings(target, cluster, [], said)
        yield from _undetected(target, found, said, cluster)
    yield from _by_health(target, said, seen)


def _mode(target: Services, found: ProxyFound, cluster: Cluster) -> Iterator[Finding]:
    if not found.mode or found.mode_by is None:
        return
    yield finding(
        "KubeProxyModeFound",
        target.subject,
        evidence=found.mode_by,
        mode=found.mode,
        is_default=found.is_default,
    )
    version = cluster.origin.server_version
    match = _VERSION.match(version)
    if found.mode == "ipvs" and match is not None and int(match["minor"]) >= _IPVS_DEPRECATED:
        # Not about the Service: whatever is wrong with that, this does not explain it.
        kind = "DaemonSet" if found.daemon_set is not None else "Process"
        about = Subject(kind=kind, namespace=PLACE, name="kube-proxy")
        yield finding("KubeProxyIpvsDeprecated", about, evidence=found.mode_by, version=version)


def _by_pods(target: Services, seen: list[NodeProxy]) -> Iterator[Finding | Table]:
    if not seen:
        return
    lacking = [one for one in seen if not one.is_well]
    yield Table(
        caption="kube-proxy on the nodes of the client and the endpoints",
        columns=[Column(name="Node"), Column(name="Pod"), Column(name="Status")],
        rows=[
            [one.node, one.pod.name if one.pod else "none", one.pod.status_text if one.pod else "no pod"]
            for one in [*lacking, *(one for one in seen if one.is_well)][:_NODES_NAMED]
        ],
        omitted=max(0, len(seen) - _NODES_NAMED),
    )
    if lacking:
        yield _missing(target, lacking)
    elif all(one.is_well for one in seen):
        first = seen[0].pod
        evidence = first.cite("status.conditions[type=Ready].status", "True") if first is not None else ()
        yield finding(
            "KubeProxyHealthy",
            target.subject,
            evidence=evidence,
            nodes=[one.node for one in seen][:_NODES_NAMED],
            by="pods",
        )


def _missing(target: Services, lacking: list[NodeProxy]) -> Finding:
    first = lacking[0]
    evidence = (
        first.pod.cite("status.conditions[type=Ready].status", "not True")
        if first.pod is not None
        else Evidence(
            f"api/v1/namespaces/{PLACE}/pods?fieldSelector=spec.nodeName={first.node}", "items", "none"
        )
    )
    client = target.client
    found = finding(
        "KubeProxyMissingOnNode",
        Subject(kind="Node", namespace="", name=first.node),
        evidence=evidence,
        nodes=[one.node for one in lacking][:_NODES_NAMED],
        proxy_pod=first.pod.name if first.pod is not None else "",
        status=f"{first.pod.status_text}, {first.pod.ready_text} ready" if first.pod is not None else "",
        of_client=client is not None and client.spec.node_name == first.node,
        explains=explained(target),
    )
    found.count = len(lacking)
    return found


def _undetected(
    target: Services, found: ProxyFound, said: NodeAnswers, cluster: Cluster
) -> Iterator[Finding | Note | NotChecked]:
    """No DaemonSet: a service of the node perhaps; what nodes answered tells that it lives."""
    if said.modes or said.healths or said.rules or said.syncs:
        return
    if not found.known:
        yield NotChecked(f"What runs in {PLACE} was not read. {_HOW_TO_ASK}.")
        return
    addresses = {address for one in target.proxied for address in one.service.addresses}
    unanswered = any(
        one.host in addresses and one.outcome in ("refused", "dropped") for one in answers(cluster)
    )
    yield finding(
        "KubeProxyNotDetected",
        target.subject,
        severity="warning" if unanswered else None,
        evidence=Evidence(f"apis/apps/v1/namespaces/{PLACE}/daemonsets", "items[name=kube-proxy]", "none"),
        unanswered=unanswered,
    )


def _by_health(target: Services, said: NodeAnswers, seen: list[NodeProxy]) -> Iterator[Finding]:
    """healthz, where no pods told it already."""
    well = [one for one in said.healths if one[1].healthy]
    if well and not seen and not any(health.healthy is False for _, health in said.healths):
        first, health = well[0]
        yield finding(
            "KubeProxyHealthy",
            target.subject,
            evidence=cite(first, health.shown),
            nodes=list(dict.fromkeys(one.target.node or "the node" for one, _ in well))[:_NODES_NAMED],
            by="healthz",
        )
