"""When the target is not there: does its namespace exist, what looks alike, where else does it live?

`resolve` calls it after reading. Every list here is supporting evidence: refused
ones only make the advice shorter.
"""

from __future__ import annotations

import difflib

from kuberunbooks.cluster import Cluster, Query
from kuberunbooks.objects import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    KubernetesObject,
    Namespace,
    Pod,
    ReplicationController,
    StatefulSet,
)

from .target import Pods
from .wanted import PodKind, Wanted

# What people name in a target: a ReplicaSet's name is only its Deployment's with a hash.
_NAMED_KINDS: tuple[PodKind, ...] = (
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
    Job,
    ReplicationController,
    Pod,
)
_MOST_NEAR = 5
_MOST_NAMESPACES = 10
_SIMILARITY = 0.6  # difflib's default: two of three letters in common and in order


def explain_absence(target: Pods, wanted: Wanted, cluster: Cluster) -> None:
    """Fills `namespace_missing`, `near_names` and `other_namespaces` of a target that was not found."""
    if target.pods or target.roots:
        return
    if target.namespace and _is_missing(target.namespace, cluster):
        target.missing = target.namespace_missing = True
        names = [one.name for one in cluster.look(Namespace)]
        target.near_names = _near(target.namespace, names)
    elif target.missing:
        target.near_names = _near_labels(target, wanted, cluster) if wanted.selector else []
        target.near_names += _near_objects(target, wanted, cluster) if wanted.name else []
    if target.missing and target.namespace:
        target.other_namespaces = _elsewhere(target, wanted, cluster)


def _is_missing(namespace: str, cluster: Cluster) -> bool:
    found = cluster.find(Namespace, "", namespace)
    return found.known and found.object is None


def _near_objects(target: Pods, wanted: Wanted, cluster: Cluster) -> list[str]:
    """Objects of any kind with a name like the wanted one, the same name under another kind first."""
    place = target.namespace
    cluster.prefetch(*(Query(kind, place) for kind in _NAMED_KINDS))
    texts: dict[str, list[str]] = {}
    for kind in _NAMED_KINDS:
        for one in cluster.look(kind, place):
            if not _is_made(one):
                texts.setdefault(one.name, []).append(one.kind_name)
    names = [wanted.name] if wanted.name in texts else []
    names += [name for name in _near(wanted.name, list(texts)) if name not in names]
    return [text for name in names for text in texts[name]][:_MOST_NEAR]


def _is_made(one: KubernetesObject) -> bool:
    """A workload's pods are found through it; the pods of a StatefulSet have names people type."""
    owner = one.controller
    return owner is not None and owner.kind != "StatefulSet"


def _near_labels(target: Pods, wanted: Wanted, cluster: Cluster) -> list[str]:
    """Label pairs that pods here do carry and that look like those of the selector."""
    pairs = {
        f"{key}={value}"
        for pod in cluster.look(Pod, target.namespace)
        for key, value in pod.metadata.labels.items()
    }
    near: list[str] = []
    for part in wanted.selector.replace("==", "=").split(","):
        near += [pair for pair in _near(part.strip(), sorted(pairs)) if pair not in near]
    return near[:_MOST_NEAR]


def _elsewhere(target: Pods, wanted: Wanted, cluster: Cluster) -> list[str]:
    """The other namespaces in which something of this name, or of these labels, lives."""
    if wanted.selector:
        queries = [Query(Pod, "", wanted.selector)]
    elif wanted.kind is not None:
        queries = [Query(wanted.kind, "", "", f"metadata.name={wanted.name}")]
    elif wanted.name:
        queries = [Query(kind, "", "", f"metadata.name={wanted.name}") for kind in (Pod, *_NAMED_KINDS[:3])]
    else:
        return []
    found: set[str] = set()
    for query in queries:
        listed = cluster.look(query.kind, query.namespace, labels=query.labels, fields=query.fields)
        found.update(one.namespace for one in listed)
    return sorted(found - {target.namespace})[:_MOST_NAMESPACES]


def _near(name: str, names: list[str]) -> list[str]:
    """Names that look alike, best first: those that begin with it, then by letters in common."""
    longer = sorted(other for other in names if other != name and name and other.startswith(name))
    close = difflib.get_close_matches(name, names, n=_MOST_NEAR, cutoff=_SIMILARITY)
    return list(dict.fromkeys([*longer[:_MOST_NEAR], *close]))[:_MOST_NEAR]
