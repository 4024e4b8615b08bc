"""The steps of the crictl guide, in order, and what it needs to read."""

from __future__ import annotations

from ..registry import Guide
from ..whole_cluster import no_change, no_timeline
from .containers import containers
from .disk import disk
from .endpoint import endpoint
from .images import images
from .runtime import runtime
from .sandboxes import made_by_hand, sandboxes
from .spoken import captured, executed
from .target import resolve
from .usage import usage
from .version import UPSTREAM, version

GUIDE = Guide(
    name="crictl",
    title="Debug nodes with crictl",
    upstream=UPSTREAM,
    resolve=resolve,
    steps=(
        version,
        endpoint,
        runtime,
        sandboxes,
        containers,
        images,
        disk,
        usage,
        executed,
        captured,
        made_by_hand,
    ),
    timeline=no_timeline,
    change=no_change,
    rights=(
        ("get", "", "nodes"),
        ("list", "", "nodes"),
        ("list", "", "pods"),
        ("get", "", "pods"),
    ),
    everywhere=True,
)
