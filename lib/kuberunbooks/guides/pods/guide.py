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
from .scheduling import scheduling
from .services import endpoints, selectors, traffic
from .terminating import terminating
from .timeline import timeline
from .waiting import waiting
from .workloads import workloads

# What the steps read, whatever the target; deploy/rbac grants the same.
_READ = (
    ("", "pods"),
    ("", "events"),
    ("", "nodes"),
    ("", "namespaces"),
    ("", "services"),
    ("", "replicationcontrollers"),
    ("", "configmaps"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "resourcequotas"),
    ("", "limitranges"),
    ("", "serviceaccounts"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
    ("policy", "poddisruptionbudgets"),
    ("discovery.k8s.io", "endpointslices"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
    ("scheduling.k8s.io", "priorityclasses"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
)

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
        *(("list", group, resource) for group, resource in _READ),
        ("get", "", "pods"),
        ("get", "", "pods/log"),
        ("get", "", "nodes"),
    ),
)
