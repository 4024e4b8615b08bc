"""The steps of the shell guide, in order, and what it needs to read."""

from __future__ import annotations

from ..pods.change import change
from ..pods.rights import PODS_AND_MAKERS, to_read
from ..pods.timeline import timeline
from ..registry import Guide
from .choice import UPSTREAM, choice, running
from .commands import commands
from .files import mounts, user_and_files
from .names import environment, resolver
from .processes import processes
from .shells import shells
from .sockets import sockets
from .target import resolve

GUIDE = Guide(
    name="shell",
    title="Get a shell to a running container",
    upstream=UPSTREAM,
    resolve=resolve,
    steps=(
        choice,
        running,
        shells,
        user_and_files,
        mounts,
        processes,
        sockets,
        resolver,
        environment,
        commands,
    ),
    timeline=timeline,
    change=change,
    rights=(*to_read(*PODS_AND_MAKERS), ("get", "", "services")),
)
