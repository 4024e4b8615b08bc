"""The steps of the termination-messages guide, in order, and what it needs to read."""

from __future__ import annotations

from ..pods.change import change
from ..pods.resolve import resolve
from ..pods.rights import PODS_AND_MAKERS, to_read
from ..pods.timeline import timeline
from ..registry import Guide
from .ended import ended
from .failing import failing
from .limits import limits
from .messages import messages
from .sources import path, policy

GUIDE = Guide(
    name="termination-messages",
    title="Determine the reason for pod failure",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/",
    resolve=resolve,
    steps=(ended, messages, failing, path, policy, limits),
    timeline=timeline,
    change=change,
    rights=to_read(*PODS_AND_MAKERS),
)
