"""Finds what the person asked for: reads the pods and workloads that the target names.

One pod costs a handful of requests whatever the cluster's size (the pod, its
ReplicaSet, its Deployment); a workload its pods by server-side selector; a
namespace one list per kind, side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from kuberunbooks.cluster import Cluster, Listing, Query
from kuberunbooks.errors import ClusterError, NotCollected, NotFound
from kuberunbooks.findings import Words
from kuberunbooks.objects import (
    CronJob,
    DaemonSet,
    Deployment,
    Event,
    Job,
    KubernetesObject,
    Pod,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
)

from ..registry import Request
from .absence import explain_absence
from .target import Controller, Key, Pods
from .wanted import Wanted, parse_target

WORKLOAD_KINDS: tuple[type[Controller], ...] = (
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    ReplicationController,
)
_BY_NAME: dict[str, type[Controller]] = {kind.api.kind: kind for kind in WORKLOAD_KINDS}

# A `job-name in (…)` selector longer than this makes a URL proxies refuse.
_MOST_JOBS_IN_SELECTOR = 50


def resolve(cluster: Cluster, request: Request) -> Pods:
    """Finds the target; one that does not exist comes back with `missing` set.

    Raises BadParameter for a target this guide does not handle, ClusterError
    when the server does not let us look.
    """
    wanted = parse_target(request.target)
    target = Pods(
        wanted.text,
        request.namespace,
        kind=wanted.kind.api.kind if wanted.kind else "",
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
    )
    population: list[Pod] | None = None
    unread: NotCollected | None = None
    try:
        population = _read(target, wanted, cluster)
        read_events(target, cluster)
    except NotFound:
        target.missing = True
        target.controllers.clear()
    except NotCollected as error:
        unread = error
    explain_absence(target, wanted, cluster)
    if unread is not None and not target.namespace_missing:
        raise with_recorded_namespaces(unread, cluster)
    target.index(population)
    if target.single and target.fine:
        target.roots = []  # what its workload lacks elsewhere is not in question when this one pod is well
    return target


def _read(target: Pods, wanted: Wanted, cluster: Cluster) -> list[Pod] | None:
    """Fills pods, controllers and roots; gives all pods read when the target is only some of them."""
    if wanted.kind is Pod:
        _one_pod(target, wanted.name, cluster)
        return None
    if wanted.kind is not None:
        _workload(target, wanted.kind, wanted.name, cluster)  # type: ignore[arg-type]
        return None
    if wanted.name:
        return _by_name(target, wanted.name, cluster)
    _many(target, wanted.selector, cluster)
    return None


def _one_pod(target: Pods, name: str, cluster: Cluster) -> None:
    if target.namespace:
        target.pods = [cluster.get(Pod, target.namespace, name)]
    else:
        target.pods = list(cluster.read(Pod, fields=f"metadata.name={name}"))
        if not target.pods:
            raise NotFound(f"There is no pod {name} in any namespace.")
    target.single = len(target.pods) == 1
    for pod in target.pods:
        if not (target.single and _is_overdue(pod, cluster)):
            climb(target, pod, cluster)
    target.roots = _tops(target)


def _is_overdue(pod: Pod, cluster: Cluster) -> bool:
    """Its deletion is late: the webhooks are then read instead of its workload, within twelve requests."""
    due = pod.metadata.deletion_timestamp
    return due is not None and cluster.now > due


def climb(target: Pods, thing: KubernetesObject, cluster: Cluster) -> None:
    """Reads what is above an object, one GET a level."""
    owner = thing.controller
    kind = _BY_NAME.get(owner.kind) if owner else None
    if owner is None or kind is None:
        return
    above = cluster.find(kind, thing.namespace, owner.name).object
    if above is not None and above.key not in target.controllers:
        target.controllers[above.key] = above
        climb(target, above, cluster)


def _workload(target: Pods, kind: type[Controller], name: str, cluster: Cluster) -> None:
    if target.namespace:
        target.roots = [cluster.get(kind, target.namespace, name)]
    else:
        target.roots = list(cluster.read(kind, fields=f"metadata.name={name}"))
        if not target.roots:
            raise NotFound(f"There is no {kind.api.kind} {name} in any namespace.")
    for root in target.roots:
        target.controllers[root.key] = root
        climb(target, root, cluster)
        below = _below(root, cluster)
        ours = {maker.key for maker in (root, *below)}
        target.pods += [
            pod
            for pod in _pods_of(root, below, cluster)
            if pod.controller_key in ours or (not below.complete and _is_made_below(pod, root))
        ]
        for maker in _kept(target, below, target.pods):
            target.controllers[maker.key] = maker


def _below(root: Controller, cluster: Cluster) -> Listing[Controller]:
    """The ReplicaSets of a Deployment, the Jobs of a CronJob."""
    found: Listing[Any] = Listing()
    if isinstance(root, Deployment):
        found = cluster.look(ReplicaSet, root.namespace, labels=root.selector.text())
    elif isinstance(root, CronJob):
        found = cluster.look(Job, root.namespace)
    return Listing((one for one in found if _is_owned(one, root)), complete=found.complete, why=found.why)


def _is_made_below(pod: Pod, root: Controller) -> bool:
    """By its owner's name, when ReplicaSets or Jobs could not be read: they are named after their maker."""
    owner = pod.controller
    between = {"Deployment": "ReplicaSet", "CronJob": "Job"}.get(root.kind)
    return owner is not None and owner.kind == between and owner.name.rpartition("-")[0] == root.name


