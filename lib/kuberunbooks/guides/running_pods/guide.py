"""The steps of the running-pods guide, in order, and what it needs to read.

What the pods guide decides is decided by its rules here too: where the upstream guide
says "debug it", the pods guide's steps are asked.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster

from ..pods.change import change
from ..pods.crashes import crashes
from ..pods.guide import GUIDE as PODS
from ..pods.host_ports import host_ports
from ..pods.images import images
from ..pods.overall import overall
from ..pods.placement import placement
from ..pods.resolve import resolve as resolve_pods
from ..pods.resources import resources
from ..pods.scheduling import scheduling
from ..pods.shown_logs import noting_logs
from ..pods.target import Pods
from ..pods.terminating import terminating
from ..pods.timeline import timeline
from ..pods.waiting import waiting
from ..pods.workloads import workloads
from ..registry import Guide, Request
from ..step import combined
from .changes import changes
from .conditions import conditions
from .description import description
from .events import events
from .fit import fit
from .leftovers import leftovers
from .logs import logs, previous_logs
from .namespace_events import namespace_events
from .node_side import node_side
from .readiness import readiness
from .usage import usage
from .whole import whole_objects

MOST_REQUESTS = 25
"""What a run on one live pod may ask, whatever the cluster's size: it shows where the pods guide judges."""

listing = combined(
    "RP-01",
    "listing",
    [overall],
    title="What state are the pods in?",
    question="Are all containers running, and has anything restarted lately?",
)
causes = combined(
    "RP-03",
    "causes",
    [noting_logs(one) for one in (images, waiting, terminating, crashes, workloads)],
    title="Why is it not as it should be?",
    question="What keeps containers from starting, running and getting ready, and a deleted pod from going?",
)
pending = combined(
    "RP-08",
    "pending",
    [scheduling, resources, host_ports, placement, fit],
    title="Why has it no node?",
    question="What does the scheduler say of a pending pod, what is short, and how many would fit?",
)


def resolve(cluster: Cluster, request: Request) -> Pods:
    """As the pods guide does, with more requests for one pod. Raises what that raises."""
    target = resolve_pods(cluster, request)
    target.most_requests = MOST_REQUESTS
    return target


GUIDE = Guide(
    name="running-pods",
    title="Debug running pods",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-running-pod/",
    resolve=resolve,
    steps=(
        listing,
        description,
        causes,
        readiness,
        conditions,
        events,
        pending,
        namespace_events,
        whole_objects,
        logs,
        previous_logs,
        leftovers,
        usage,
        node_side,
        changes,
    ),
    timeline=timeline,
    change=change,
    rights=(
        *PODS.rights,
        ("list", "events.k8s.io", "events"),
        ("list", "apps", "controllerrevisions"),
        ("list", "metrics.k8s.io", "pods"),
        ("get", "metrics.k8s.io", "pods"),
    ),
)
