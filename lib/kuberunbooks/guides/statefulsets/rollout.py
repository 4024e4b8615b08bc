"""SS-06: does a new template reach the pods?

How the controller replaces pods (`updateStatefulSet` in
pkg/controller/statefulset/stateful_set_control.go): first it goes up the ordinals and, in
order, stops at the first pod that is not ready. Only when it came through does it go down
from the highest ordinal, delete one pod of another revision than status.updateRevision,
and wait until that is ready again. It never goes below spec.updateStrategy.rollingUpdate.partition, and with
OnDelete it deletes nothing at all.

So in order a pod that is not ready stops every replacement, also its own: that is the trap upstream
calls "forced rollback". A pod of a broken revision stays when the template has been mended or rolled
back, until somebody deletes it. With Parallel the first part does not stop, and the
second replaces the broken pod by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Pod, StatefulSet, human_duration

from ..documents import Change
from ..pods.containers import unready_since
from ..pods.target import Pods
from ..rules.conditions import cite_condition
from ..rules.node_health import nodes_by_name, trouble_of
from ..rules.revisions import Revision, revisions, template_of
from ..rules.thresholds import ROLLOUT_STUCK
from ..step import Yielded, step
from .members import (
    REVISION_LABEL,
    Members,
    is_failing,
    members_of,
    ordinal_of,
    revision_of,
    standing_of,
    unready_for,
)
from .numbered_claims import Claims

_TABLES = 5
_CONCEPT = "https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/"


class Rollout(NamedTuple):
    """A StatefulSet whose pods are not all of one revision, or not of the newest.

    `updated` are of the update revision; of the others `held` keep theirs by design (below
    the partition), and `due` are still to be replaced.
    """

    of: Members
    updated: list[Pod]
    held: list[Pod]
    due: list[Pod]


@step("SS-06", title="Does a new template reach the pods?", upstream=f"{_CONCEPT}#update-strategies")
def rollout(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is a rollout under way, held back on purpose, or stuck?"""
    shown = {root.key for root in under_way(target)}
    for one in members_of(target):
        found = _read(one) if one.is_noticed else None
        if found is None:
            continue
        if one.root.key in shown:
            yield from _history(found, target, cluster)
        if one.root.spec.update_strategy.type == "OnDelete":
            yield from _on_delete(found)
        else:
            yield from _rolling(found, target, cluster)


def under_way(target: Pods) -> list[StatefulSet]:
    """The StatefulSets whose revisions are worth a request each: the first few that have more than one."""
    found = [one.root for one in members_of(target) if one.is_noticed and _read(one) is not None]
    return found[:_TABLES]


def _read(one: Members) -> Rollout | None:
    """None when all pods are of the newest revision, or what that is was not said."""
    root, newest = one.root, one.root.status.update_revision
    if not newest:
        return None
    first = root.ordinals.start + root.partition
    updated: list[Pod] = []
    held: list[Pod] = []
    due: list[Pod] = []
    for number, pod in one.by_ordinal.items():
        revision = revision_of(pod)
        if number not in root.ordinals or not revision:
            continue
        if revision == newest:
            updated.append(pod)
        else:
            (held if number < first else due).append(pod)
    # With OnDelete the controller never moves status.currentRevision on, also when all pods are new.
    moves = root.spec.update_strategy.type != "OnDelete"
    is_open = held or due or (moves and root.status.current_revision != newest)
    return Rollout(one, updated, held, due) if is_open else None


def _on_delete(found: Rollout) -> Iterator[Finding]:
    root, old = found.of.root, [*found.held, *found.due]
    if old:
        yield finding(
            "StatefulSetUpdateOnDelete",
            root,
            evidence=[root.cite("spec.updateStrategy.type"), root.cite("status.updateRevision")],
            old=[pod.name for pod in reversed(old)],
            unready=[pod.name for pod in old if not pod.is_ready],
            updated=len(found.updated),
            desired=root.desired,
        )


def _rolling(found: Rollout, target: Pods, cluster: Cluster) -> Iterator[Finding]:
    root = found.of.root
    trapped = _trapped(found, target, cluster)
    blocker = _blocker(found, cluster)
    if trapped is not None:
        yield _trap(found, trapped, cluster)
    elif blocker is not None:
        yield _blocked(found, blocker, cluster)
    elif found.due:
        yield finding(
            "StatefulSetRolloutProgress",
            root,
            evidence=[
                root.cite("status.updatedReplicas", len(found.updated)),
                root.cite("status.updateRevision"),
            ],
            updated=len(found.updated),
            desired=root.desired - len(found.held),
            due=[pod.name for pod in reversed(found.due)],
        )
    if found.held:
        yield finding(
            "StatefulSetPartitionHolds",
            root,
            evidence=[
                root.cite("spec.updateStrategy.rollingUpdate.partition"),
                root.cite("status.updateRevision"),
            ],
            partition=root.partition,
            held=[pod.name for pod in found.held],
            updated=[pod.name for pod in found.updated],
        )


