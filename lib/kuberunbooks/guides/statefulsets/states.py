"""SS-01: the pods of each StatefulSet by ordinal, with identity, claims, node and revision.

The table of the run: who is there, who is missing, who waits. That an ordinal has no
pod is judged in `absent`; here also what is plainly well.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Evidence, PersistentVolumeClaim, Pod, StatefulSet, human_duration

from ..pods.missing import missing_findings
from ..pods.target import Pods
from ..step import Yielded, step
from .absent import absent_ordinals
from .members import Members, key_of, members_of, revision_of
from .numbered_claims import Claims

_ROWS = 50
_TABLES = 8
_MOST_NAMED = 20
# Each costs a request; when more StatefulSets lack pods, one reason makes them all lack them.
_MOST_JUDGED = 10


@step(
    "SS-01",
    title="Which pods are there, by ordinal?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-statefulset/",
)
def states(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Has every ordinal its pod, and is it ready, on a node, with its claims?"""
    every = members_of(target)
    if target.missing:
        yield from missing_findings(target)
        return
    if not every:
        yield _none(target)
        return
    if len(every) > 1:
        yield _overview(every, target)
    claims = Claims(target, cluster)
    troubled = [one for one in every if not is_healthy(one)]
    shown = troubled or every
    for one in shown[:_TABLES]:
        yield _table(one, claims, target, cluster)
    for one in [one for one in troubled if one.absent][:_MOST_JUDGED]:
        yield from absent_ordinals(one, cluster)
    yield from _good_news([one for one in every if is_healthy(one)], target)


def is_healthy(one: Members) -> bool:
    """As many ready as wanted, none on its way out, all of the newest revision, the controller up to date."""
    status = one.root.status
    return (
        one.is_noticed
        and one.root.ready >= one.root.desired
        and not one.absent
        and not any(pod.metadata.deletion_timestamp is not None for pod in one.pods)
        and all(revision_of(pod) in ("", status.update_revision) for pod in one.pods)
    )


def _none(target: Pods) -> Finding:
    cited = Evidence(StatefulSet.api.path(target.namespace), "items", "empty")
    known = bool(target.memo.get("every set read", True))
    return finding(
        "NoStatefulSets", target.subject, evidence=cited if known else (), place=target.namespace, known=known
    )


def _good_news(good: list[Members], target: Pods) -> Iterator[Finding]:
    """One line per StatefulSet, or one for all when they are many."""
    if len(good) > _MOST_NAMED:
        pods = sum(one.root.desired for one in good)
        yield finding("StatefulSetHealthy", target.subject, desired=pods, lumped=True, sets=len(good))
        return
    for one in good:
        cited = one.root.cite("status.readyReplicas", one.root.ready)
        yield finding(
            "StatefulSetHealthy", one.root, evidence=cited, desired=one.root.desired, lumped=False, sets=1
        )


def _overview(every: list[Members], target: Pods) -> Table:
    names = ("STATEFULSET", "READY", "UPDATED", "ORDER", "UPDATES", "SERVICE")
    rows = []
    for one in sorted(every, key=is_healthy):
        root = one.root
        rows.append(
            [
                root.name if target.namespace else f"{root.namespace}/{root.name}",
                f"{root.ready}/{root.desired}",
                str(root.status.updated_replicas),
                root.spec.pod_management_policy,
                root.spec.update_strategy.type + (f", partition {root.partition}" if root.partition else ""),
                root.spec.service_name or "none",
            ]
        )
    return Table(
        caption="StatefulSets",
        columns=[Column(name=name, numeric=name == "UPDATED") for name in names],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )


def _table(one: Members, claims: Claims, target: Pods, cluster: Cluster) -> Table:
    root = one.root
    names = ["ORDINAL", "POD", "READY", "STATUS", "RESTARTS", "NODE"]
    names += ["CLAIMS"] if root.spec.volume_claim_templates else []
    names += ["REVISION", "AGE"]
    ordinals = sorted({*one.by_ordinal, *one.wanted})
    sick = [number for number in ordinals if not _is_well(one, number)]
    chosen = sorted([*sick, *(number for number in ordinals if number not in sick)][:_ROWS])
    order = "one after the other" if root.is_ordered else "all at once (Parallel)"
    return Table(
        caption=f"Pods of {target.label_of(root)}, made {order}",
        columns=[Column(name=name, numeric=name in ("ORDINAL", "RESTARTS", "AGE")) for name in names],
        rows=[_row(one, number, claims, cluster) for number in chosen],
        omitted=max(0, len(ordinals) - len(chosen)),
    )


def _is_well(one: Members, number: int) -> bool:
    pod = one.by_ordinal.get(number)
    return pod is not None and pod.is_ready and pod.metadata.deletion_timestamp is None


def _row(one: Members, number: int, claims: Claims, cluster: Cluster) -> list[str]:
    root, pod = one.root, one.by_ordinal.get(number)
    held = [_claim_text(claims.of(root, template, number)) for template in root.spec.volume_claim_templates]
    middle = [", ".join(held)] if held else []
    name = key_of(root, number)[2]
    if pod is None:
        return [str(number), name, "", _why_absent(one, number), "", "", *middle, "", ""]
    return [
        str(number),
        pod.name,
        pod.ready_text,
        pod.status_text + ("" if number in root.ordinals else " (not wanted any more)"),
        pod.restarts_text(cluster.now),
        pod.spec.node_name or "none",
        *middle,
        _revision_text(root, pod),
        human_duration(pod.age(cluster.now)),
    ]


def _why_absent(one: Members, number: int) -> str:
    if number in one.foreign:
        return "its name is held by a pod that is not its own"
    return "not created" if one.complete else "not read"


def _claim_text(found: tuple[PersistentVolumeClaim | None, str]) -> str:
    claim, otherwise = found
    return f"{claim.name}: {claim.status.phase or 'unknown'}" if claim is not None else otherwise


def _revision_text(root: StatefulSet, pod: Pod) -> str:
    """The end of the revision's name, and which of the two the controller works with it is."""
    revision, status = revision_of(pod), root.status
    if not revision:
        return "unknown"
    short = revision.removeprefix(f"{root.name}-")
    if revision == status.update_revision:
        return f"{short} (current)" if status.current_revision == revision else f"{short} (update)"
    return f"{short} (current)" if revision == status.current_revision else f"{short} (older)"
