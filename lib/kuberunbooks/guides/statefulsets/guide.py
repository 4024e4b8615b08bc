"""The steps of the statefulsets guide, in order, and what it needs to read.

First who is there and who is stuck, because a stuck pod makes every other question
moot; then why pods are not ready; then what only StatefulSets have: the order, the
rollout by revisions, names and volumes that stay.
"""

from __future__ import annotations

from ..pods.guide import GUIDE as PODS
from ..registry import Guide
from ..step import combined
from .borrowed import causes, making
from .change import change
from .claims import claims
from .force import force
from .ordering import ordering
from .resolve import resolve
from .rollout import rollout
from .service import service
from .states import states
from .stuck import stuck
from .timeline import timeline

members = combined("SS-01", "members", [states, making], title=states.title, question=states.question)

GUIDE = Guide(
    name="statefulsets",
    title="Debug a StatefulSet",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-statefulset/",
    resolve=resolve,
    steps=(members, stuck, force, causes, ordering, rollout, service, claims),
    timeline=timeline,
    change=change,
    rights=(
        *PODS.rights,
        ("get", "apps", "statefulsets"),
        ("get", "", "services"),
        ("list", "apps", "controllerrevisions"),
        ("get", "coordination.k8s.io", "leases"),
        ("list", "coordination.k8s.io", "leases"),
    ),
)
