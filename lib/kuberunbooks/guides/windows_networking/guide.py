"""The steps of the windows-networking guide, in order, and what it needs to read.

What is not special to Windows (a node that is lost, a pod nobody can place, an image that
does not exist, a program that crashes) is decided by the pods guide's own steps.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Mark, StepResult

from ..pods.change import change as change_of_pods
from ..pods.crashes import crashes
from ..pods.guide import GUIDE as PODS
from ..pods.host_ports import host_ports
from ..pods.images import images as images_of_pods
from ..pods.overall import overall
from ..pods.placement import placement
from ..pods.resources import resources
from ..pods.scheduling import scheduling
from ..pods.timeline import timeline as timeline_of_pods
from ..pods.waiting import waiting
from ..registry import Guide
from ..step import Step
from .adapters import virtual_adapter
from .borrowed import of_windows_pods
from .connectivity import connectivity
from .dns import dns
from .flannel import flannel_rejoined, flannel_subnet, flannel_waiting
from .further import further, noting
from .hostname_override import kube_proxy
from .images import images
from .inventory import nodes
from .node_limits import node_ports, service_ips
from .outside import outside
from .port_forward import port_forward
from .proxies import proxies
from .resolve import resolve
from .sandboxes import sandboxes
from .target import WindowsNetworking


def _with_pods(one: Step, *others: Step) -> Step:
    """The step, and what the pods guide's steps say of the pods for Windows."""
    return one._replace(
        parts=(*one.parts, *(part for other in others for part in of_windows_pods(other).parts))
    )


def timeline(target: WindowsNetworking, cluster: Cluster) -> list[Mark]:
    """What happened to the pods for Windows, and to their nodes."""
    return timeline_of_pods(target.windows, cluster)


def change(target: WindowsNetworking, cluster: Cluster, steps: list[StepResult]) -> str:
    """What changed in the workloads of the pods for Windows before the headline began."""
    return change_of_pods(target.windows, cluster, steps)


GUIDE = Guide(
    name="windows-networking",
    title="Windows debugging tips",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/",
    resolve=resolve,
    steps=tuple(
        noting(one)
        for one in (
            _with_pods(nodes, overall),
            _with_pods(sandboxes, waiting, crashes),
            _with_pods(images, scheduling, resources, host_ports, placement, images_of_pods),
            connectivity,
            outside,
            node_ports,
            kube_proxy,
            service_ips,
            virtual_adapter,
            dns,
            port_forward,
            proxies,
            flannel_rejoined,
            flannel_waiting,
            flannel_subnet,
            further,
        )
    ),
    timeline=timeline,
    change=change,
    rights=(*PODS.rights, ("get", "", "services"), ("get", "", "configmaps")),
)
