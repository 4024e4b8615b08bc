"""SS-05: does one pod keep the others from being made?

With podManagementPolicy OrderedReady the controller goes through the ordinals from the
lowest up and stops at the first pod that is not running and ready (`processReplica` in
pkg/controller/statefulset/stateful_set_control.go): it makes none of those above, takes
none away and replaces none. The order binds these acts only: a pod may crash later while
those above it run on. With Parallel it never stops there.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding

from ..pods.containers import unready_since
from ..pods.target import Pods
from ..rules.conditions import cite_condition
from ..step import Yielded, step
from .members import Members, key_of, members_of, ordinal_of, standing_of

_CONCEPT = "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"


@step(
    "SS-05",
    title="Does one pod keep the others from being made?",
    upstream=f"{_CONCEPT}#deployment-and-scaling-guarantees",
)
def ordering(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which is the first ordinal that is not ready, and which wait for it?"""
    for one in members_of(target):
        if one.root.is_ordered and one.is_noticed:
            yield from _blocked(one, cluster)


def _blocked(one: Members, cluster: Cluster) -> Iterator[Finding]:
    pod = one.first_unready()
    number = ordinal_of(pod) if pod is not None else None
    if pod is None or number is None:
        return
    root = one.root
    unmade = [other for other in one.absent if other > number]
    missing_before = any(other < number for other in one.absent)
    standing = standing_of(pod, cluster.now)
    if missing_before or standing in ("ready", "starting") or not (unmade or one.surplus):
        return
    yield finding(
        "StatefulSetOrderedBlocked",
        root,
        severity="info" if standing == "slow" else None,
        evidence=[
            root.cite("spec.podManagementPolicy"),
            *cite_condition(pod, "Ready", "status", "reason"),
            root.cite("spec.replicas"),
            root.cite("status.replicas", root.status.replicas),
        ],
        since=unready_since(pod) or pod.metadata.creation_timestamp,
        ordinal=number,
        blocker=pod.name,
        leaving=pod.metadata.deletion_timestamp is not None,
        unmade=[key_of(root, other)[2] for other in unmade],
        surplus=[one.by_ordinal[other].name for other in one.surplus],
        slow=standing == "slow",
    )
