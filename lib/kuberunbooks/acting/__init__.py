"""Acting on a cluster: the only package that writes. Off unless `allow_actions` is true.

`actions` holds what a step may ask for, as data; `actor` does it; see there.
"""

from .actions import (
    LIFETIME,
    Action,
    Actor,
    Done,
    Obstacle,
    Planned,
    RightAnswer,
    add_ephemeral_container,
    fresh_name,
    make_pod,
    run_command,
)
from .pod_security import PodSecurity, pod_security

__all__ = [
    "LIFETIME",
    "Action",
    "Actor",
    "Done",
    "Obstacle",
    "Planned",
    "PodSecurity",
    "RightAnswer",
    "add_ephemeral_container",
    "fresh_name",
    "make_pod",
    "pod_security",
    "run_command",
]
