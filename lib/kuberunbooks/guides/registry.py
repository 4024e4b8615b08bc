"""Which guides there are. A guide is a target resolver and its steps, in order.

Called by the notebook session (which guide serves this notebook?) and by the
documentation generator.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import UnknownRunbook
from kuberunbooks.findings import Mark, StepResult

from .step import Step, Target

_MODULES = {
    "start-here": "kuberunbooks.guides.start_here",
    "pods": "kuberunbooks.guides.pods",
    "statefulsets": "kuberunbooks.guides.statefulsets",
    "init-containers": "kuberunbooks.guides.init_containers",
    "termination-messages": "kuberunbooks.guides.termination_messages",
    "running-pods": "kuberunbooks.guides.running_pods",
    "services": "kuberunbooks.guides.services",
    "ephemeral-debug": "kuberunbooks.guides.ephemeral_debug",
    "windows-networking": "kuberunbooks.guides.windows_networking",
    "telepresence": "kuberunbooks.guides.telepresence",
    "cluster": "kuberunbooks.guides.cluster",
    "node-problems": "kuberunbooks.guides.node_problems",
    "audit": "kuberunbooks.guides.audit",
    "monitoring-tools": "kuberunbooks.guides.monitoring_tools",
    "resource-metrics": "kuberunbooks.guides.resource_metrics",
    "shell": "kuberunbooks.guides.shell",
    "crictl": "kuberunbooks.guides.crictl",
}


class Request(NamedTuple):
    """What the person asked for: the notebook's parameters.

    `since` is in seconds, an empty namespace means all; `language` is that of captions and notes.
    """

    namespace: str
    target: str
    since: float
    options: dict[str, Any]
    language: str = "en"


class Guide(NamedTuple):
    """A guide: `resolve` finds the target (raises ClusterError when it cannot be read), `steps` run in order.

    `timeline` gives the marks of events and restarts, `change` one sentence on
    what changed before the headline began; both for the closing cell.
    """

    name: str
    title: str
    upstream: str
    resolve: Callable[[Cluster, Request], Target]
    steps: tuple[Step, ...]
    timeline: Callable[[Any, Cluster], list[Mark]]
    change: Callable[[Any, Cluster, list[StepResult]], str]
    rights: tuple[tuple[str, str, str], ...]
    """(verb, group, resource) each step may need; asked for before the first one."""
    opens: Literal["reached", "unreached", "anywhere"] = "reached"
    """What it takes to begin: an API server that answers; one that is named, for it may be what
    is wrong; or nothing at all, for a guide whose evidence may be files."""
    everywhere: bool = False
    """Reads all namespaces, whichever was asked for: the rights are asked for accordingly."""


def guides() -> list[str]:
    """The names of all guides."""
    return sorted(_MODULES)


def guide(name: str) -> Guide:
    """A guide by name. Raises UnknownRunbook."""
    if name not in _MODULES:
        raise UnknownRunbook(f"There is no guide {name!r}; there is {', '.join(guides())}.")
    found: Guide = importlib.import_module(_MODULES[name]).GUIDE
    return found
