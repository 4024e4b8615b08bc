"""Finds what the person asked for: StatefulSets, and the pods that are theirs.

A pod leads to its whole StatefulSet, because pods there depend on those before them.
One StatefulSet costs a GET and its pods by server-side selector; more of them two
lists, whatever their number.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster, Listing, Query
from kuberunbooks.errors import BadParameter, NotCollected, NotFound
from kuberunbooks.findings import Words
from kuberunbooks.objects import Event, Pod, StatefulSet

from ..pods.absence import explain_absence
from ..pods.resolve import read_events, with_recorded_namespaces
from ..pods.target import Pods
from ..pods.wanted import Wanted, parse_target
from ..registry import Request
from .members import Members, sort_members

_ADVICE = (
    "A target of this runbook is empty (every StatefulSet of the namespace), statefulset/NAME, a name or "
    "name prefix of StatefulSets, pod/NAME (its whole StatefulSet is looked at), or a label selector such "
    "as app=db. For other workloads run the pods runbook."
)


def resolve(cluster: Cluster, request: Request) -> Pods:
    """Finds the target; one that does not exist comes back with `missing` set.

    Raises BadParameter for a target this guide does not handle, ClusterError
    when the server does not let us look.
    """
    wanted = _parse(request.target)
    target = Pods(
        wanted.text,
        request.namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
    )
    unread: NotCollected | None = None
    try:
        found = _read(target, wanted, cluster)
        _fill(target, found)
        if target.roots:
            read_events(target, cluster)
    except NotFound:
        wanted = _missing(target, wanted)
    except NotCollected as error:
        unread = error
    explain_absence(target, wanted, cluster)
    if unread is not None and not target.namespace_missing:
        raise with_recorded_namespaces(unread, cluster)
    target.index()
    return target


def _parse(text: str) -> Wanted:
    try:
        wanted = parse_target(text)
    except BadParameter as error:
        error.advice = _ADVICE
        raise
    if wanted.kind not in (None, Pod, StatefulSet):
        raise BadParameter(f"This runbook looks at StatefulSets, not at {wanted.text}.", advice=_ADVICE)
    return wanted


def _missing(target: Pods, wanted: Wanted) -> Wanted:
    """What is missing is a StatefulSet, also where only a name was given; a pod when one was named."""
    target.missing = True
    if target.kind == "StatefulSet":  # the pod is there, the StatefulSet that owned it is not
        return Wanted(kind=StatefulSet, name=target.wanted.partition("/")[2])
    if wanted.kind is not Pod and wanted.name:
        wanted = Wanted(kind=StatefulSet, name=wanted.name)
    target.kind = wanted.kind.api.kind if wanted.kind else ""
    target.wanted = wanted.text
    return wanted


def _read(target: Pods, wanted: Wanted, cluster: Cluster) -> list[Members]:
    if wanted.kind is StatefulSet and target.namespace:
        return [_one(cluster.get(StatefulSet, target.namespace, wanted.name), target, cluster)]
    if wanted.kind is Pod:
        return _of_pod(target, wanted.name, cluster)
    cluster.prefetch(Query(StatefulSet, target.namespace), Query(Event, target.namespace))
    every = cluster.read(StatefulSet, target.namespace)
    if wanted.selector:
        return _of_selector(target, every, wanted.selector, cluster)
    if not wanted.name:
        target.memo["every set read"] = every.complete
        return _many(every, target, cluster)
    exact = [one for one in every if one.name == wanted.name]
    if not exact and wanted.kind is None:
        try:
            return _of_pod(target, wanted.name, cluster)
        except NotFound:
            exact = [one for one in every if one.name.startswith(wanted.name)]
    if not exact:
        raise NotFound(f"There is no StatefulSet {wanted.name} in {target.namespace or 'any namespace'}.")
    return [_one(exact[0], target, cluster)] if len(exact) == 1 else _many(exact, target, cluster)


def _one(root: StatefulSet, target: Pods, cluster: Cluster) -> Members:
    target.kind, target.wanted = "StatefulSet", root.kind_name
    pods = cluster.read(Pod, root.namespace, labels=root.selector.text())
    return sort_members(root, pods, complete=pods.complete)


def _many(roots: list[StatefulSet], target: Pods, cluster: Cluster) -> list[Members]:
    """Of several, from one list of pods."""
    pods: Listing[Pod] = cluster.read(Pod, target.namespace) if roots else Listing()
    by_place: dict[str, list[Pod]] = {}
    for pod in pods:
        by_place.setdefault(f"{pod.namespace}/{pod.name.rpartition('-')[0]}", []).append(pod)
    return [
        sort_members(root, by_place.get(f"{root.namespace}/{root.name}", []), complete=pods.complete)
        for root in sorted(roots, key=lambda one: (one.namespace, one.name))
    ]


def _of_pod(target: Pods, name: str, cluster: Cluster) -> list[Members]:
    """The whole StatefulSet a pod belongs to; where several namespaces have such a pod, each of theirs."""
    if target.namespace:
        found = [cluster.get(Pod, target.namespace, name)]
    else:
        found = list(cluster.read(Pod, fields=f"metadata.name={name}"))
        if not found:
            raise NotFound(f"There is no pod {name} in any namespace.")
    owners = {(pod.namespace, pod.controller.name) for pod in found if _is_numbered(pod) and pod.controller}
    if not owners:
        maker = found[0].controller
        whose = f"belongs to {maker.kind_name}" if maker else "belongs to no workload"
        raise BadParameter(f"Pod {name} {whose}, not to a StatefulSet.", advice=_ADVICE)
    if len(owners) == 1:
        target.kind, target.wanted = "StatefulSet", f"statefulset/{min(owners)[1]}"
    roots = [cluster.get(StatefulSet, *place) for place in sorted(owners)]
    return [_one(roots[0], target, cluster)] if len(roots) == 1 else _many(roots, target, cluster)


def _is_numbered(pod: Pod) -> bool:
    return pod.controller is not None and pod.controller.kind == "StatefulSet"


def _of_selector(target: Pods, every: Listing[StatefulSet], selector: str, cluster: Cluster) -> list[Members]:
    """Those whose pods it selects, and those it selects themselves: such a one may have no pods."""
    chosen = cluster.read(Pod, target.namespace, labels=selector)
    owners = {pod.controller_key for pod in chosen}
    labelled = {one.key for one in cluster.look(StatefulSet, target.namespace, labels=selector)}
    roots = [one for one in every if one.key in owners or one.key in labelled]
    if not roots:
        place = target.namespace or "any namespace"
        raise NotFound(f"No StatefulSet in {place} has pods with the labels {selector}.")
    return _many(roots, target, cluster)


def _fill(target: Pods, found: list[Members]) -> None:
    target.memo["members"] = found
    for one in found:
        target.roots.append(one.root)
        target.controllers[one.root.key] = one.root
        target.pods += one.pods
