"""The steps of the cluster guide, in order, and what it needs to read."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..registry import Guide
from ..step import NotChecked, Step, StepFunction, Yielded
from .aggregated_apis import aggregated_apis
from .allocation import allocation
from .api_server import api_server
from .certificates import certificates
from .change import change
from .conditions import conditions
from .control_plane import control_plane
from .dump import dump
from .eviction import eviction
from .failure_modes import failure_modes
from .kubelet_log import kubelet_log
from .leases import leases
from .mitigations import mitigations
from .node_events import timeline
from .nodes import nodes
from .reachability import reachability
from .readiness import readiness
from .resolve import Nodes, resolve
from .system import system
from .taints import taints
from .webhooks import webhooks


def _while_reachable(one: Step) -> Step:
    """The step, which says that it was not run once the API server was found not to answer."""
    return one._replace(parts=tuple(_guarded(part) for part in one.parts))


def _guarded(part: StepFunction) -> StepFunction:
    @functools.wraps(part)
    def run(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
        if target.unreachable:
            yield NotChecked(f"Not asked, because the API server does not answer: {target.unreachable}.")
        else:
            yield from part(target, cluster)

    return run


GUIDE = Guide(
    name="cluster",
    title="Troubleshoot a cluster",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/",
    resolve=resolve,
    steps=(
        reachability,
        *(
            _while_reachable(one)
            for one in (
                nodes,
                readiness,
                dump,
                conditions,
                leases,
                taints,
                allocation,
                system,
                eviction,
                control_plane,
                kubelet_log,
                api_server,
                webhooks,
                aggregated_apis,
                certificates,
            )
        ),
        # They conclude from what was found, also from an API server that does not answer.
        failure_modes,
        mitigations,
    ),
    timeline=timeline,
    change=change,
    rights=(
        ("list", "", "nodes"),
        ("get", "", "nodes"),
        ("list", "", "pods"),
        ("list", "", "events"),
        ("list", "coordination.k8s.io", "leases"),
        ("get", "coordination.k8s.io", "leases"),
        ("get", "", "pods/log"),
        ("get", "", "configmaps"),
        ("list", "", "namespaces"),
        ("list", "", "services"),
        ("get", "", "services"),
        ("list", "discovery.k8s.io", "endpointslices"),
        ("list", "apps", "deployments"),
        ("list", "apps", "statefulsets"),
        ("list", "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("list", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("list", "apiregistration.k8s.io", "apiservices"),
    ),
    opens="unreached",
    everywhere=True,
)
