"""Which pods are shown in full, and their objects with every field.

Of one pod that one; of many the worst few, of each workload one: the description is
there to look things up in, not to read for 5,000 pods. Used by every
step of the running-pods guide that shows rather than judges.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Note
from kuberunbooks.objects import Pod

from ..pods.target import Pods
from ..pods.timeline import worst_first

MOST_DESCRIBED = 3
"""Pods shown in full in one run."""


def described(target: Pods) -> list[Pod]:
    """The pods to show: the one asked for, else the worst; of a workload without sick pods its first."""
    if target.single:
        return list(target.pods)
    if target.suspects:
        # Of pods made from one template one shows them all.
        by_owner: dict[tuple[str, str], Pod] = {}
        for pod in worst_first(target):
            by_owner.setdefault((pod.namespace, target.owner_name(pod) or pod.name), pod)
        return list(by_owner.values())[:MOST_DESCRIBED]
    return target.pods[:1] if target.wanted else []


def left_out(target: Pods) -> Iterator[Note]:
    """What is said when not every pod is shown."""
    shown = described(target)
    if not target.pods or len(shown) == len(target.pods):
        return
    if not shown:
        yield Note(
            text="No pod is shown in full, because none is in trouble: name one as the target to see it."
        )
        return
    names = ", ".join(pod.name for pod in shown)
    yield Note(
        text=f"Shown in full: {names}, of {len(target.pods):,} pods; name one as the target to see it."
    )


def whole(pod: Pod, cluster: Cluster) -> dict[str, Any]:
    """The pod with every field the server holds; empty when it cannot be read (coverage says so)."""
    try:
        return cluster.read_raw_object(Pod, pod.namespace, pod.name)
    except ClusterError as error:
        cluster.note_failure(error, "get pods", pod.namespace)
        return {}


def member(value: Any, *path: str) -> Any:
    """A field deep inside a plain object; None where anything on the way is missing or of another type."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def entries(value: Any) -> list[dict[str, Any]]:
    """The objects of a plain list; none when it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def words(values: Iterable[object]) -> str:
    """Values side by side, those that say nothing left out; `none` for none."""
    return ", ".join(str(value) for value in values if value not in ("", None)) or "none"
