"""NP-01: is a node problem detector there, on which nodes, is it well, and how old is it?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster, Listing
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import DaemonSet, Evidence, Node

from ..rules.conditions import cite_condition
from ..rules.many_nodes import CITED_NODES, about_nodes
from ..rules.node_conditions import NPD_CONDITIONS
from ..rules.thresholds import NPD_OLDEST
from ..step import NotChecked, Yielded, step
from .coverage import Place, is_settling, names, places
from .detector import Detector
from .detectors import find_detectors
from .target import NodeProblems

_EKS_AGENT = "eks-node-monitoring-agent"
_NAMED = 20


@step(
    "NP-01",
    title="Is a node problem detector there?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/#enabling-node-problem-detector",
)
def installed(target: NodeProblems, cluster: Cluster) -> Iterator[Yielded]:
    """Is node problem detector installed, does it run on every node it is for, and is it up to date?"""
    detectors, sets = find_detectors(target, cluster)
    agent = next((one for one in sets if one.name == _EKS_AGENT), None)
    if agent is not None:
        yield Note(
            text=f"DaemonSet {agent.namespace}/{agent.name} watches the nodes as well: {agent.ready} of "
            f"{agent.desired} are ready. Its conditions (KernelReady, StorageReady, …) are good when True."
        )
    if not detectors:
        yield from _none(target, cluster, sets, agent)
        return
    yield _table(detectors)
    found = places(detectors, target, cluster)
    judged = [*_coverage(detectors, found, cluster), *_health(detectors, found, target, cluster)]
    yield from judged
    for one in detectors:
        if one.version is not None and one.version < NPD_OLDEST:
            yield finding(
                "NpdVersionOutdated",
                one.daemon_set,
                evidence=one.daemon_set.cite(f"{one.path}.image"),
                version=".".join(map(str, one.version)),
                oldest=".".join(map(str, NPD_OLDEST)),
            )
        if not any(item.severity in ("warning", "critical") for item in judged) and one.daemon_set.desired:
            yield _deployed(one, found)


def _none(
    target: NodeProblems, cluster: Cluster, sets: Listing[DaemonSet], agent: DaemonSet | None
) -> Iterator[Yielded]:
    """Without a DaemonSet it may still run as a service of the machines, as on GKE and AKS."""
    nodes = target.nodes(cluster)
    reporting = [node for node in nodes if _reported(node)]
    if reporting:
        types = sorted({type_ for node in reporting for type_ in _reported(node)})
        cited = [
            cite
            for node in reporting[:CITED_NODES]
            for cite in cite_condition(node, _reported(node)[0], "status")
        ]
        yield about_nodes(
            "NpdStandaloneSuspected", reporting, evidence=cited, types=types, known=sets.complete
        )
    elif sets.complete and nodes.complete and agent is None:
        named = Evidence(
            DaemonSet.api.path(), "items named or with an image of node-problem-detector", f"0 of {len(sets)}"
        )
        yield finding(
            "NpdNotDeployed",
            target.subject,
            evidence=named,
            node=target.node,
        )
    elif not sets.complete:
        yield NotChecked(f"Whether one is installed is not known: {sets.why or 'no DaemonSets were read'}.")


def _reported(node: Node) -> list[str]:
    return [one.type for one in node.status.conditions if one.type in NPD_CONDITIONS]


def _coverage(detectors: list[Detector], found: list[Place], cluster: Cluster) -> Iterator[Finding]:
    """Ready nodes without a detector: forgotten by its controller, or kept off by its own specification."""
    if not all(one.pods.complete for one in detectors):
        return
    bare = [place for place in found if not place.pods]
    absent = [place for place in bare if place.wanted_by is not None and not is_settling(place, cluster)]
    kept_off = [place for place in bare if place.wanted_by is None]
    for places_, severity in ((absent, None), (kept_off, "info")):
        if not places_:
            continue
        detector = places_[0].wanted_by or detectors[0]
        status = detector.daemon_set.cite("status.currentNumberScheduled")
        one = finding(
            "NpdCoverageIncomplete",
            detector.daemon_set,
            severity=severity,  # type: ignore[arg-type]
            evidence=[status, detector.daemon_set.cite("status.desiredNumberScheduled")],
            group=(severity,),
            names=names(places_)[:_NAMED],
            nodes=len(places_),
            of=len(found),
            why=places_[0].why,
            example=places_[0].node.name,
        )
        yield one


def _health(
    detectors: list[Detector], found: list[Place], target: NodeProblems, cluster: Cluster
) -> Iterator[Finding]:
    """Detectors on ready nodes that do not get ready; a rollout, a start and a lost node are no fault."""
    by_node = {place.node.name: place for place in found}
    for one in detectors:
        status = one.daemon_set.status
        cited = [one.daemon_set.cite(f"status.{name}") for name in ("numberReady", "desiredNumberScheduled")]
        sick = [
            pod
            for pod in one.pods
            if not pod.is_ready
            and pod.spec.node_name in by_node
            and not is_settling(by_node[pod.spec.node_name], cluster)
        ]
        if sick:
            yield finding(
                "NpdPodsUnhealthy",
                one.daemon_set,
                evidence=[*cited, *(pod.cite("status.phase", pod.status_text) for pod in sick[:CITED_NODES])],
                names=sorted({pod.spec.node_name for pod in sick})[:_NAMED],
                nodes=len(sick),
                pod_name=sick[0].name,
                printed=sick[0].status_text,
                seen=True,
            )
        elif not one.pods.complete and not target.node and status.number_ready < one.daemon_set.desired:
            # Since when is not known without its pods: a rollout looks the same.
            yield finding(
                "NpdPodsUnhealthy",
                one.daemon_set,
                severity="info",
                evidence=cited,
                names=[],
                nodes=one.daemon_set.desired - status.number_ready,
                pod_name="",
                printed="",
                seen=False,
            )


def _deployed(one: Detector, found: list[Place]) -> Finding:
    return finding(
        "NpdDeployed",
        one.daemon_set,
        evidence=[
            one.daemon_set.cite(f"status.{name}") for name in ("numberReady", "desiredNumberScheduled")
        ],
        ready=one.daemon_set.ready,
        desired=one.daemon_set.desired,
        covered=sum(1 for place in found if place.is_covered),
        of=len(found),
        pods_known=one.pods.complete,
    )


def _table(detectors: list[Detector]) -> Table:
    rows = []
    for one in detectors:
        labels = one.daemon_set.metadata.labels
        addon = labels.get("addonmanager.kubernetes.io/mode") or labels.get("kubernetes.io/cluster-service")
        rows.append(
            [
                one.daemon_set.namespace,
                one.daemon_set.name,
                one.container.image,
                str(one.daemon_set.desired),
                str(one.daemon_set.ready),
                str(one.daemon_set.status.updated_number_scheduled),
                f"yes ({addon})" if addon else "no",
            ]
        )
    numbers = ("WANTED", "READY", "UPDATED")
    return Table(
        caption="DaemonSets of node problem detector",
        columns=[
            Column(name=name, numeric=name in numbers)
            for name in ("NAMESPACE", "NAME", "IMAGE", *numbers, "ADD-ON")
        ],
        rows=rows,
    )
