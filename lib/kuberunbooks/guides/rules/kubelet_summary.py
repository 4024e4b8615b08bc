"""Reads what a kubelet says of usage (/stats/summary) as if the metrics API had said it.

The views carry where they were read, so that evidence names the kubelet and not an API
the cluster may not serve. Called where a case holds a kubelet's summary.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from kuberunbooks.objects import NodeMetrics, PodMetrics, Time, View
from kuberunbooks.objects.base import Meta
from kuberunbooks.objects.observed import ContainerUsage

_NANO = Decimal("1e-9")


class KubeletNodeUse(NodeMetrics):
    """What a node uses, by its kubelet."""

    @property
    def source(self) -> str:
        """`nodes/n1/stats/summary`."""
        return f"nodes/{self.name}/stats/summary"


class KubeletPodUse(PodMetrics):
    """What a pod uses, by the kubelet of `node`."""

    node: str = ""

    @property
    def source(self) -> str:
        """`nodes/n1/stats/summary#shop/web-1`."""
        return f"nodes/{self.node}/stats/summary#{self.namespace}/{self.name}"


class Summary(NamedTuple):
    """A kubelet's summary: its node and the pods on it."""

    node: KubeletNodeUse
    pods: list[KubeletPodUse]


class _Cpu(View):
    time: Time = None
    usage_nano_cores: float | None = None


class _Memory(View):
    time: Time = None
    working_set_bytes: float | None = None


class _Container(View):
    name: str = ""
    cpu: _Cpu = msgspec.field(default_factory=_Cpu)
    memory: _Memory = msgspec.field(default_factory=_Memory)


class _Ref(View):
    name: str = ""
    namespace: str = ""


class _Pod(View):
    pod_ref: _Ref = msgspec.field(default_factory=_Ref)
    containers: list[_Container] = []


class _Answer(View):
    node: _Container = msgspec.field(default_factory=_Container)
    pods: list[_Pod] = []


def read_summary(body: bytes, node: str) -> Summary | None:
    """The usage in a kubelet's /stats/summary; None where it cannot be read."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    pods = [
        KubeletPodUse(
            metadata=Meta(name=one.pod_ref.name, namespace=one.pod_ref.namespace),
            timestamp=_time(one.containers),
            containers=[ContainerUsage(name=part.name, usage=_usage(part)) for part in one.containers],
            node=node,
        )
        for one in answer.pods
    ]
    own = KubeletNodeUse(metadata=Meta(name=node), timestamp=_time([answer.node]), usage=_usage(answer.node))
    return Summary(own, pods)


def _time(measured: list[_Container]) -> datetime | None:
    times = [at for one in measured for at in (one.cpu.time, one.memory.time) if at is not None]
    return min(times, default=None)


def _usage(measured: _Container) -> dict[str, Any]:
    """As the metrics API writes it: cores and bytes as text, what was not measured left out."""
    usage: dict[str, Any] = {}
    if measured.cpu.usage_nano_cores is not None:
        usage["cpu"] = f"{Decimal(measured.cpu.usage_nano_cores) * _NANO:f}"
    if measured.memory.working_set_bytes is not None:
        usage["memory"] = f"{int(measured.memory.working_set_bytes)}"
    return usage
