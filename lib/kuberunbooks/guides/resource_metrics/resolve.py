"""Finds what the person asked for: a namespace, a workload or pod, one autoscaler, or one node.

Pods and workloads are found as the pods guide finds them. A node costs a list of its pods,
an autoscaler a request more than its target.
"""

from __future__ import annotations

import difflib
import re

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import BadParameter, Forbidden, NotCollected
from kuberunbooks.findings import Words
from kuberunbooks.objects import HorizontalPodAutoscaler, Pod

from ..pods.resolve import resolve as resolve_pods
from ..pods.target import Pods
from ..registry import Request
from .target import Measured, measured

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_OWN = {
    "no": "node",
    "node": "node",
    "nodes": "node",
    "hpa": "hpa",
    "horizontalpodautoscaler": "hpa",
    "horizontalpodautoscalers": "hpa",
}
_TARGETS = frozenset(("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"))
_MOST_NEAR = 5


def resolve(cluster: Cluster, request: Request) -> Measured:
    """Finds the target; one that does not exist comes back with `missing` set.

    Raises BadParameter for a target this guide does not handle, ClusterError when the
    server does not let us look. Without a target, pods that may not be read cost only
    the steps about pods.
    """
    target = _resolve(cluster, request)
    target.language = request.language
    return target


def _resolve(cluster: Cluster, request: Request) -> Measured:
    kind, name = _own_kind(request.target)
    if kind == "node":
        return _one_node(cluster, request, name)
    if kind == "hpa":
        return _one_autoscaler(cluster, request, name)
    try:
        return measured(resolve_pods(cluster, request))
    except Forbidden as error:
        if request.target.strip():
            raise
        cluster.note_failure(error, "list pods", request.namespace)
        return measured(_nothing(cluster, request, request.namespace), pods_unread="they may not be read")


def _own_kind(target: str) -> tuple[str, str]:
    """(`node` or `hpa`, name) of a target that the pods guide does not know; empty texts else."""
    text = re.sub(r"\s+", "/", target.strip(), count=1)
    kind_text, slash, name = text.partition("/")
    kind = _OWN.get(kind_text.lower().partition(".")[0], "")
    if not slash or not kind:
        return "", ""
    if not _NAME.fullmatch(name):
        raise BadParameter(
            f"target={target!r} names no {kind}: {name!r} is no name.",
            advice="Write node/NAME or hpa/NAME; an empty target is the whole namespace.",
        )
    return kind, name


def _nothing(cluster: Cluster, request: Request, namespace: str) -> Pods:
    return Pods(
        "",
        namespace,
        since=request.since,
        options=request.options,
        now=cluster.now,
        words=Words(request.language),
    )


def _one_node(cluster: Cluster, request: Request, name: str) -> Measured:
    found = cluster.node(name)
    target = measured(_nothing(cluster, request, ""), about=f"node/{name}", node=found.object)
    if found.object is None and found.known:
        target.missing = True
        target.near_names = _near(name, [node.name for node in cluster.nodes()])
        return target
    listed = cluster.look(Pod, fields=f"spec.nodeName={name}")
    target.pods = list(listed)
    target.pods_unread = "" if listed.complete else listed.why
    target.index()
    return target


def _one_autoscaler(cluster: Cluster, request: Request, name: str) -> Measured:
    hpa, known = _autoscaler(cluster, request.namespace, name)
    place = hpa.namespace if hpa is not None else request.namespace
    base = _nothing(cluster, request, place)
    if hpa is None:
        names = [one.name for one in cluster.look(HorizontalPodAutoscaler, place)]
        return measured(base, about=f"hpa/{name}", missing=known, near_names=_near(name, names))
    ref = hpa.spec.scale_target_ref
    pods_unread = f"this runbook does not know the pods of a {ref.kind}"
    if ref.kind in _TARGETS and _NAME.fullmatch(ref.name):
        try:
            base = resolve_pods(cluster, request._replace(target=f"{ref.kind}/{ref.name}", namespace=place))
            pods_unread = ""
        except (Forbidden, NotCollected) as error:
            cluster.note_failure(error, f"get {ref.kind.lower()}s", place)
            pods_unread = "the target of the autoscaler could not be read"
    # That an autoscaler's target is not there is for the step about autoscalers to say.
    return measured(
        base,
        about=f"hpa/{name}",
        autoscaler=hpa,
        missing=False,
        pods_unread=pods_unread,
    )


def _autoscaler(cluster: Cluster, namespace: str, name: str) -> tuple[HorizontalPodAutoscaler | None, bool]:
    """The autoscaler, and whether its absence would be proven. Raises when it may not be read."""
    if namespace:
        found = cluster.find(HorizontalPodAutoscaler, namespace, name)
        return found.object, found.known
    listed = cluster.look(HorizontalPodAutoscaler, fields=f"metadata.name={name}")
    return (listed[0] if listed else None), listed.complete


def _near(name: str, names: list[str]) -> list[str]:
    return difflib.get_close_matches(name, sorted(set(names)), n=_MOST_NEAR)
