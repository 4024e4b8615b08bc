"""CL-13: what would have made the failure smaller, and what here has only one of something.

How a cluster was built is a decision and no fault: everything here is a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Deployment, KubernetesObject, Pod, Service, StatefulSet

from ..rules.label_index import LabelIndex
from ..rules.thresholds import CLOCK_SKEW, DEBUGGING, IDENTITY_LEASE
from ..step import NotChecked, Yielded, step
from .answer import THE_CLUSTER
from .components import component_of, component_pods
from .failure_modes import modes
from .leaders import system_leases
from .resolve import Nodes

_IDENTITY = ("apiserver.kubernetes.io/identity", "kube-apiserver")
_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
_NAMED = 10
_CITED = 3
_OF_THE_CLUSTER = ("kube-system", "kube-public", "kube-node-lease")


@step(
    "CL-13",
    title="What would make it less fragile?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/#mitigations",
)
def mitigations(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """What is there only once, and which of the guide's mitigations fits the failure?"""
    found = modes(target, cluster)
    if found:
        codes = list(dict.fromkeys(one.code.removeprefix("FailureMode") for one in found))
        yield finding("MitigationsAdvice", THE_CLUSTER, modes=codes)
        yield _table()
    if target.unreachable:
        return
    if target.node:
        if not found:
            yield NotChecked("One node was asked for; what is there only once is about the whole cluster.")
        return
    yield from _control_plane(cluster)
    yield from _workloads(target, cluster)


def _control_plane(cluster: Cluster) -> Iterator[Finding]:
    key, value = _IDENTITY
    servers = [
        lease
        for lease in system_leases(cluster)
        if lease.metadata.labels.get(key) == value
        and lease.spec.renew_time is not None
        and (cluster.now - lease.spec.renew_time).total_seconds() <= IDENTITY_LEASE + CLOCK_SKEW
    ]
    nodes = [node for node in cluster.nodes() if any(role in node.metadata.labels for role in _CONTROL_PLANE)]
    if len(servers) == 1 or (not servers and len(nodes) == 1):
        evidence = servers[0].cite("spec.renewTime") if servers else nodes[0].cite("metadata.labels")
        name = servers[0].name if servers else nodes[0].name
        yield finding("SingleControlPlane", THE_CLUSTER, evidence=evidence, by_leases=bool(servers), one=name)
    members = [pod for pod in component_pods(cluster) if component_of(pod) == "etcd"]
    if len(members) == 1:
        yield finding(
            "SingleEtcdMember", THE_CLUSTER, evidence=members[0].cite("metadata.name"), member=members[0].name
        )


def _workloads(target: Nodes, cluster: Cluster) -> Iterator[Finding]:
    """Of all namespaces but the cluster's own."""
    makers = [*cluster.look(Deployment, whole=True), *cluster.look(StatefulSet, whole=True)]
    single = [one for one in makers if one.spec.replicas == 1 and _is_ours(one)]
    index = LabelIndex((one.namespace, one.spec.template.metadata.labels, one) for one in single)
    behind: dict[tuple[str, str, str], KubernetesObject] = {}
    for service in cluster.look(Service, whole=True) if single else []:
        for one in index.select(service.namespace, service.spec.selector):
            behind[one.key] = one
    if behind:
        yield _many("SingleReplicaWorkload", list(behind.values()), "spec.replicas")
    bare = [pod for pod in target.pods_on(cluster) if _is_bare(pod, cluster)]
    if bare:
        yield _many("BarePod", bare, "metadata.ownerReferences")


def _is_ours(one: KubernetesObject) -> bool:
    return one.namespace not in _OF_THE_CLUSTER


def _is_bare(pod: Pod, cluster: Cluster) -> bool:
    """Nobody makes it again when it goes; one that was made a moment ago, to try something, may go."""
    if pod.metadata.owner_references or pod.is_terminal or not _is_ours(pod):
        return False
    return pod.age(cluster.now) > DEBUGGING


def _many(code: str, found: Sequence[KubernetesObject], path: str) -> Finding:
    names = sorted(f"{one.namespace}/{one.kind_name}" for one in found)
    evidence = [one.cite(path) for one in list(found)[:_CITED]]
    return finding(code, THE_CLUSTER, evidence=evidence, names=names[:_NAMED], objects=len(names))


def _table() -> Table:
    return Table(
        caption="The guide's mitigations, and which failures each makes smaller",
        columns=[Column(name="MITIGATION"), Column(name="AGAINST")],
        rows=[list(row) for row in _MITIGATIONS],
    )


_MITIGATIONS = (
    ("the provider restarts machines by itself", "API server down, scheduler or controller manager down"),
    ("reliable storage for the API server's machine and etcd", "the API server's storage is lost"),
    (
        "several control-plane nodes, several members of etcd",
        "control-plane node or component down, data lost",
    ),
    ("snapshots of etcd at regular times", "storage lost, some operator errors, some software faults"),
    ("controllers with several replicas behind a Service", "node down, kubelet fault, network partition"),
    ("applications that take a restart well", "node down, kubelet fault"),
)
"""As in the upstream guide."""