def _pods_of(root: Controller, below: Listing[Controller], cluster: Cluster) -> list[Pod]:
    if not isinstance(root, CronJob):
        return cluster.read(Pod, root.namespace, labels=root.selector.text())
    if not below and below.complete:
        return []
    names = ",".join(sorted(job.name for job in below))
    by_name = below.complete and len(below) <= _MOST_JOBS_IN_SELECTOR
    return cluster.read(Pod, root.namespace, labels=f"job-name in ({names})" if by_name else "job-name")


def _by_name(target: Pods, name: str, cluster: Cluster) -> list[Pod] | None:
    """The pod of exactly this name, else everything whose name begins so."""
    try:
        _one_pod(target, name, cluster)
        return None
    except NotFound:
        pass
    _many(target, "", cluster)
    population = target.pods
    target.pods = [pod for pod in population if pod.name.startswith(name)]
    touched = {top.key for pod in target.pods if (top := target.top_of(pod)) is not None}
    target.roots = [root for root in target.roots if root.name.startswith(name) or root.key in touched]
    if not target.pods and not target.roots:
        raise NotFound(
            f"Nothing in {target.namespace or 'any namespace'} has a name that begins with {name}."
        )
    return population


def _many(target: Pods, selector: str, cluster: Cluster) -> None:
    """All pods of the namespace (or of all), or those of a selector, with all workloads."""
    place = target.namespace
    queries = [Query(Pod, place, selector)]
    queries += [Query(kind, place) for kind in WORKLOAD_KINDS]
    cluster.prefetch(*queries, Query(Event, place))
    target.pods = list(cluster.read(Pod, place, labels=selector))
    workloads: list[Controller] = []
    for kind in WORKLOAD_KINDS:
        listed = cluster.look(kind, place)
        workloads += listed
        if not listed.complete and kind.api.resource not in target.unread:
            target.unread.append(kind.api.resource)
    for one in _kept(target, workloads, target.pods):
        target.controllers[one.key] = one
    if selector:
        target.roots = _tops(target)
        if not target.pods:
            raise NotFound(f"No pod in {place or 'any namespace'} has the labels {selector}.")
    else:
        target.roots = [one for one in target.controllers.values() if target.top_of(one) is one]


def _kept(target: Pods, workloads: Iterable[Controller], pods: list[Pod]) -> list[Controller]:
    """All workloads, but of the ReplicaSets kept for a rollback only those with pods and the newest."""
    makers = {pod.controller_key for pod in pods}
    kept: list[Controller] = []
    rollouts: dict[Key, list[ReplicaSet]] = {}
    for one in workloads:
        above = one.controller_key
        if isinstance(one, ReplicaSet) and above is not None:
            rollouts.setdefault(above, []).append(one)
        else:
            kept.append(one)
    for above, sets in rollouts.items():
        sets.sort(key=rollout_order)
        target.history[above] = sets
        kept += [one for one in sets if one.key in makers or one is sets[-1]]
    return kept


def rollout_order(one: ReplicaSet) -> tuple[int, float]:
    """Sort key of a Deployment's ReplicaSets, newest last: revision, then creation."""
    created = one.metadata.creation_timestamp
    return (one.revision, created.timestamp() if created else 0.0)


def read_events(target: Pods, cluster: Cluster) -> None:
    """The events of one pod, or of the whole place at once, and which pods recent warnings are about."""
    events: Sequence[Event] = ()
    if target.single:
        events = cluster.events(target.pods[0])
    else:
        try:
            # One workload costs the same number of requests however much happens around it.
            events = cluster.read_events(target.namespace, whole=bool(target.kind))
        except ClusterError as error:
            cluster.note_failure(error, "list events", target.namespace)
    horizon = cluster.now - timedelta(seconds=target.since)
    target.warned = frozenset(
        (event.involved_object.namespace, event.involved_object.name)
        for event in events
        if event.type == "Warning"
        and event.involved_object.kind == "Pod"
        and (seen := event.last_seen) is not None
        and seen >= horizon
    )


def with_recorded_namespaces(error: NotCollected, cluster: Cluster) -> NotCollected:
    """The error, with advice that names the namespaces the case does hold pods of."""
    recorded = sorted({pod.namespace for pod in cluster.look(Pod)})
    if recorded:
        error.advice = f"Set the parameter namespace; the case holds pods of {', '.join(recorded)}."
    return error


def _tops(target: Pods) -> list[Controller]:
    """The top workloads above the target's pods, each once."""
    tops: dict[Key, Controller] = {}
    for pod in target.pods:
        top = target.top_of(pod)
        if top is not None:
            tops.setdefault(top.key, top)
    return list(tops.values())


def _is_owned(one: Controller, root: Controller) -> bool:
    owner = one.controller
    return owner is not None and owner.kind == root.kind and owner.name == root.name
