"""RP-04: can readiness be relied on? A container without a readiness probe counts as ready once it runs."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Pod, Service, labels_text

from ..pods.target import Pods
from ..rules.label_index import LabelIndex
from ..step import Yielded, step


@step("RP-04", title="Does ready mean that it serves?")
def readiness(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Has what gets traffic a readiness probe, so that ready means something?"""
    running = [pod for pod in target.pods if not pod.is_terminal]
    places = {pod.namespace for pod in running}
    if not places:
        return
    place = target.namespace or (places.pop() if len(places) == 1 else "")
    pods = LabelIndex[Pod]((pod.namespace, pod.metadata.labels, pod) for pod in running)
    told: set[tuple[str, str]] = set()
    for service in cluster.look(Service, place):
        blind: dict[tuple[str, str], list[Pod]] = {}
        for pod in pods.select(service.namespace, service.spec.selector):
            if _has_no_probe(pod):
                blind.setdefault((pod.namespace, target.owner_name(pod) or pod.name), []).append(pod)
        for owner, alike in blind.items():
            if owner not in told:
                told.add(owner)
                yield _without_probe(alike, service)


def _has_no_probe(pod: Pod) -> bool:
    """Where one container has a probe, the others may well be helpers."""
    containers = (*pod.spec.containers, *pod.spec.init_containers)
    return bool(pod.spec.containers) and all(one.readiness_probe is None for one in containers)


def _without_probe(pods: list[Pod], service: Service) -> Finding:
    """Pods of one workload are made from one template: the first one speaks for all."""
    example = pods[0]
    one = finding(
        "NoReadinessProbe",
        example,
        evidence=[
            example.cite("spec.containers[0].readinessProbe"),
            service.cite("spec.selector", labels_text(service.spec.selector)),
        ],
        group=(service.name,),
        service=service.name,
        containers=[container.name for container in example.spec.containers],
    )
    one.count = len(pods)
    return one
