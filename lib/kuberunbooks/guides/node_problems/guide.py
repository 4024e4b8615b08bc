"""The steps of the node-problems guide, in order, and what it needs to read."""

from __future__ import annotations

from ..registry import Guide
from ..whole_cluster import no_change, no_timeline
from .conditions import conditions
from .configuration import configuration
from .events import events
from .installed import installed
from .kernel_log import kernel_log
from .log_access import log_access
from .overhead import overhead
from .published import published
from .rule_check import rules
from .target import resolve

GUIDE = Guide(
    name="node-problems",
    title="Monitor node health",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/monitor-node-health/",
    resolve=resolve,
    steps=(installed, log_access, configuration, published, rules, conditions, events, overhead, kernel_log),
    timeline=no_timeline,
    change=no_change,
    rights=(
        ("list", "", "nodes"),
        ("get", "", "nodes"),
        ("list", "apps", "daemonsets"),
        ("list", "", "pods"),
        ("get", "", "configmaps"),
        ("list", "", "events"),
    ),
)
