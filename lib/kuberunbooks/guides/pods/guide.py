"""The steps of the pods guide, in order, and what it needs to read."""

from __future__ import annotations

from ..registry import Guide
from .change import change
from .crashes import crashes
from .host_ports import host_ports
from .images import images
from .manifest import manifest
from .overall import overall
from .placement import placement
from .resources import resources
from .scheduling import scheduling
from .services import endpoints, selectors, traffic
from .resolve import resolve
from .terminating import terminating
from .timeline import timeline
from .waiting import waiting
from .workloads import workloads


GUIDE = Guide(
    name="pods",
    title="Debug pods",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-pods/",
    resolve=resolve,
    steps=(
        overall,
        scheduling,
        resources,
        host_ports,
        placement,
        images,
        waiting,
        terminating,
        crashes,
        manifest,
        workloads,
        endpoints,
        selectors,
        traffic,
    ),
    timeline=timeline,
    change=change,
    rights=(
        ("list", "", "pods"),
        ("list", "", "events"),
        ("get", "", "pods/log"),
    ),
)
