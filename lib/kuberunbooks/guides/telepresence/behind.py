"""TP-08: asks the pods guide's own steps about the pods that Telepresence itself keeps from working.

These are the traffic managers' pods and the pods whose agent, not whose application, is in
trouble. What the application does is another runbook's question.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.objects import Pod

from ..pods.crashes import crashes
from ..pods.images import images
from ..pods.overall import overall
from ..pods.resolve import climb
from ..pods.scheduling import scheduling
from ..pods.target import Pods
from ..pods.waiting import waiting
from ..pods.workloads import workloads
from ..rules.telepresence_agents import is_agent_in_trouble
from ..step import NotChecked, Step, StepFunction, Yielded, combined
from .installed import Manager
from .target import Telepresence


def manager_pods(manager: Manager, cluster: Cluster) -> Listing[Pod]:
    """The pods of a traffic manager."""
    return cluster.look(Pod, manager.namespace, labels=manager.workload.selector.text())


def trouble_of(target: Telepresence, cluster: Cluster) -> Pods:
    """The managers' pods and those whose agent is in trouble, as a target of the pods guide."""
    found = target.memo.get("trouble")
    if isinstance(found, Pods):
        return found
    behind = target.behind
    found = Pods("", behind.namespace, since=behind.since, now=behind.now, words=behind.words)
    for manager in target.installed.managers:
        found.controllers[manager.workload.key] = manager.workload
        found.roots.append(manager.workload)
        for pod in manager_pods(manager, cluster):
            found.pods.append(pod)
            climb(found, pod, cluster)
    found.controllers.update(behind.controllers)
    known = {(pod.namespace, pod.name) for pod in found.pods}
    found.pods += [
        pod
        for pod in target.carriers
        if (pod.namespace, pod.name) not in known and is_agent_in_trouble(pod, cluster.now)
    ]
    found.index()
    target.memo["trouble"] = found
    return found


def _of_the_trouble(one: Step) -> Step:
    return one._replace(parts=tuple(_asked(part) for part in one.parts))


def _asked(part: StepFunction) -> StepFunction:
    @functools.wraps(part)
    def run(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
        trouble = trouble_of(target, cluster)
        if trouble.suspects or trouble.roots:
            yield from part(trouble, cluster)
        else:
            yield NotChecked("Neither a traffic manager nor an agent that is in trouble was found.")

    return run


pods = combined(
    "TP-08",
    "pods",
    [_of_the_trouble(one) for one in (overall, scheduling, images, waiting, crashes, workloads)],
    title="Why does a part of Telepresence not run?",
    question="What keeps the traffic manager, or an agent, from running and getting ready?",
)
