"""The steps of the init-containers guide, in order, and what it needs to read."""

from __future__ import annotations

from ..pods.change import change
from ..pods.timeline import timeline
from ..registry import Guide
from .causes import causes
from .logs import logs
from .progress import progress
from .resolve import resolve
from .states import states
from .waits import waits

# What the steps read, those borrowed from the pods guide too; deploy/rbac grants the same.
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
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
    ("discovery.k8s.io", "endpointslices"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
    ("scheduling.k8s.io", "priorityclasses"),
)

GUIDE = Guide(
    name="init-containers",
    title="Debug init containers",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-init-containers/",
    resolve=resolve,
    steps=(progress, states, causes, logs, waits),
    timeline=timeline,
    change=change,
    rights=(
        *(("list", group, resource) for group, resource in _READ),
        ("get", "", "pods"),
        ("get", "", "pods/log"),
        ("get", "", "nodes"),
    ),
)
