"""RP-10: the objects as the server holds them, every field of them, without secrets and without noise."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster

from ..documents import Manifest
from ..pods.target import Pods
from ..step import Yielded, step
from .described import described, whole


@step("RP-10", title="What does the server hold of it?")
def whole_objects(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What is in the fields that no table shows?"""
    for pod in described(target):
        held = whole(pod, cluster)
        if held:
            yield Manifest(f"Pod {pod.name} as YAML, secrets and managedFields left out", held)
