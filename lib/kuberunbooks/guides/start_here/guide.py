"""The steps of the first look, in order, and what it needs to read.

First whether it is the cluster or the application, then everything that is wrong, then
what was not permitted, and at the end what others need to know who are asked for help.
"""

from __future__ import annotations

from ..pods.change import change
from ..pods.timeline import timeline
from ..registry import Guide
from .access import access
from .asking import asking
from .facts import facts
from .resolve import resolve
from .rights import RIGHTS
from .sweep import sweep
from .triage import triage
from .versions import versions

GUIDE = Guide(
    name="start-here",
    title="Start here",
    upstream="https://kubernetes.io/docs/tasks/debug/",
    resolve=resolve,
    steps=(triage, sweep, access, versions, facts, asking),
    timeline=timeline,
    change=change,
    rights=RIGHTS,
    opens="unreached",
)