def _trapped(found: Rollout, target: Pods, cluster: Cluster) -> Pod | None:
    """The pod that stops the rollout and is itself to be replaced by it.

    It must be the first that is not ready, for the controller stops there; of a revision older than the
    template, and not by design; and broken in a way that another template, and so another pod, can mend:
    not for a node in trouble, a deletion that hangs, or a claim without a volume.
    """
    if not found.of.root.is_ordered:
        return None
    pod = found.of.first_unready()
    if pod is None or pod not in found.due or pod.metadata.deletion_timestamp is not None or pod.is_terminal:
        return None
    if standing_of(pod, cluster.now) != "broken":
        return None
    name = pod.spec.node_name
    nodes = nodes_by_name([name], cluster, single=False)
    if any(trouble_of(name, glance) is not None for glance in nodes.values()):
        return None
    return None if Claims(target, cluster).is_waited_for(pod, found.of.root) else pod


def _trap(found: Rollout, pod: Pod, cluster: Cluster) -> Finding:
    root, status = found.of.root, found.of.root.status
    return finding(
        "StatefulSetRollbackTrap",
        root,
        evidence=[
            pod.cite(f"metadata.labels['{REVISION_LABEL}']"),
            root.cite("status.updateRevision"),
            root.cite("spec.podManagementPolicy"),
            *cite_condition(pod, "Ready", "status", "reason"),
        ],
        since=unready_since(pod),
        likely=not is_failing(pod),
        ordinal=ordinal_of(pod),
        trapped=pod.name,
        printed=pod.status_text,
        revision=revision_of(pod),
        newest=status.update_revision,
        rolled_back=status.current_revision == status.update_revision,
        unready=unready_for(pod, cluster.now),
        explains=[f"pod/{pod.name}"],
    )


def _blocker(found: Rollout, cluster: Cluster) -> Pod | None:
    """The newest pod of the new template, when it should be ready by now and is not."""
    newest = max(found.updated, key=lambda pod: -pod.age(cluster.now), default=None)
    if newest is None or newest.is_terminal or newest.metadata.deletion_timestamp is not None:
        return None
    return newest if unready_for(newest, cluster.now) > ROLLOUT_STUCK else None


def _blocked(found: Rollout, pod: Pod, cluster: Cluster) -> Finding:
    root = found.of.root
    return finding(
        "StatefulSetRolloutBlocked",
        root,
        evidence=[
            root.cite("status.updateRevision"),
            root.cite("status.currentRevision"),
            pod.cite(f"metadata.labels['{REVISION_LABEL}']"),
            *cite_condition(pod, "Ready", "status", "reason"),
        ],
        since=unready_since(pod),
        ordinal=ordinal_of(pod),
        blocker=pod.name,
        unready=unready_for(pod, cluster.now),
        updated=len(found.updated),
        desired=root.desired,
        due=[one.name for one in reversed(found.due)],
        ordered=root.is_ordered,
    )


def _history(found: Rollout, target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """The revisions that are kept, newest first, which pods are of each, and what the newest changed."""
    root = found.of.root
    known, why = revisions(root, cluster)
    if why:
        yield Note(text=f"The revisions of {root.kind_name} were not all read: {why}.")
    if not known:
        return
    yield _table(found, known, target, cluster)
    yield from _difference(found, known, cluster)


def _difference(found: Rollout, known: list[Revision], cluster: Cluster) -> Iterator[Yielded]:
    """What is different between the template of the pods that were not replaced and that of today."""
    others = [revision_of(pod) for pod in (*found.due, *found.held)]
    old = next((one for one in known if one.name in others[:1]), None)
    new = next((one for one in known if one.name == found.of.root.status.update_revision), None)
    if old is None or new is None:
        return
    try:
        templates = template_of(old, cluster), template_of(new, cluster)
    except ClusterError as error:
        cluster.note_failure(error, "get controllerrevisions.apps", found.of.root.namespace)
        return
    yield Change(
        f"What is different in the template now, against that of {(*found.due, *found.held)[0].name}",
        *templates,
        f"{old.name} (revision {old.number})",
        f"{new.name} (revision {new.number})",
    )


def _table(found: Rollout, known: list[Revision], target: Pods, cluster: Cluster) -> Table:
    root = found.of.root
    names = ("REVISION", "NUMBER", "FIRST USED", "PODS", "READY", "")
    rows = []
    for one in reversed(known):
        pods = [pod for pod in found.of.pods if one.is_of(pod)]
        roles = [
            word
            for word, name in (
                ("update: what pods are made from now", root.status.update_revision),
                ("current: where the rollout began", root.status.current_revision),
            )
            if name == one.name
        ]
        first = f"{human_duration((cluster.now - one.created).total_seconds())} ago" if one.created else ""
        ready = sum(pod.is_ready for pod in pods)
        listed = target.words.listing([pod.name for pod in pods]) or "none"
        rows.append([one.name, str(one.number), first, listed, str(ready), "; ".join(roles) or "older"])
    return Table(
        caption=f"Revisions of {target.label_of(root)}, newest first",
        columns=[Column(name=name, numeric=name in ("NUMBER", "FIRST USED", "READY")) for name in names],
        rows=rows,
    )
