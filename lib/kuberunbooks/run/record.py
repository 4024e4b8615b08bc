"""Taking a case without running a guide: `runbook record`.

For the moment when there is time to save what is there, and none to look at it:
a namespace's objects and events, what they depend on cluster-wide, and the logs
of containers that are not well. `runbook run --case` reads it later.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Coverage
from kuberunbooks.cluster.cluster import Query
from kuberunbooks.errors import BadSettings
from kuberunbooks.objects import (
    ControllerRevision,
    CronJob,
    DaemonSet,
    Deployment,
    EndpointSlice,
    Event,
    Job,
    KubernetesObject,
    Lease,
    LimitRange,
    MutatingWebhookConfiguration,
    Node,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PodDisruptionBudget,
    PodMetrics,
    PriorityClass,
    ReplicaSet,
    ReplicationController,
    ResourceQuota,
    Service,
    ServiceAccount,
    StatefulSet,
    StorageClass,
    ValidatingWebhookConfiguration,
    VolumeAttachment,
)
from kuberunbooks.redaction import Redactor

from .output import disk_errors

IN_THE_NAMESPACE: tuple[type[KubernetesObject], ...] = (
    Pod,
    Event,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    ControllerRevision,
    ReplicationController,
    Job,
    CronJob,
    PodMetrics,
    Service,
    EndpointSlice,
    PodDisruptionBudget,
    PersistentVolumeClaim,
    ResourceQuota,
    LimitRange,
    ServiceAccount,
)
CLUSTER_WIDE: tuple[type[KubernetesObject], ...] = (
    Node,
    PersistentVolume,
    StorageClass,
    VolumeAttachment,
    PriorityClass,
    ValidatingWebhookConfiguration,
    MutatingWebhookConfiguration,
)
NODE_LEASES = "kube-node-lease"
"""The namespace in which every kubelet renews a lease."""
MOST_LOGS = 200
"""Logs taken at most, so that recording a whole cluster ends."""


class Recording(NamedTuple):
    """What was taken: how many pods and logs, and what could not be."""

    path: Path
    pods: int
    logs: int
    coverage: Coverage


def record(context: str, namespace: str, out: Path) -> Recording:
    """Writes the case of a namespace (empty: of all) to `out`, a .zip, whole or not at all.

    Raises SettingsError, ClusterError when the server cannot be read at all, DiskFull.
    """
    from kuberunbooks.cluster.live import LiveSource
    from kuberunbooks.cluster.recorder import RecordingSource
    from kuberunbooks.cluster.rights import survey

    if out.suffix != ".zip":
        raise BadSettings(f"{out} is no name for a case.", advice="Give a name that ends in .zip.")
    live = LiveSource(context)
    source = RecordingSource(live)
    source.scope = {"namespace": namespace or "-"}
    kinds: tuple[type[KubernetesObject], ...] = (*IN_THE_NAMESPACE, *CLUSTER_WIDE, Lease)
    rights = [("list", kind.api.group, kind.api.plural) for kind in kinds]
    survey(live, source, [*rights, ("get", "", "pods/log")], namespace, one_by_one=False)
    cluster = Cluster(source)
    try:
        pods = _objects(cluster, namespace)
        logs = _logs(cluster, pods)
        with disk_errors(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            source.write(out, Redactor())
    finally:
        cluster.close()
    return Recording(out, len(pods), logs, cluster.coverage)


def _objects(cluster: Cluster, namespace: str) -> list[Pod]:
    queries = [Query(kind, namespace) for kind in IN_THE_NAMESPACE]
    queries += [*(Query(kind) for kind in CLUSTER_WIDE), Query(Lease, NODE_LEASES)]
    cluster.prefetch(*queries)
    pods = list(cluster.read(Pod, namespace))
    for query in queries:
        cluster.look(query.kind, query.namespace)
    if any(not pod.is_scheduled for pod in pods):
        # What a node has left depends on the pods of all namespaces.
        cluster.look(Pod)
    return pods


def _logs(cluster: Cluster, pods: list[Pod]) -> int:
    wanted = [(pod, name, previous) for pod in pods for name, previous in _unwell(pod)]
    for pod, name, previous in wanted[:MOST_LOGS]:
        cluster.log(pod, name, previous=previous)
    if len(wanted) > MOST_LOGS:
        cluster.coverage.truncate(f"the logs: {MOST_LOGS} of {len(wanted)} were taken")
    return min(len(wanted), MOST_LOGS)


def _unwell(pod: Pod) -> Iterator[tuple[str, bool]]:
    """The containers whose logs may explain something: name, and whether the previous log is wanted."""
    for container in pod.containers():
        restarted = container.status.restart_count > 0
        succeeded = pod.phase == "Succeeded" or (container.role == "init" and container.status.ready)
        if restarted or not (container.status.ready or succeeded):
            yield container.name, False
        if restarted and container.status.state.running is not None:
            yield container.name, True
