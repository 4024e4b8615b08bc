"""Whether a case holds a list at all, for looks beyond what was asked for.

A recording of one namespace holds no kube-system, which is no gap of a run on that
namespace. Called by the steps that would look there.
"""

from __future__ import annotations

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import KubernetesObject


def is_held(kind: type[KubernetesObject], namespace: str, cluster: Cluster) -> bool:
    """True live, where one may always ask; of a case whether that namespace's list, or all's, is there.

    An empty namespace is all of them: a case that holds some of them counts.
    """
    if cluster.origin.kind == "live" or not namespace:
        return True
    places = (kind.api.path(namespace), kind.api.path(""))
    return any(cluster.recorded(place) is not None for place in places)
