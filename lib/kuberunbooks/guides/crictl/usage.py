"""CR-11 (ours): what containers use, as the runtime measures it: also where the metrics API is silent."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Container, Evidence, Pod, parse_quantity

from ..rules.crictl_compare import PodIndex, clocks
from ..rules.crictl_images import byte_text
from ..rules.crictl_read import NodeRuntime, Seen
from ..rules.crictl_values import ContainerUse, same_id
from ..rules.thresholds import MEMORY_HIGH
from ..step import NotChecked, Yielded, step
from .target import RuntimeNodes, cite
from .version import NOTHING

_ROWS = 30


@step("CR-11", title="What do containers use?")
def usage(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Which containers use the most memory and disk, and is one near what it may?"""
    told = [(one, one.uses) for one in target.runtimes(cluster) if one.uses is not None]
    for one, seen in told:
        yield _table(one, seen)
        if clocks(seen, cluster.now).comparable:
            index, _ = target.pods_on(one.node, cluster)
            yield from _near(seen, index)
    if not told:
        heard = bool(target.runtimes(cluster))
        yield NotChecked(
            "What containers use was not asked: give what crictl stats prints." if heard else NOTHING
        )


def _near(seen: Seen[list[ContainerUse]], index: PodIndex) -> Iterator[Finding]:
    """A writable layer near the container's limit: when it is over, the pod is evicted."""
    for pod in index.pods:
        for view in pod.containers():
            use = next((one for one in seen.value if same_id(view.status.container_id, one.id)), None)
            limit = _limit(view.spec) if view.spec is not None else None
            if use is None or limit is None or use.disk < limit * Decimal(str(MEMORY_HIGH)):
                continue
            yield finding(
                "WritableLayerNearLimit",
                pod,
                container=view.name,
                evidence=(
                    cite(seen, f"{use.id[:13]} writable layer {use.disk} bytes"),
                    _cite_limit(pod, view.name),
                ),
                used=byte_text(use.disk),
                limit=byte_text(int(limit)),
                share=round(100 * use.disk / float(limit)),
            )


def _limit(container: Container) -> Decimal | None:
    value = container.resources.limits.get("ephemeral-storage")
    limit = parse_quantity(value) if value is not None else Decimal(0)
    return limit if limit > 0 else None


def _cite_limit(pod: Pod, name: str) -> Evidence:
    place = next((at for at, one in enumerate(pod.spec.containers) if one.name == name), 0)
    return pod.cite(f"spec.containers[{place}].resources.limits")


def _table(one: NodeRuntime, seen: Seen[list[ContainerUse]]) -> Table:
    rows = sorted(seen.value, key=lambda each: -each.memory)
    return Table(
        caption=f"Use of the containers on {one.node or 'the node'}, the most memory first",
        columns=[
            *(Column(name=name) for name in ("container", "pod", "id")),
            *(Column(name=name, numeric=True) for name in ("memory", "writable layer", "cpu")),
        ],
        rows=[
            [
                each.name,
                f"{each.namespace}/{each.pod}" if each.namespace else each.pod,
                each.id[:13],
                byte_text(each.memory),
                byte_text(each.disk),
                "" if each.cpu is None else f"{each.cpu:.3f}",
            ]
            for each in rows[:_ROWS]
        ],
        omitted=max(0, len(rows) - _ROWS),
    )
