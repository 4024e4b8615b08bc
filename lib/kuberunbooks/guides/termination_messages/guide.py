"""The steps of the termination-messages guide, in order, and what it needs to read."""

from __future__ import annotations

from ..pods.change import change
from ..pods.resolve import resolve
from ..pods.timeline import timeline
from ..registry import Guide
from .ended import ended
from .failing import failing
from .limits import limits
from .messages import messages
from .sources import path, policy

# The pods, what they belong to, and what happened to them; everything else this guide needs is in the pods.
_READ = (
    ("", "pods"),
    ("", "events"),
    ("", "nodes"),
    ("", "namespaces"),
    ("", "replicationcontrollers"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("apps", "daemonsets"),
    ("batch", "jobs"),
    ("batch", "cronjobs"),
)

GUIDE = Guide(
    name="termination-messages",
    title="Determine the reason for pod failure",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/",
    resolve=resolve,
    steps=(ended, messages, failing, path, policy, limits),
    timeline=timeline,
    change=change,
    rights=(
        *(("list", group, resource) for group, resource in _READ),
        ("get", "", "pods"),
        ("get", "", "pods/log"),
        ("get", "", "nodes"),
    ),
)
