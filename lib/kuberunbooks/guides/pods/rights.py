"""The rights that reading pods takes, for the guides about pods; deploy/rbac grants the same.

Lists of (API group, resource) that a guide puts together, and what `to_read` makes of them.
"""

from __future__ import annotations

Resources = tuple[tuple[str, str], ...]

PODS_AND_MAKERS: Resources = (
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
"""The pods, what they belong to, and what happened to them."""

NEEDED_TO_START: Resources = (
    ("", "services"),
    ("", "configmaps"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("discovery.k8s.io", "endpointslices"),
    ("storage.k8s.io", "storageclasses"),
    ("storage.k8s.io", "volumeattachments"),
    ("scheduling.k8s.io", "priorityclasses"),
)
"""What a container waits for, and what stands behind it."""


def to_read(*resources: tuple[str, str]) -> tuple[tuple[str, str, str], ...]:
    """(verb, group, resource): these may be listed, and single pods, their logs and nodes read."""
    return (
        *(("list", group, resource) for group, resource in resources),
        ("get", "", "pods"),
        ("get", "", "pods/log"),
        ("get", "", "nodes"),
    )
