"""SS-07: do the pods have the names under which they look for each other?

The governing Service (spec.serviceName) gives each pod a DNS name of its own, POD.SERVICE.
That takes a Service of that name in the namespace, headless, whose selector matches the
pods. The API server checks none of it, and the name cannot be changed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kuberunbooks.cluster import Cluster, Glance
from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import Evidence, Service, StatefulSet, labels_text

from ..pods.target import Pods
from ..rules.thresholds import NEW_WORKLOAD
from ..step import Yielded, step
from .members import members_of

_HEADLESS = "None"
_MOST_ASKED = 3


@step(
    "SS-07",
    title="Does each pod have its DNS name?",
    upstream="https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-network-id",
)
def service(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is the governing Service there, headless, and does it select the pods?"""
    named = [
        one.root
        for one in members_of(target)
        if one.root.spec.service_name
        and one.root.metadata.deletion_timestamp is None
        # Of a manifest that is being applied the Service may come after the StatefulSet.
        and one.root.age(cluster.now) >= NEW_WORKLOAD
    ]
    found = _find(named, target, cluster)
    right: list[StatefulSet] = []
    for root in named:
        glance = found[root.key]
        if not glance.known:
            continue
        wrong = list(_judge(root, glance.object))
        yield from wrong
        if not wrong:
            right.append(root)
    if right:
        yield finding(
            "StatefulSetServiceRight",
            right[0] if len(right) == 1 else target.subject,
            evidence=right[0].cite("spec.serviceName") if len(right) == 1 else (),
            services=sorted({root.spec.service_name for root in right}),
            sets=[root.kind_name for root in right],
        )


def _find(
    roots: list[StatefulSet], target: Pods, cluster: Cluster
) -> dict[tuple[str, str, str], Glance[Service]]:
    """One GET for each of a few Services; for more one list, whatever their number."""
    if len(roots) <= _MOST_ASKED:
        return {root.key: cluster.find(Service, root.namespace, root.spec.service_name) for root in roots}
    listed = cluster.look(Service, target.namespace)
    by_name = {(one.namespace, one.name): one for one in listed}
    found = {root.key: by_name.get((root.namespace, root.spec.service_name)) for root in roots}
    return {key: Glance(one, one is not None or listed.complete) for key, one in found.items()}


def _judge(root: StatefulSet, one: Service | None) -> Iterator[Finding]:
    labels = root.template.metadata.labels
    where = Service.api.path(root.namespace)
    cited = root.cite("spec.serviceName")
    if one is None:
        absent = Evidence(where, f"metadata.name={root.spec.service_name}", "absent")
        yield _wrong(root, "missing", [cited, absent])
        return
    if one.spec.type == "ExternalName" or (one.spec.cluster_ip and one.spec.cluster_ip != _HEADLESS):
        yield _wrong(root, "address", [cited, one.cite("spec.clusterIP"), one.cite("spec.type")])
    elif not one.spec.selector:
        yield _wrong(root, "unselective", [cited, one.cite("spec.selector", "absent")])
    elif unmet := _unmet(one.spec.selector, labels):
        evidence = [cited, one.cite("spec.selector"), root.cite("spec.template.metadata.labels")]
        yield _wrong(root, "selector", evidence, unmet=unmet, selector=labels_text(one.spec.selector))


def _unmet(selector: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
    """What the Service wants and the pods do not carry: `app=db, the pods have app=cache`."""
    return [
        f"{key}={value}, the pods have {f'{key}={labels[key]}' if key in labels else f'no {key}'}"
        for key, value in selector.items()
        if labels.get(key) != value
    ]


def _wrong(
    root: StatefulSet,
    problem: str,
    evidence: list[Evidence],
    *,
    unmet: list[str] | None = None,
    selector: str = "",
) -> Finding:
    # About the Service and not the StatefulSet, whose pods' other troubles it does not explain.
    subject = Subject(kind="Service", namespace=root.namespace, name=root.spec.service_name)
    return finding(
        "StatefulSetServiceMissing",
        subject,
        evidence=evidence,
        since=root.metadata.creation_timestamp if problem == "missing" else None,
        group=(root.name, problem),
        problem=problem,
        set_name=root.name,
        unmet=unmet or [],
        selector=selector,
        wanted_selector=labels_text(root.selector.match_labels),
        example=f"{root.name}-{root.ordinals.start}.{root.spec.service_name}",
    )
