"""What every text about an autoscaler may say of its numbers. Called by the modules that judge them."""

from __future__ import annotations

from typing import Any

from kuberunbooks.objects import HorizontalPodAutoscaler

from ..rules.autoscaling import least


def numbers(hpa: HorizontalPodAutoscaler) -> dict[str, Any]:
    """What every text about an autoscaler may say."""
    ref = hpa.spec.scale_target_ref
    return {
        "target_kind": ref.kind,
        "target_name": ref.name,
        "scaled": f"{ref.kind.lower()}/{ref.name}",
        "replicas": hpa.status.current_replicas,
        "desired": hpa.status.desired_replicas,
        "least": least(hpa),
        "most": hpa.spec.max_replicas,
    }
