"""The steps of the services guide, in order, and what it needs to read.

Why the pods behind a Service are not ready is decided by the pods guide's own steps.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Mark, StepResult

from ..pods.change import change as change_of_pods
from ..pods.crashes import crashes
from ..pods.guide import GUIDE as PODS
from ..pods.images import images
from ..pods.overall import overall
from ..pods.scheduling import scheduling
from ..pods.terminating import terminating
from ..pods.timeline import timeline as timeline_of_pods
from ..pods.waiting import waiting
from ..pods.workloads import workloads
from ..registry import Guide
from ..step import combined
from .behind import of_the_pods
from .client_pod import client_pod
from .cluster_dns import cluster_dns
from .definition import definition
from .direct import direct
from .endpoints import endpoints
from .existence import existence
from .hairpin import hairpin
from .kube_proxy import kube_proxy
from .lookups import lookups, node_lookup
from .policies import policies
from .proxy_rules import proxy_rules
from .proxying import proxying
from .resolv_conf import resolv_conf
from .resolve import resolve
from .target import Services
from .trace import on_hop
from .unexplained import unexplained
from .virtual_ip import virtual_ip

pods = combined(
    "SV-01",
    "pods",
    [of_the_pods(one) for one in (overall, scheduling, images, waiting, terminating, crashes, workloads)],
    title="Do the pods behind it run?",
    question="Are the pods the Service selects running and ready, and if not, why?",
)


def timeline(target: Services, cluster: Cluster) -> list[Mark]:
    """What happened to the pods behind the Services."""
    return timeline_of_pods(target.behind, cluster)


def change(target: Services, cluster: Cluster, steps: list[StepResult]) -> str:
    """What changed in the workloads behind the Services before the headline began."""
    return change_of_pods(target.behind, cluster, steps)


GUIDE = Guide(
    name="services",
    title="Debug Services",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-service/",
    resolve=resolve,
    steps=(
        on_hop("client", client_pod),
        on_hop("service", existence),
        on_hop("pods", pods),
        on_hop("policy", policies),
        on_hop("dns", lookups),
        on_hop("dns", node_lookup),
        on_hop("client", resolv_conf),
        on_hop("dns", cluster_dns),
        on_hop("proxy", virtual_ip),
        on_hop("service", definition),
        on_hop("slices", endpoints),
        on_hop("pods", direct),
        on_hop("proxy", kube_proxy),
        on_hop("proxy", proxy_rules),
        on_hop("proxy", proxying),
        on_hop("proxy", hairpin),
        unexplained,
    ),
    timeline=timeline,
    change=change,
    rights=(
        *PODS.rights,
        ("get", "", "services"),
        ("list", "networking.k8s.io", "networkpolicies"),
        ("get", "", "configmaps"),
        ("get", "apps", "daemonsets"),
    ),
)
