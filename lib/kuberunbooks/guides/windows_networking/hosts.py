"""WN-16: what the nodes themselves say, asked in a HostProcess pod where actions are allowed.

Before the steps that judge it, so that they judge it like pasted output and the transcripts of a case.
"""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.acting import Actor, Planned
from kuberunbooks.acting.seen import pods_seen
from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, Note, finding
from kuberunbooks.objects import Node, Pod

from ..rules.planned_actions import planned_actions
from ..step import NotChecked, Yielded, step
from .heard import answer_of, forget
from .host_pod import COMMAND_SECONDS, PREFIX, Asking, asking, plain_name
from .target import WindowsNetworking

MOST_NODES = 3
WAIT_SECONDS = 45.0
"""For a pod to run: its image is small, its node may have to pull it."""
_ALL_SECONDS = 100.0
"""For all nodes together: a cell of a headless run has two minutes."""
_SHORTEST = 15.0


class _Plan(NamedTuple):
    asking: Asking
    pod: Planned
    command: Planned


@step(
    "WN-16",
    title="What do the nodes themselves say?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network",
)
def hosts(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """What do Windows nodes print that no API shows, asked in a HostProcess pod where actions are allowed?"""
    silent = [one for one in target.nodes if answer_of(one.name, target, cluster) is None]
    asked = _in_question(silent, target)
    failed: dict[str, Finding] = {}
    if cluster.actor is not None and asked:
        plans = [_planned(node, cluster.actor) for node in asked]
        yield planned_actions([each for one in plans for each in (one.pod, one.command)], "What was planned")
        failed = _asked(plans, cluster.actor)
        forget(target)
        if len(silent) > len(asked):
            yield Note(text=f"At most {MOST_NODES} ready nodes are asked; another one with target=node/NAME.")
    told = False
    for node in target.nodes:
        answer = answer_of(node.name, target, cluster)
        if answer is not None:
            told = True
            yield finding("WindowsHostAnswered", node, evidence=answer.cite(), node=node.name)
        elif (why := failed.get(node.name) or _unstarted(node, cluster)) is not None:
            told = True
            yield why
    if not told:
        yield NotChecked(_why_not(target, cluster))


def _in_question(silent: list[Node], target: WindowsNetworking) -> list[Node]:
    """The ready ones, those with most pods in trouble first."""
    troubles = Counter(pod.spec.node_name for pod in target.windows.suspects)
    ready = [node for node in silent if node.is_ready and plain_name(node)]
    return sorted(ready, key=lambda node: -troubles[node.name])[:MOST_NODES]


def _planned(node: Node, actor: Actor) -> _Plan:
    one = asking(node)
    return _Plan(one, actor.plan(one.pod), actor.plan(one.command))


def _asked(plans: list[_Plan], actor: Actor) -> dict[str, Finding]:
    """Asks one node after the other; why those did not answer that did not, by node."""
    deadline = time.monotonic() + _ALL_SECONDS
    failed: dict[str, Finding] = {}
    for one in plans:
        node = one.asking.node
        refusal = next((each for plan in (one.pod, one.command) for each in plan.refusals), None)
        left = deadline - time.monotonic() - COMMAND_SECONDS
        if refusal is not None:
            tried = f"the API server would not take the pod: {refusal.why}"
            missing = f"{refusal.what} in namespace {one.asking.pod.namespace} is {refusal.why}"
            why = missing if refusal.command else tried
            failed[node.name] = _unanswered(node, why, refusal.command)
        elif left < _SHORTEST:
            failed[node.name] = _unanswered(node, "the nodes before it took all the time")
        elif why := _done(one, actor, min(WAIT_SECONDS, left)):
            failed[node.name] = _unanswered(node, why)
    return failed


def _done(plan: _Plan, actor: Actor, seconds: float) -> str:
    """Asks a node; why it did not answer, empty when it ran the script to its end."""
    try:
        with actor.borrowed(plan.pod) as name:
            pod = actor.wait(plan.asking.pod.namespace, name, _is_settled, seconds)
            if not _is_running(pod):
                return _why_not_running(pod)
            heard = actor.perform(plan.command).transcript
    except ClusterError as error:
        return str(error).rstrip(".")
    if heard is None or (heard.exit_code == 0 and not heard.partial):
        return ""
    said = heard.why or next(iter(heard.stderr.splitlines()), "") or f"exit code {heard.exit_code}"
    return f"the script did not run to its end: {said}"


def _is_running(pod: Pod) -> bool:
    return any(view.status.state.running is not None for view in pod.containers("app"))


def _is_settled(pod: Pod) -> bool:
    return _is_running(pod) or pod.is_terminal


def _why_not_running(pod: Pod) -> str:
    waiting = next((one.status.state.waiting for one in pod.containers("app")), None)
    said = pod.status.message or pod.status.reason
    if waiting is not None:
        said = f"{waiting.reason}: {waiting.message}" if waiting.message else waiting.reason
    return f"its HostProcess pod did not run ({', '.join(filter(None, (pod.phase, said))).rstrip('.')})"


def _unstarted(node: Node, cluster: Cluster) -> Finding | None:
    """From the state of a pod that asked it: a case has nothing else of an attempt that failed."""
    seen = [
        pod
        for _, pod in pods_seen(cluster.transcripts())
        if pod.name.startswith(PREFIX) and pod.spec.node_name == node.name
    ]
    return _unanswered(node, _why_not_running(seen[-1])) if seen and not _is_running(seen[-1]) else None


def _unanswered(node: Node, why: str, asks: str = "") -> Finding:
    return finding(
        "WindowsHostUnanswered",
        node,
        evidence=node.cite("status.nodeInfo.operatingSystem"),
        node=node.name,
        why=why,
        asks=shlex.split(asks),
    )


def _why_not(target: WindowsNetworking, cluster: Cluster) -> str:
    if cluster.actor is not None and target.nodes:
        return "No Windows node in question is ready: nothing that is to ask it would start there."
    return (
        "No node was asked. On a live cluster allow_actions=true has the run ask them in a HostProcess pod; "
        "the last step shows what that does, and a script to run by hand."
    )
