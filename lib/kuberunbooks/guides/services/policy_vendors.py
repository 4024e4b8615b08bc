"""Which other policy APIs the cluster serves: their rules apply, too, and nobody here reads them.

Called by `policies`. One request: the list of API groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import NOT_JSON, Evidence


class Vendor(NamedTuple):
    """Whose policies a group holds, and under which names kubectl lists them."""

    name: str
    resources: str


VENDORS = {
    "crd.projectcalico.org": Vendor(
        "Calico", "networkpolicies.crd.projectcalico.org,globalnetworkpolicies.crd.projectcalico.org"
    ),
    "projectcalico.org": Vendor(
        "Calico", "networkpolicies.projectcalico.org,globalnetworkpolicies.projectcalico.org"
    ),
    "cilium.io": Vendor("Cilium", "ciliumnetworkpolicies,ciliumclusterwidenetworkpolicies"),
    "crd.antrea.io": Vendor("Antrea", "networkpolicies.crd.antrea.io,clusternetworkpolicies.crd.antrea.io"),
    "k8s.ovn.org": Vendor("OVN-Kubernetes", "egressfirewalls.k8s.ovn.org"),
    "policy.networking.k8s.io": Vendor("the cluster's administrators", ""),
    "security.istio.io": Vendor("Istio", "authorizationpolicies.security.istio.io"),
    "policy.linkerd.io": Vendor(
        "Linkerd", "authorizationpolicies.policy.linkerd.io,servers.policy.linkerd.io"
    ),
}


class _Group(msgspec.Struct):
    name: str = ""


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


def served_vendors(cluster: Cluster) -> list[str] | None:
    """The groups of `VENDORS` that the cluster serves; None when that could not be read."""
    try:
        body = cluster.raw("apis")
    except ClusterError as error:
        cluster.note_failure(error, "get /apis")
        return None
    try:
        names = {one.name for one in msgspec.json.decode(body, type=_Groups).groups}
    except (msgspec.ValidationError, *NOT_JSON):
        return None
    return [one for one in VENDORS if one in names]


def report_vendors(groups: list[str], subject: Subject) -> Iterator[Finding]:
    """One finding per group."""
    for group in groups:
        yield finding(
            "NetworkPolicyVendorPresent",
            subject,
            evidence=Evidence("apis", "groups[].name", group),
            group=(group,),
            api_group=group,
            vendor=VENDORS[group].name,
            resources=VENDORS[group].resources,
        )
