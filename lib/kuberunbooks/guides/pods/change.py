"""What changed before it broke: the sentence of the report's first screen."""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import StepResult

from .target import Pods


def change(target: Pods, cluster: Cluster, steps: list[StepResult]) -> str:
    """One sentence on what changed before the headline began; empty when nothing is known."""
    del target, cluster, steps
    return ""
