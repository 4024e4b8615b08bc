"""DP-11: the workloads above the pods: can they make them, and have they as many as they want?

The cause of refused pods is found in create_failures, Jobs and CronJobs are judged in
jobs; here stand the numbers, rollouts and disruption budgets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, LogExcerpt, Table, finding
from kuberunbooks.objects import (
    CronJob,
    DaemonSet,
    Deployment,
    Job,
    Pod,
    PodDisruptionBudget,
    ReplicaSet,
    StatefulSet,
    find_condition,
)

from ..rules.label_index import LabelIndex
from ..rules.settling import is_settling
from ..rules.thresholds import NEW_WORKLOAD
from ..step import Yielded, step
from .create_failures import create_failure, created_pods
from .jobs import JobPods, cron_job, job
from .resolve import rollout_order
from .target import Controller, Pods

_ROWS = 50

Makers = dict[tuple[str, str, str], list[Controller]]


@step("DP-11", title="Can its workload make its pods?")
def workloads(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Can the workload above make its pods, and are as many ready as it wants?"""
    makers = _makers(target)
    job_pods, motion = JobPods(target), Motion(target, cluster.now)
    troubled: list[Controller] = []
    satisfied: list[Controller] = []
    for root in target.roots:
        if _is_satisfied(root):
            satisfied.append(root)
            continue
        found = list(_judge(root, makers.get(root.key, []), job_pods, motion, target, cluster))
        yield from found
        if found:
            troubled.append(root)
    if satisfied:
        yield _all_satisfied(target, satisfied)
    if not target.single:
        yield from _exhausted_budgets(target, cluster)
    if target.roots:
        yield _table([*troubled, *satisfied] or target.roots, target)


class Motion:
    """How many pods of each workload are on their way in or out, as in every rollout; counted when asked."""

    def __init__(self, target: Pods, now: datetime) -> None:
        self._target = target
        self._now = now

    def of(self, root: Controller) -> int:
        """Pods of this workload that are starting or leaving."""
        return self._counts[root.namespace, root.kind_name]

    def is_all(self, root: Controller) -> bool:
        """Whether they account for all that is missing; of one pod's siblings nothing is known."""
        moving = self.of(root)
        missing = 0 if isinstance(root, Job | CronJob) else root.desired - root.ready
        if isinstance(root, StatefulSet) and root.is_ordered and moving:
            # In order the next pod is made when this one is ready: those not made yet are not missing.
            missing = created_pods(root) - root.ready
        return moving >= missing or (self._target.single and moving > 0)

    @cached_property
    def _counts(self) -> Counter[tuple[str, str]]:
        moving = (pod for pod in self._target.suspects if is_settling(pod, self._now))
        return Counter((pod.namespace, self._maker(pod)) for pod in moving)

    def _maker(self, pod: Pod) -> str:
        """The top workload that was read; what owns that one may be an operator's resource."""
        top = self._target.top_of(pod)
        return top.kind_name if top is not None else self._target.owner_name(pod)


def _judge(
    root: Controller,
    makers: Sequence[Controller],
    job_pods: JobPods,
    motion: Motion,
    target: Pods,
    cluster: Cluster,
) -> Iterator[Finding | LogExcerpt]:
    if isinstance(root, CronJob):
        yield from cron_job(root, [one for one in makers if isinstance(one, Job)], job_pods, cluster)
        return
    refused = list(create_failure(root, makers, target, cluster))
    yield from refused
    if isinstance(root, Job):
        yield from job(root, job_pods, cluster)
        return
    if isinstance(root, Deployment):
        yield from _stalled(root)
    if not refused and not motion.is_all(root):
        yield from _short(root, cluster)


def _is_satisfied(root: Controller) -> bool:
    """The quiet case, decided without allocating: as many ready as wanted, of the present specification."""
    if isinstance(root, Job | CronJob):
        return False
    status = root.status
    if root.ready < root.desired or status.observed_generation < root.metadata.generation:
        return False
    return not any(
        (one.type == "ReplicaFailure" and one.is_true)
        or (one.type == "Progressing" and one.reason == "ProgressDeadlineExceeded" and not one.is_true)
        for one in status.conditions
    )


def _all_satisfied(target: Pods, roots: list[Controller]) -> Finding:
    if len(roots) == 1:
        only = roots[0]
        desired = 0 if isinstance(only, Job | CronJob) else only.desired
        path = "status.numberReady" if isinstance(only, DaemonSet) else "status.readyReplicas"
        evidence = only.cite(path) if desired else only.cite("spec.replicas")
        return finding("ReplicasSatisfied", only, evidence=evidence, desired=desired, workloads=1)
    return finding("ReplicasSatisfied", target.subject, desired=0, workloads=len(roots))


