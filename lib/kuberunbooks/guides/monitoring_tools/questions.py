"""The questions a Prometheus is asked, in PromQL, about pods, a node, a namespace or the cluster.

Every value stands in quotes and every pattern is escaped, whatever a name holds. The
metrics are those of the kubelet's cAdvisor, kube-state-metrics and node-exporter, by the
names and labels they have unless somebody changed them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from kuberunbooks.objects import Node, Pod

from ..resource_metrics.target import Measured

MOST_POINTS = 240
"""Of one line: more than a drawing shows, and far from the 11,000 at which Prometheus refuses."""
MOST_PODS = 12
"""So many pods get lines of their own; of more, those that restarted and the newest."""
_FINEST_STEP = 30
_STEP_GRAIN = 15
_RATE_AT_LEAST = 300
# Of names the API server generates (apimachinery, rand.SafeEncodeString): no vowels, so that the pods of
# `web` are not those of `web-api`.
_GENERATED = "[bcdfghjklmnpqrstvwxz0-9]"
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")
_MADE_NAMES = {
    "Deployment": f"-{_GENERATED}{{1,10}}-{_GENERATED}{{5}}",
    "ReplicaSet": f"-{_GENERATED}{{5}}",
    "ReplicationController": f"-{_GENERATED}{{5}}",
    "DaemonSet": f"-{_GENERATED}{{5}}",
    "Job": f"-(?:[0-9]+-)?{_GENERATED}{{5}}",
    "CronJob": f"-[0-9]+-(?:[0-9]+-)?{_GENERATED}{{5}}",
    "StatefulSet": "-[0-9]+",
}


class Question(NamedTuple):
    """A PromQL expression; `name` is the word for it in the case."""

    name: str
    expression: str


class Window(NamedTuple):
    """From when to when, and the seconds between two values."""

    start: datetime
    end: datetime
    step: int

    @property
    def rate(self) -> str:
        """The range of a `rate()`: four scrapes a minute apart at least, and no value unused."""
        return f"{max(_RATE_AT_LEAST, 2 * self.step)}s"


class Scope(NamedTuple):
    """What is asked about: `matchers` choose its series; empty for the whole cluster.

    `pods` matches the labels namespace and pod; `nodes` are the matchers of a node, any of
    which may hold, since exporters name nodes by address or by name.
    """

    kind: str
    pods: str = ""
    nodes: tuple[str, ...] = ()
    node: str = ""


def quoted(text: str) -> str:
    """A value as a PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def pattern(text: str) -> str:
    """A name as a regular expression (RE2) that matches only itself."""
    return _SPECIAL.sub(r"\\\1", text)


def window(now: datetime, since: float, alert: datetime | None) -> Window:
    """From `since` seconds before the alert (else before now) to `since` after it, never past now."""
    middle = min(alert, now) if alert is not None else now
    start, end = middle - timedelta(seconds=since), min(now, middle + timedelta(seconds=since))
    seconds = max(1.0, (end - start).total_seconds())
    step = max(_FINEST_STEP, math.ceil(seconds / MOST_POINTS / _STEP_GRAIN) * _STEP_GRAIN)
    return Window(start, end, step)


def scope_of(target: Measured) -> Scope:
    """What of the target's a Prometheus knows by its labels."""
    if target.is_node:
        name = target.about.partition("/")[2]
        return Scope("node", nodes=_node_matchers(name, target.node), node=name)
    if target.wanted or target.about:
        return Scope("pods", pods=_pod_matchers(target))
    if target.namespace:
        return Scope("namespace", pods=f"namespace={quoted(target.namespace)}")
    return Scope("cluster")


def _pod_matchers(target: Measured) -> str:
    spaces = sorted(
        {pod.namespace for pod in target.pods} | ({target.namespace} if target.namespace else set())
    )
    names = _names(target)
    matchers = f"pod=~{quoted('|'.join(names))}"
    if spaces:
        matchers = f"namespace=~{quoted('|'.join(map(pattern, spaces)))},{matchers}"
    return matchers


def _names(target: Measured) -> list[str]:
    """Patterns of the pods' names: those there are, and of a workload those it had before."""
    names = [pattern(pod.name) for pod in shown_pods(target.pods)]
    if len(target.pods) > MOST_PODS:
        return names
    kind, name = target.kind, target.wanted.partition("/")[2] or target.wanted
    if target.autoscaler is not None:
        kind = target.autoscaler.spec.scale_target_ref.kind
        name = target.autoscaler.spec.scale_target_ref.name
    if kind in _MADE_NAMES:
        return [pattern(name) + _MADE_NAMES[kind], *names]
    return names or [pattern(name or target.about)]


def shown_pods(pods: Iterable[Pod]) -> list[Pod]:
    """At most a dozen pods: those with most restarts, then the newest."""

    def order(pod: Pod) -> tuple[int, float]:
        restarts = max((one.status.restart_count for one in pod.containers()), default=0)
        created = pod.metadata.creation_timestamp
        return (-restarts, -(created.timestamp() if created else 0.0))

    return sorted(pods, key=order)[:MOST_PODS]


def _node_matchers(name: str, node: Node | None) -> tuple[str, ...]:
    addresses = [one.address for one in node.status.addresses] if node is not None else []
    instances = "|".join(pattern(one) for one in dict.fromkeys([name, *addresses]) if one)
    return (f"instance=~{quoted(f'(?:{instances})(?::[0-9]+)?')}", f"node={quoted(name)}")
