"""TP-05: which pods carry a traffic agent, and whether it does them harm.

An agent that serves no intercept passes everything on to the application: that it is there
is ordinary. One that does not get ready takes its pod out of every Service.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Severity, Table, finding
from kuberunbooks.objects import Evidence, Pod

from ..pods.target import Controller
from ..rules.settling import is_settling
from ..rules.telepresence_agents import SickAgent, sick_agent
from ..rules.telepresence_objects import AGENT, agent_of, injection, version_of
from ..step import NotChecked, Yielded, step
from .client import UPSTREAM
from .target import Telepresence

_ROWS = 50

Place = tuple[str, str]
"""A namespace and a workload in it, `deployment/web`."""


@step("TP-05", title="Where is a traffic agent, and is it well?", upstream=UPSTREAM)
def agents(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    """Which pods carry a traffic agent, which version, and does any of them keep its pod from its traffic?"""
    if target.is_missing:
        yield NotChecked("What was asked for does not exist.")
        return
    carrying = _by_workload(target.carriers, target)
    if carrying:
        yield _table(carrying, target)
    elif target.installed.has_trace:
        yield finding("TrafficAgentNone", target.subject, evidence=(), pods=len(target.pods))
    elif not target.pods:
        yield NotChecked("There are no pods to look at.")
    for (namespace, workload), pods in carrying.items():
        yield from _of_workload(namespace, workload, pods, target, cluster)
    yield from _not_injected(target, cluster)


def _by_workload(pods: Iterable[Pod], target: Telepresence) -> dict[Place, list[Pod]]:
    found: dict[Place, list[Pod]] = {}
    for pod in pods:
        found.setdefault((pod.namespace, target.workload_of(pod)), []).append(pod)
    return found


def _members(target: Telepresence) -> dict[Place, list[Pod]]:
    """All pods in question by workload, also those without an agent."""
    if "members" not in target.memo:
        living = [pod for pod in target.pods if not pod.is_terminal]
        target.memo["members"] = _by_workload(living, target)
    members: dict[Place, list[Pod]] = target.memo["members"]
    return members


def _table(carrying: dict[Place, list[Pod]], target: Telepresence) -> Table:
    rows = []
    for (namespace, workload), pods in list(carrying.items())[:_ROWS]:
        every = len(_members(target).get((namespace, workload), pods))
        ready = sum(_agent_ready(pod) for pod in pods)
        rows.append(
            [
                namespace,
                workload,
                f"{len(pods)} of {every}",
                str(ready),
                ", ".join(sorted(_versions(pods))) or "-",
                injection(pods[0].metadata.annotations) or "-",
            ]
        )
    return Table(
        caption="Pods with a traffic agent",
        columns=[
            Column(name="namespace"),
            Column(name="workload"),
            Column(name="pods", numeric=True),
            Column(name="agents ready", numeric=True),
            Column(name="agent"),
            Column(name="injection asked for"),
        ],
        rows=rows,
        omitted=max(len(carrying) - _ROWS, 0),
    )


def _agent_ready(pod: Pod) -> bool:
    return any(one.name == AGENT and one.status.ready for one in pod.containers("app"))


def _versions(pods: list[Pod]) -> Counter[str]:
    images = (agent.image for pod in pods if (agent := agent_of(pod)) is not None)
    return Counter(found.text for image in images if (found := version_of(image)) is not None)


def _of_workload(
    namespace: str, workload: str, pods: list[Pod], target: Telepresence, cluster: Cluster
) -> Iterator[Finding]:
    first = pods[0]
    top = target.top_named(namespace, workload)
    subject = top if top is not None else first
    yield finding(
        "TrafficAgentActive",
        subject,
        evidence=first.cite("spec.containers", _agent_image(first)),
        workload=workload,
        workload_name=workload.rpartition("/")[2],
        pods=len(pods),
        services=_services_of(first, target),
    )
    sick = [(pod, found) for pod in pods if (found := sick_agent(pod, cluster.now)) is not None]
    members = _members(target).get((namespace, workload), pods)
    severity: Severity = "warning" if any(pod.is_ready for pod in members) else "critical"
    for pod, found in sick:
        yield finding(
            "TrafficAgentUnhealthy",
            pod,
            container=found.view.name,
            severity=severity,
            evidence=_cited(pod, found),
            since=found.since,
            group=(found.word,),
            workload=workload,
            word=found.word,
            message=found.message,
            alone=found.alone,
            restarts=found.view.status.restart_count,
            absent=target.installed.is_absent,
        )
    yield from _versions_differ(subject, pods, target, cluster, workload)


def _agent_image(pod: Pod) -> str:
    agent = agent_of(pod)
    return f"{AGENT} {agent.image}" if agent is not None else "absent"


def _cited(pod: Pod, found: SickAgent) -> list[Evidence]:
    path = found.view.path
    cited = [pod.cite(f"{path}.ready")]
    state = found.view.status.state
    if state.waiting is not None:
        cited.append(pod.cite(f"{path}.state.waiting.reason"))
    elif state.terminated is not None:
        cited.append(pod.cite(f"{path}.state.terminated.exitCode"))
    return cited


def _versions_differ(
    subject: Controller | Pod, pods: list[Pod], target: Telepresence, cluster: Cluster, workload: str
) -> Iterator[Finding]:
    living = [pod for pod in pods if not is_settling(pod, cluster.now)]
    versions = _versions(living)
    manager = target.manager.version if target.manager is not None else None
    if len(versions) > 1:
        yield finding(
            "TrafficAgentVersionsMixed",
            subject,
            evidence=[pod.cite("spec.containers", _agent_image(pod)) for pod in living[:2]],
            workload=workload,
            versions=sorted(versions),
        )
    elif manager is not None and versions and manager.text not in versions:
        yield finding(
            "TelepresenceVersionSkew",
            subject,
            evidence=living[0].cite("spec.containers", _agent_image(living[0])),
            workload=workload,
            agent=next(iter(versions)),
            manager=manager.text,
        )


def _services_of(pod: Pod, target: Telepresence) -> list[str]:
    labels = pod.metadata.labels.items()
    return sorted(
        one.name
        for one in target.services
        if one.namespace == pod.namespace and one.spec.selector and one.spec.selector.items() <= labels
    )


def _not_injected(target: Telepresence, cluster: Cluster) -> Iterator[Finding]:
    """Pods whose template asks for an agent and that have none, although a manager is there to inject it."""
    if not target.installed.managers:
        return
    missing: dict[Place, list[Pod]] = {}
    for pod in target.pods:
        if agent_of(pod) is not None or is_settling(pod, cluster.now) or pod.is_terminal:
            continue
        top = target.behind.top_of(pod)
        if top is not None and injection(top.template.metadata.annotations) == "enabled":
            missing.setdefault((pod.namespace, top.kind_name), []).append(pod)
    for (namespace, workload), pods in missing.items():
        top = target.top_named(namespace, workload)
        yield finding(
            "TrafficAgentNotInjected",
            top if top is not None else pods[0],
            evidence=pods[0].cite("spec.containers", "no traffic-agent"),
            workload=workload,
            pods=len(pods),
        )
