"""IC-03: why does an init container not finish?

The pods guide's own steps, asked of the pods with init containers: placement, images,
configuration, ends. They also say what an app container or a sidecar died of once the
init phase is over. The logs they show are remembered, so that no step shows one again.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..pods.crashes import crashes
from ..pods.host_ports import host_ports
from ..pods.images import images
from ..pods.placement import placement
from ..pods.resources import resources
from ..pods.scheduling import scheduling
from ..pods.shown_logs import noting_logs
from ..pods.target import Pods
from ..pods.waiting import waiting
from ..step import Yielded, combined, step
from .resolve import say_if_idle


@step("IC-03", title="Is there anything to ask about?")
def _presence(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Says so when there is not."""
    del cluster
    yield from say_if_idle(target)


_ASKED = (scheduling, resources, host_ports, placement, images, waiting, crashes)

causes = combined(
    "IC-03",
    "causes",
    [_presence, *(noting_logs(one) for one in _ASKED)],
    title="Why does one not finish?",
    question="Has the pod a node, are images, volumes and configuration there, and how did the last run end?",
)
