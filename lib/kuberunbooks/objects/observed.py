"""What is measured or renewed beside the objects themselves: usage of pods, leases of nodes."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from .base import Api, KubernetesObject, Time, View


class ContainerUsage(View):
    """containers[] of a PodMetrics; quantities as the API writes them (`12345678n` cpu, `20Ki` memory)."""

    name: str = ""
    usage: dict[str, Any] = {}


class PodMetrics(KubernetesObject):
    """What a pod uses, by the metrics API: an average over `window` that ended at `timestamp`."""

    api: ClassVar[Api] = Api("metrics.k8s.io/v1beta1", "pods", "PodMetrics")
    timestamp: Time = None
    window: str = ""
    containers: list[ContainerUsage] = []


class NodeMetrics(KubernetesObject):
    """What a node uses, by the metrics API: an average over `window` that ended at `timestamp`."""

    api: ClassVar[Api] = Api("metrics.k8s.io/v1beta1", "nodes", "NodeMetrics", namespaced=False)
    timestamp: Time = None
    window: str = ""
    usage: dict[str, Any] = {}


class LeaseSpec(View):
    """spec of a Lease."""

    holder_identity: str = ""
    acquire_time: Time = None
    renew_time: Time = None
    lease_duration_seconds: int | None = None


class Lease(KubernetesObject):
    """A Lease: the kubelet of node N renews `kube-node-lease/N` every ten seconds."""

    api: ClassVar[Api] = Api("coordination.k8s.io/v1", "leases", "Lease")
    spec: LeaseSpec = msgspec.field(default_factory=LeaseSpec)
