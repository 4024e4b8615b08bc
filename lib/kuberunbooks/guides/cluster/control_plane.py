"""CL-10: whether the parts of the control plane behind the API server do their work."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Mark, Note, finding
from kuberunbooks.objects import Evidence

from ..step import NotChecked, Yielded, step
from .answer import THE_CLUSTER
from .component_logs import log_findings
from .components import component_findings, component_pods, components_table
from .leaders import CODES, SYSTEM, down_findings, healthy_evidence, leaders_table, led, system_leases
from .lost import lost_nodes
from .resolve import Nodes


@step("CL-10", title="Does the control plane work?")
def control_plane(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """Do scheduler and controller manager have a leader, are their pods well, and what do they log?"""
    leases, pods = system_leases(cluster), component_pods(cluster)
    if not leases.complete and not pods.complete:
        yield NotChecked(f"What runs in {SYSTEM} was not read: {leases.why or pods.why}.")
        return
    leads = led(cluster)
    if leads:
        yield leaders_table(leads, target.words)
    elif leases.complete:
        yield Note(
            text=f"There is no Lease of a scheduler or controller manager in {SYSTEM}, so whether they work "
            "shows only in what they do. Some managed services and single-node installations have none."
        )
    else:
        yield Note(text=f"The Leases of {SYSTEM} were not read: {leases.why}.")
    lost = lost_nodes(target, cluster)
    down = {one.component for one in leads if one.down}
    bad = [*down_findings(leads, lost), *component_findings(pods, lost, down, cluster.now)]
    yield from bad
    for one in leads:
        renewed = one.leader.lease.spec.renew_time
        if one.down and renewed is not None:
            yield Mark(lane=one.component, at=renewed, kind="event", text="last renewed its Lease")
    if pods:
        yield components_table(pods, cluster.now)
        yield from log_findings(pods, cluster)
    elif pods.complete:
        nobody = Evidence(f"api/v1/namespaces/{SYSTEM}/pods", "items[component]", "none")
        yield finding("ControlPlaneInvisible", THE_CLUSTER, evidence=nobody, leaders=bool(leads))
    if not bad and all(one.leader.state == "leads" for one in leads):
        yield from _well(len(leads), bool(pods), healthy_evidence(leads))


def _well(leaders: int, pods: bool, evidence: list[Evidence]) -> Iterator[Finding]:
    """Only where all there is to look at was seen working."""
    if leaders == len(CODES):
        yield finding("ControlPlaneHealthy", THE_CLUSTER, evidence=evidence, pods=pods)
