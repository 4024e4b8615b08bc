"""Puts together what could be intercepted: a Service, the workload behind it, and the ways in.

A workload without a Service can be intercepted too, by container ports it names in an
annotation. Called by the step about targets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import Evidence, Namespace, Pod, PodTemplate, Service, ServicePort
from kuberunbooks.objects.pod import TemplateMeta

from ..pods.target import Controller
from ..rules.label_index import LabelIndex
from ..rules.telepresence_objects import Settings, agent_of
from ..rules.telepresence_targets import (
    Obstacle,
    Way,
    chosen_container_ports,
    init_obstacle,
    mesh_of,
    service_obstacles,
    template_obstacles,
    ways,
)
from .target import Telepresence


class Candidate(NamedTuple):
    """A Service (None: the workload has none) with the workload behind it and what stands in the way.

    `workload` is its name as the client takes it, `kind` its kind; `carries` whether its pods
    have an agent already, so that nothing is restarted.
    """

    service: Service | None
    workload: str
    kind: str
    namespace: str
    ways: list[Way]
    lost: list[ServicePort]
    obstacles: list[Obstacle]
    carries: bool
    mesh: str
    evidence: tuple[Evidence, ...]

    @property
    def label(self) -> str:
        """`service/web`, else the workload."""
        return self.service.kind_name if self.service is not None else f"{self.kind.lower()}/{self.workload}"


class _Maker(NamedTuple):
    """What makes pods: its kind and name as the client knows them, and what it makes them from."""

    kind: str
    name: str
    namespace: str
    template: PodTemplate
    evidence: Evidence
    desired: int | None
    pods: list[Pod]


def candidates(target: Telepresence, cluster: Cluster) -> list[Candidate]:
    """One for each Service and workload that meet, and for each named workload without a Service."""
    makers = list(_makers(target))
    index = LabelIndex[_Maker]((one.namespace, one.template.metadata.labels, one) for one in makers)
    found: list[Candidate] = []
    served: set[tuple[str, str]] = set()
    for service in target.services:
        blocked = list(service_obstacles(service))
        behind = [] if blocked else _unlike(index.select(service.namespace, service.spec.selector))
        if not behind:
            nothing = Obstacle("nothing-behind", (service.cite("spec.selector"),))
            found.append(_alone(service, blocked or [nothing]))
        for maker in behind:
            served.add((maker.namespace, maker.name))
            found.append(_candidate(service, maker, target, cluster))
    if target.is_explicit and target.service is None:
        found += [
            _serviceless(one, target) for one in _unlike(makers) if (one.namespace, one.name) not in served
        ]
    return found


def _makers(target: Telepresence) -> Iterator[_Maker]:
    """The top workloads, and pods whose maker is of another kind (an Argo Rollout) or nobody."""
    members: dict[tuple[str, str, str], list[Pod]] = {}
    for pod in target.pods:
        top = target.behind.top_of(pod)
        if top is not None and top.controller is None:
            members.setdefault(top.key, []).append(pod)
    tops = {one.key: one for one in target.behind.roots if one.controller is None}
    tops.update({key: target.behind.controllers[key] for key in members if key in target.behind.controllers})
    for key, top in tops.items():
        yield _Maker(
            top.kind,
            top.name,
            top.namespace,
            top.template,
            top.cite("kind", top.kind),
            _desired(top),
            members.get(key, []),
        )
    for pod in target.pods:
        top = target.behind.top_of(pod)
        if pod.is_terminal or (top is not None and top.controller is None):
            continue
        above = (top.controller if top is not None else None) or pod.controller
        template = PodTemplate(
            metadata=TemplateMeta(labels=pod.metadata.labels, annotations=pod.metadata.annotations),
            spec=pod.spec,
        )
        kind, name = (above.kind, above.name) if above is not None else ("Pod", pod.name)
        yield _Maker(kind, name, pod.namespace, template, pod.cite("metadata.ownerReferences"), None, [pod])


def _desired(top: Controller) -> int | None:
    desired = getattr(top, "desired", None)
    return desired if isinstance(desired, int) else None


def _unlike(makers: list[_Maker]) -> list[_Maker]:
    """Of pods with the same maker one."""
    return list({(one.namespace, one.kind, one.name): one for one in reversed(makers)}.values())[::-1]


def _alone(service: Service, obstacles: list[Obstacle]) -> Candidate:
    return Candidate(service, "", "", service.namespace, [], [], obstacles, False, "", ())


def _candidate(service: Service, maker: _Maker, target: Telepresence, cluster: Cluster) -> Candidate:
    found, lost = ways(service, maker.template.spec)
    settings = target.manager.settings if target.manager is not None else Settings()
    obstacles = [
        *_of_maker(maker, settings),
        *template_obstacles(maker.template, found, lost, settings, maker.evidence),
        *_of_namespace(maker.namespace, found, settings, target, cluster),
    ]
    return Candidate(
        service,
        maker.name,
        maker.kind,
        maker.namespace,
        found,
        lost,
        obstacles,
        any(agent_of(pod) is not None for pod in maker.pods),
        mesh_of(maker.template.spec, maker.template.metadata.annotations),
        (service.cite("spec.ports"), maker.evidence),
    )


def _serviceless(maker: _Maker, target: Telepresence) -> Candidate:
    """Without a Service only the container ports count that an annotation names."""
    settings = target.manager.settings if target.manager is not None else Settings()
    obstacles = list(_of_maker(maker, settings))
    if not obstacles and not chosen_container_ports(maker.template):
        obstacles.append(Obstacle("no-service", (maker.evidence,)))
    return Candidate(
        None,
        maker.name,
        maker.kind,
        maker.namespace,
        [],
        [],
        obstacles,
        any(agent_of(pod) is not None for pod in maker.pods),
        mesh_of(maker.template.spec, maker.template.metadata.annotations),
        (maker.evidence,),
    )


def _of_maker(maker: _Maker, settings: Settings) -> Iterator[Obstacle]:
    if maker.kind not in settings.kinds:
        yield Obstacle("kind", (maker.evidence,), maker.kind)
    elif maker.desired == 0:
        yield Obstacle("scaled-to-zero", (maker.evidence,))


def _namespace(name: str, target: Telepresence, cluster: Cluster) -> Namespace | None:
    """One request, also for all namespaces."""
    if target.namespace:
        return cluster.find(Namespace, "", name).object
    return next((one for one in cluster.look(Namespace) if one.name == name), None)


def _of_namespace(
    namespace: str, found: list[Way], settings: Settings, target: Telepresence, cluster: Cluster
) -> Iterator[Obstacle]:
    """Whether the namespace is one the manager looks after, and lets the init container in."""
    injectors = target.installed.injectors
    if len(injectors) == 1 and injectors[0].selects(namespace) is False:
        cited = injectors[0].configuration.cite(f"{injectors[0].path}.namespaceSelector")
        yield Obstacle("namespace", (cited,))
    if found and all(way.by_rules for way in found):
        place = _namespace(namespace, target, cluster)
        key = "pod-security.kubernetes.io/enforce"
        labels = place.metadata.labels if place is not None else {}
        enforced = place.cite(f"metadata.labels['{key}']") if place is not None else None
        if (obstacle := init_obstacle(found, settings, labels, enforced)) is not None:
            yield obstacle
