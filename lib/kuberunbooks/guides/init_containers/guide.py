"""The steps of the init-containers guide, in order, and what it needs to read."""

from __future__ import annotations

from ..pods.change import change
from ..pods.rights import NEEDED_TO_START, PODS_AND_MAKERS, to_read
from ..pods.timeline import timeline
from ..registry import Guide
from .causes import causes
from .logs import logs
from .progress import progress
from .resolve import resolve
from .states import states
from .waits import waits

GUIDE = Guide(
    name="init-containers",
    title="Debug init containers",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-application/debug-init-containers/",
    resolve=resolve,
    steps=(progress, states, causes, logs, waits),
    timeline=timeline,
    change=change,
    rights=to_read(*PODS_AND_MAKERS, *NEEDED_TO_START),
)