def _short(root: Controller, cluster: Cluster) -> Iterator[Finding]:
    """Pods exist, or are on their way, but fewer are ready than wanted: why is for the other steps to say."""
    if isinstance(root, Job | CronJob) or root.ready >= root.desired or root.age(cluster.now) < NEW_WORKLOAD:
        return
    available = find_condition(root.status.conditions, "Available")
    path = "status.numberReady" if isinstance(root, DaemonSet) else "status.readyReplicas"
    yield finding(
        "ReplicaShortfall",
        root,
        severity="critical" if root.ready == 0 else "warning",
        evidence=root.cite(path, root.ready),
        since=available.last_transition_time if available and not available.is_true else None,
        desired=root.desired,
        ready=root.ready,
        created=created_pods(root),
        selector=root.selector.text(),
        # Of a ReplicaSet whose Deployment may not be read: its pods are known by the Deployment's name.
        because=[root.controller.kind_name] if root.controller else [],
    )


def _stalled(root: Deployment) -> Iterator[Finding]:
    for index, condition in enumerate(root.status.conditions):
        if condition.type == "Progressing" and condition.reason == "ProgressDeadlineExceeded":
            if condition.is_true:
                return
            available = root.condition("Available")
            yield finding(
                "RolloutStalled",
                root,
                evidence=root.cite(f"status.conditions[{index}].message"),
                since=condition.last_transition_time,
                message=condition.message,
                deadline=root.spec.progress_deadline_seconds or 600,
                serving=bool(available and available.is_true),
                available=root.status.available_replicas,
                updated=root.status.updated_replicas,
                desired=root.desired,
                selector=root.selector.text(),
            )


def _exhausted_budgets(target: Pods, cluster: Cluster) -> Iterator[Finding]:
    """Budgets that leave no room for an eviction: a node drain hangs on these pods."""
    if not target.pods:
        return
    places = {pod.namespace for pod in target.pods}
    place = target.namespace or (places.pop() if len(places) == 1 else "")
    exhausted = [
        one
        for one in cluster.look(PodDisruptionBudget, place)
        if one.status.expected_pods > 0 and one.status.disruptions_allowed == 0 and one.spec.selector
    ]
    if not exhausted:
        return
    pods = LabelIndex((pod.namespace, pod.metadata.labels, pod) for pod in target.pods)
    for one in exhausted:
        guarded = pods.match(one.namespace, one.spec.selector) if one.spec.selector else []
        if guarded:
            yield finding(
                "DisruptionBudgetExhausted",
                one,
                evidence=one.cite("status.disruptionsAllowed"),
                healthy=one.status.current_healthy,
                required=one.status.desired_healthy,
                expected=one.status.expected_pods,
            )


def _makers(target: Pods) -> Makers:
    """What stands between a workload and its pods: ReplicaSets, newest first, or Jobs."""
    makers: Makers = {}
    for one in target.controllers.values():
        above = one.controller_key
        if above is not None:
            makers.setdefault(above, []).append(one)
    for below in makers.values():
        if len(below) > 1 and isinstance(below[0], ReplicaSet):
            below.sort(key=lambda one: rollout_order(one) if isinstance(one, ReplicaSet) else (0, 0.0))
            below.reverse()
    return makers


def _table(roots: Sequence[Controller], target: Pods) -> Table:
    columns = [Column(name="WORKLOAD")]
    columns += [Column(name=name, numeric=True) for name in ("DESIRED", "READY", "UPDATED", "AVAILABLE")]
    rows = [[target.label_of(root), *_numbers(root)] for root in roots[:_ROWS]]
    return Table(
        caption="Workloads and their pods",
        columns=columns,
        rows=rows,
        omitted=max(0, len(roots) - _ROWS),
    )


def _numbers(root: Controller) -> list[str]:
    if isinstance(root, CronJob):
        return ["suspended" if root.spec.suspend else root.spec.schedule, "", "", ""]
    if isinstance(root, Job):
        wanted = root.spec.completions
        return ["" if wanted is None else str(wanted), f"{root.status.succeeded} succeeded", "", ""]
    status = root.status
    if isinstance(root, DaemonSet):
        numbers = [root.desired, root.ready, status.updated_number_scheduled, status.number_available]
    else:
        updated = status.updated_replicas if not isinstance(root, ReplicaSet) else status.replicas
        numbers = [root.desired, root.ready, updated, status.available_replicas]
    return [str(number) for number in numbers]
