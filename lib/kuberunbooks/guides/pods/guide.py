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
from .resolve import resolve
from .resources import resources
from .rights import NEEDED_TO_START, PODS_AND_MAKERS, to_read
from .scheduling import scheduling
from .services import endpoints, selectors, traffic
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
    rights=to_read(
        *PODS_AND_MAKERS,
        *NEEDED_TO_START,
        ("", "resourcequotas"),
        ("", "limitranges"),
        ("", "serviceaccounts"),
        ("policy", "poddisruptionbudgets"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
    ),
)
