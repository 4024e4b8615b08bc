"""Ordinals that have no pod although they should: part of the first step.

Nothing in the API says since when a pod is missing, so it is concluded: it cannot have
been missing for longer than since the newest thing that would have changed that.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Event, Evidence, Pod, StatefulSet

from ..rules.managed_fields import newest_write
from ..rules.thresholds import ORDINAL_ABSENT
from .members import Members, key_of


def absent_ordinals(one: Members, cluster: Cluster) -> Iterator[Finding]:
    """StatefulSetOrdinalMissing: an ordinal without a pod for longer than a minute.

    In order the controller makes a pod only when all before it are ready: then only the
    first missing one is missing, and not while a pod before it is not ready.
    """
    root, absent = one.root, one.absent
    if not absent or not one.is_noticed or root.status.replicas >= root.desired:
        return
    first = absent[0]
    before = [pod for number, pod in one.by_ordinal.items() if number < first and number in root.ordinals]
    if root.is_ordered and any(not pod.is_ready or pod.metadata.deletion_timestamp for pod in before):
        return
    since = _absent_since(one, absent, before, cluster)
    if since is None or (cluster.now - since).total_seconds() <= ORDINAL_ABSENT:
        return
    told = _refusal(root, cluster)
    holder = one.foreign.get(first)
    evidence = [
        root.cite("spec.replicas"),
        root.cite("status.replicas", root.status.replicas),
        Evidence(Pod.api.path(root.namespace), f"metadata.name={key_of(root, first)[2]}", "absent"),
    ]
    if holder is not None:
        evidence[-1] = holder.cite("metadata.ownerReferences")
    if told is not None:
        evidence.append(told.cite("message"))
    yield finding(
        "StatefulSetOrdinalMissing",
        root,
        evidence=evidence,
        since=since,
        ordinal=first,
        pod_name=key_of(root, first)[2],
        others=[key_of(root, number)[2] for number in absent[1:]],
        ordered=root.is_ordered,
        desired=root.desired,
        held=holder is not None,
        told=told.text if told is not None else "",
    )


def _absent_since(one: Members, absent: list[int], before: list[Pod], cluster: Cluster) -> datetime | None:
    """The latest moment at which the pod can still have been there, or was not yet due."""
    root = one.root
    times = [root.metadata.creation_timestamp, _written(root, cluster)]
    times += [
        event.last_seen for number in absent[:1] for event in cluster.events_about(*key_of(root, number))
    ]
    if root.is_ordered:
        ready = [pod.condition("Ready") for pod in before]
        times += [condition.last_transition_time for condition in ready if condition is not None]
    return max((time for time in times if time is not None), default=None)


def _written(root: StatefulSet, cluster: Cluster) -> datetime | None:
    """When anybody last wrote its specification: it may have been scaled up just now."""
    try:
        held = cluster.read_raw_object(StatefulSet, root.namespace, root.name)
    except ClusterError as error:
        cluster.note_failure(error, "get statefulsets.apps", root.namespace)
        return cluster.now
    metadata = held.get("metadata")
    return newest_write(metadata.get("managedFields") if isinstance(metadata, dict) else None)


def _refusal(root: StatefulSet, cluster: Cluster) -> Event | None:
    """What the controller last said of a pod it could not make."""
    return next((one for one in reversed(cluster.events(root)) if one.reason == "FailedCreate"), None)
