"""Why an autoscaler stands where it stands: one finding for each, which is the answer in a sentence.

Called by the step about autoscalers (RM-08). Trouble that its controller reports comes
first, then requests that are missing, then what its numbers say.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import SEVERITIES, Finding
from kuberunbooks.objects import HorizontalPodAutoscaler

from ..rules.autoscaling import trouble_of
from .hpa_requests import requests
from .hpa_standing import standing
from .hpa_troubles import not_judged, partly, troubled
from .scaled import lacking_requests, scaled
from .target import Measured


def judge(target: Measured, cluster: Cluster, hpa: HorizontalPodAutoscaler) -> list[Finding]:
    """The answer first; after it what else is wrong with this autoscaler."""
    trouble, below = trouble_of(hpa), scaled(target, cluster, hpa)
    if not hpa.status.conditions:
        return [not_judged(target, cluster, hpa, below)]
    found = list(troubled(target, cluster, hpa, below, trouble)) if trouble is not None else []
    if trouble is None or trouble.kind not in ("target missing", "target unreadable"):
        lacking = lacking_requests(target, cluster, hpa, below)
        found += requests(target, cluster, hpa, trouble, lacking)
    if trouble is None:
        found = [standing(cluster, hpa, below), *found, *partly(hpa, known=bool(found))]
        found.sort(key=lambda one: SEVERITIES.index(one.severity))
    return found
