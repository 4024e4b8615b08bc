"""RP-24: what changed between the revision that worked and the one that does not.

The first question of every incident. Both templates are compared field by field and
shown as a difference without secrets; that one follows the other is stated, never that
it is the cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import DaemonSet, Deployment, Pod, StatefulSet, human_duration

from ..documents import Change
from ..pods.manifest_diff import differences, path_text
from ..pods.target import Pods
from ..rules.revisions import Revision, Versioned, last_good, revisions, template_of
from ..step import Yielded, step

_MOST_WORKLOADS = 3
_ROWS = 15


@step("RP-24", title="What changed before?")
def changes(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which revision fails, which one worked before it, and what is different between them?"""
    workloads = _workloads(target)
    for workload in workloads[:_MOST_WORKLOADS]:
        known, why = revisions(workload, cluster)
        if why:
            yield Note(text=f"The revisions of {workload.kind_name} were not all read: {why}.")
        if not known:
            continue
        pods = [pod for pod in target.pods if _is_of(pod, workload, target)]
        yield _table(workload, known, pods, cluster.now)
        yield from _difference(workload, known, pods, target, cluster)
    if len(workloads) > _MOST_WORKLOADS:
        left = len(workloads) - _MOST_WORKLOADS
        yield Note(text=f"{left} more workloads were not compared: name one as the target.")


def _workloads(target: Pods) -> list[Versioned]:
    """Those with sick pods; without any, the one that was asked for."""
    sick = [_top(pod, target) for pod in target.suspects]
    asked = [*(_top(pod, target) for pod in target.pods[:1]), *target.roots] if target.wanted else []
    found = [one for one in (sick or asked) if isinstance(one, Versioned)]
    return list({one.key: one for one in found}.values())


def _top(pod: Pod, target: Pods) -> Versioned | None:
    top = target.top_of(pod)
    return top if isinstance(top, Deployment | StatefulSet | DaemonSet) else None


def _is_of(pod: Pod, workload: Versioned, target: Pods) -> bool:
    top = _top(pod, target)
    return top is not None and top.key == workload.key


def _difference(
    workload: Versioned, known: list[Revision], pods: list[Pod], target: Pods, cluster: Cluster
) -> Iterator[Yielded]:
    sick = {(pod.namespace, pod.name) for pod in target.suspects}
    failing = _failing(known, [pod for pod in pods if (pod.namespace, pod.name) in sick])
    newest = failing or known[-1]
    before, worked = last_good(known, newest, pods)
    if before is None:
        return
    try:
        old, new = template_of(before, cluster), template_of(newest, cluster)
    except ClusterError as error:
        cluster.note_failure(error, f"get {newest.of.api.resource}", workload.namespace)
        yield Note(text=f"The revisions of {workload.kind_name} could not be compared: {error}")
        return
    fields = _fields(old, new)
    yield Change(
        caption=f"{workload.kind_name}: revision {before.number} against revision {newest.number}",
        old=old,
        new=new,
        old_name=f"revision {before.number}",
        new_name=f"revision {newest.number}",
    )
    back = any(_born(one) > _born(newest) for one in known)
    yield _finding(
        workload, before, newest, fields, cluster.now, worked=worked, fails=failing is not None, back=back
    )


def _born(one: Revision) -> float:
    return one.created.timestamp() if one.created else 0.0


def _failing(known: list[Revision], sick: list[Pod]) -> Revision | None:
    """The newest revision that sick pods are of."""
    return next((one for one in reversed(known) if any(one.is_of(pod) for pod in sick)), None)


def _fields(old: dict[str, object], new: dict[str, object]) -> list[str]:
    """The fields that differ, as a manifest spells them: changed, added and removed ones."""
    changed = [path_text(one.path) for one in differences(new, old)]
    removed = [path_text(one.path) for one in differences(old, new) if one.kind == "dropped"]
    return [path for path in dict.fromkeys([*changed, *removed]) if "pod-template-hash" not in path]


def _finding(
    workload: Versioned,
    before: Revision,
    newest: Revision,
    fields: list[str],
    now: datetime,
    *,
    worked: bool,
    fails: bool,
    back: bool,
) -> Finding:
    """`back`: after a rollback the newest revision is an old template, made long before it was used again."""
    made = newest.created if not back else None
    evidence = [newest.of.cite("metadata.creationTimestamp"), before.of.cite("metadata.creationTimestamp")]
    return finding(
        "RevisionChanged",
        workload,
        evidence=evidence,
        since=made,
        old=before.number,
        new=newest.number,
        fields=fields,
        fails=fails,
        worked=worked,
        ago=(now - made).total_seconds() if made else None,
        back=back,
    )


def _table(workload: Versioned, known: list[Revision], pods: list[Pod], now: datetime) -> Table:
    names = ["REVISION", "NAME", "FIRST USED", "PODS SEEN", "READY"]
    rows = []
    for one in reversed(known[-_ROWS:]):
        own = [pod for pod in pods if one.is_of(pod)]
        ready = sum(pod.is_ready for pod in own) if one.ready is None else one.ready
        used = f"{human_duration((now - one.created).total_seconds())} ago" if one.created else "unknown"
        rows.append([str(one.number), one.name, used, str(len(own)), str(ready)])
    return Table(
        caption=f"Revisions of {workload.kind_name}, newest first",
        columns=[Column(name=name, numeric=name not in ("NAME",)) for name in names],
        rows=rows,
        omitted=max(0, len(known) - _ROWS),
    )
