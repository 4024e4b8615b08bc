"""The steps of the audit guide, in order, and what it needs to read.

First whether anything is audited, then the policy, then the backends and what they can
take, then what the API server counts; and last what a log tells of what happened.
"""

from __future__ import annotations

from ..registry import Guide
from ..whole_cluster import no_change, no_timeline
from .backends import log_backend
from .enabled import enabled
from .flow import flow
from .log_analysis import suspicious, what_happened
from .logged import logged
from .policy import stages, valid_policy
from .resolve import resolve
from .truncation import truncation
from .tuning import modes, tuning
from .webhook import webhook_backend

GUIDE = Guide(
    name="audit",
    title="Auditing",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/",
    resolve=resolve,
    steps=(
        enabled,
        valid_policy,
        stages,
        logged,
        log_backend,
        webhook_backend,
        modes,
        tuning,
        flow,
        truncation,
        what_happened,
        suspicious,
    ),
    timeline=no_timeline,
    change=no_change,
    rights=(("list", "", "pods"),),
    # Policy, flags and log may be files on anybody's machine.
    opens="anywhere",
    everywhere=True,
)
