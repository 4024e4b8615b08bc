"""What is known to be attached to the workloads in question, from every place that shows it.

Pods show a replaced container, Jobs a node agent, logs that an agent took an intercept,
workstations and the manager's metrics what is active. Intercepts themselves live in the
manager's memory: no object of the cluster holds them. Called by the step about intercepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster, Log
from kuberunbooks.objects import Evidence, Job, Pod, Service

from ..rules.telepresence_log import Seen, intercepts_seen, without_ended
from ..rules.telepresence_objects import (
    AGENT,
    MANAGER,
    METRICS_SERVICE,
    NODE_AGENT_LABELS,
    NodeAgent,
    node_agent,
    replaced,
)
from ..rules.telepresence_told import Intercept, Told
from ..rules.thresholds import TOLD_LATELY
from .behind import manager_pods
from .heard import cite
from .target import Telepresence

_MOST_LOGS = 8
_LOGS_OF_ONE = 2
_LOG_LINES = 2000


class Standin(NamedTuple):
    """A workload whose pods run an agent in place of a container; `since` the oldest of them was made."""

    namespace: str
    workload: str
    containers: list[str]
    pods: list[Pod]
    since: datetime | None
    evidence: tuple[Evidence, ...]


class Taken(NamedTuple):
    """An intercept that an agent's log tells of and that is not known to have ended."""

    pod: Pod
    workload: str
    seen: Seen
    evidence: Evidence


class Known(NamedTuple):
    """An intercept somebody's output tells of. `stale`: seconds since it was printed, 0 while it is news."""

    intercept: Intercept
    told: Told
    stale: float
    evidence: Evidence


class Attached(NamedTuple):
    """Everything that is known; `elsewhere` are intercepts of workloads that were not asked about."""

    standins: list[Standin]
    node_agents: list[NodeAgent]
    known: list[Known]
    elsewhere: list[Known]
    taken: list[Taken]
    logs_read: int


def attached(target: Telepresence, cluster: Cluster) -> Attached:
    """Reads what shows it: at most eight agents' logs, one of each manager, and the node agents' Jobs."""
    known: list[Known] = []
    elsewhere: list[Known] = []
    names = workload_names(target)
    for one in told_intercepts(target, cluster):
        (known if _is_meant(one.intercept, target, names) else elsewhere).append(one)
    taken, logs = _from_logs(target, cluster)
    return Attached(
        list(_standins(target)), list(_node_agents(target, cluster)), known, elsewhere, taken, logs
    )


def told_intercepts(target: Telepresence, cluster: Cluster) -> Iterator[Known]:
    """Each intercept once, by who tells most of it: lists before status, status before metrics."""
    seen: set[tuple[str, str]] = set()
    for told in sorted(target.told, key=_says_little):
        for one in told.intercepts or ():
            placed = one if one.namespace else one._replace(namespace=told.namespace)
            key = (placed.name, placed.client if told.everybodys else "")
            if key in seen or (placed.name, "") in seen:
                continue
            seen.add((placed.name, ""))
            at = told.transcript.at
            age = (cluster.now - at).total_seconds() if at is not None else 0.0
            yield Known(placed, told, age if age > TOLD_LATELY else 0.0, cite(told, _shown(placed)))


def _shown(one: Intercept) -> str:
    parts = [f"{one.name or one.workload}: {one.state or 'no state'}"]
    if one.client:
        parts.append(f"client {one.client}")
    if one.since is not None:
        parts.append(f"not changed since {one.since:%Y-%m-%d %H:%M:%S} UTC")
    return ", ".join(parts)


def _says_little(one: Told) -> int:
    if one.everybodys:
        return 2
    return 1 if one.status else 0


def workload_names(target: Telepresence) -> set[str]:
    """The names of the workloads in question, as the client knows them."""
    names = {one.name for one in target.behind.roots}
    names |= {target.workload_of(pod).rpartition("/")[2] for pod in target.pods}
    names |= {pod.metadata.labels.get("telepresence.io/workloadName", "") for pod in target.carriers}
    return names - {""}


def metrics_service(target: Telepresence, cluster: Cluster) -> str:
    """`NAMESPACE/NAME:PORT` of the Service behind which the manager's metrics are, when there is one."""
    if target.manager is None:
        return ""
    found = cluster.find(Service, target.manager.namespace, METRICS_SERVICE).object
    return f"{found.namespace}/{found.name}" if found is not None else ""


def _is_meant(one: Intercept, target: Telepresence, names: set[str]) -> bool:
    if target.namespace and one.namespace and one.namespace != target.namespace:
        return False
    if one.workload in names:
        return True
    return not target.is_explicit and bool(one.namespace)


def _standins(target: Telepresence) -> Iterator[Standin]:
    found: dict[tuple[str, str], list[Pod]] = {}
    for pod in target.carriers:
        if pod.metadata.deletion_timestamp is None and replaced(pod):
            found.setdefault((pod.namespace, target.workload_of(pod)), []).append(pod)
    for (namespace, workload), pods in found.items():
        gone = [one for pod in pods for one in replaced(pod)]
        created = [at for pod in pods if (at := pod.metadata.creation_timestamp) is not None]
        yield Standin(
            namespace,
            workload,
            list(dict.fromkeys(one.container for one in gone)),
            pods,
            min(created, default=None),
            (gone[0].evidence, pods[0].cite("metadata.creationTimestamp")),
        )


def _node_agents(target: Telepresence, cluster: Cluster) -> Iterator[NodeAgent]:
    """Those of workloads in question; they run in the manager's namespace."""
    names = workload_names(target)
    for manager in target.installed.managers:
        if not manager.settings.node_agents:
            continue
        for job in cluster.look(Job, manager.namespace, labels=NODE_AGENT_LABELS):
            one = node_agent(job)
            meant = one.workload in names and (
                not target.namespace or one.namespace in ("", target.namespace)
            )
            if meant and job.metadata.deletion_timestamp is None:
                yield one


def _from_logs(target: Telepresence, cluster: Cluster) -> tuple[list[Taken], int]:
    chosen = _whose_logs(target)
    if not chosen:
        return [], 0
    ended: list[Log] = []
    for manager in target.installed.managers:
        ready = [pod for pod in manager_pods(manager, cluster) if pod.is_ready]
        if ready:
            ended.append(cluster.log(ready[0], MANAGER, tail_lines=_LOG_LINES))
    found: dict[tuple[str, str], Taken] = {}
    read = 0
    for pod in chosen:
        log = cluster.log(pod, AGENT, tail_lines=_LOG_LINES)
        read += log.available or log.state == "empty"
        left = intercepts_seen(log)
        for each in ended:
            left = without_ended(left, each)
        for one in left:
            if one.holds is False:
                continue
            workload = target.workload_of(pod)
            cited = Evidence(log.source, f"line {one.line}", one.text[:300])
            found.setdefault((workload, one.name), Taken(pod, workload, one, cited))
    return list(found.values()), read


def _whose_logs(target: Telepresence) -> list[Pod]:
    """Of each workload two pods whose agent runs, eight in all."""
    chosen: list[Pod] = []
    seen: dict[tuple[str, str], int] = {}
    for pod in target.carriers:
        key = (pod.namespace, target.workload_of(pod))
        runs = any(one.name == AGENT and one.status.state.running for one in pod.containers("app"))
        if runs and seen.get(key, 0) < _LOGS_OF_ONE and len(chosen) < _MOST_LOGS:
            seen[key] = seen.get(key, 0) + 1
            chosen.append(pod)
    return chosen
