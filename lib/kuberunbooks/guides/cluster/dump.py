"""CL-03: a record of the cluster as it is, to look at later."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import finding
from kuberunbooks.objects import Evidence

from ..step import Yielded, step
from .answer import THE_CLUSTER
from .resolve import Nodes


@step("CL-03", title="Is the state on record?")
def dump(target: Nodes, cluster: Cluster) -> Iterator[Yielded]:
    """What of the cluster's state is kept, so that it can be looked at when it has changed?"""
    del target, cluster
    yield finding(
        "ClusterDumpTaken", THE_CLUSTER, evidence=Evidence("this run", "case.zip", "written at its end")
    )
