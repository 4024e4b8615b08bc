"""What the first look reads: what the pods and the Services guide do, autoscalers, and the nodes' leases."""

from __future__ import annotations

from ..pods.guide import GUIDE as PODS
from ..services.guide import GUIDE as SERVICES

_MORE = (
    ("list", "autoscaling", "horizontalpodautoscalers"),
    ("get", "apiregistration.k8s.io", "apiservices"),
    ("list", "coordination.k8s.io", "leases"),
)
RIGHTS: tuple[tuple[str, str, str], ...] = tuple(dict.fromkeys((*PODS.rights, *SERVICES.rights, *_MORE)))
"""(verb, group, resource), each once."""
