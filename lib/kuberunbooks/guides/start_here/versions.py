"""OV-02: which release is it, does it still get fixes, and do the kubelets go with it?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Subject, finding
from kuberunbooks.objects import Evidence

from ..pods.target import Pods
from ..rules.version_skew import Minor, minor_version, version_skew
from ..step import NotChecked, Yielded, step
from .lost_nodes import look_at_nodes
from .providers import provider_of
from .releases import as_of, support_of
from .resolve import look_of

_PATCH = re.compile(r"^v?(?P<patch>\d+\.\d+\.\d+)")
# Who supports a release for longer than the Kubernetes project does, by what they append to its version ...
_VENDORS = {
    "-eks": "Amazon EKS",
    "-gke": "Google GKE",
    "-aliyun": "Alibaba Cloud ACK",
    "-tke": "Tencent Cloud TKE",
}
# ... or by the cloud whose nodes they are: AKS appends nothing.
_CLOUDS = {"azure": "Azure AKS"}


@step(
    "OV-02",
    title="Which release is it, and does it still get fixes?",
    upstream="https://kubernetes.io/releases/",
)
def versions(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is the server's release still supported, and do the kubelets' versions go with it?"""
    version = cluster.origin.server_version
    minor = minor_version(version)
    if minor is None:
        yield NotChecked("The version of the API server is not known.")
        return
    nodes = look_at_nodes(target, cluster).listed
    told = look_of(target).told
    support = support_of(minor, cluster.now.date(), told)
    patch = _PATCH.match(version)
    subject = Subject(kind="Cluster", namespace="", name="cluster")
    cited = Evidence("version", "gitVersion", version)
    facts: dict[str, Any] = {
        "version": version,
        "patch": patch["patch"] if patch else "",
        "release": _text(minor),
        "ends": f"{support.ends:%Y-%m-%d}" if support.ends else "",
        "newest": _text(support.newest),
        "newer": support.newer,
        "as_of": f"{as_of():%Y-%m-%d}",
        "told": _text(told) if told else "",
        "vendor": _vendor(version, provider_of(nodes)),
    }
    yield finding("VersionReported", subject, evidence=cited, over=support.over, **facts)
    if support.over:
        yield finding(
            "VersionEndOfLife",
            subject,
            severity="info" if facts["vendor"] else None,
            evidence=cited,
            **facts,
        )
    yield from version_skew(nodes, version)


def _text(minor: Minor) -> str:
    return f"{minor[0]}.{minor[1]}"


def _vendor(version: str, provider: str) -> str:
    """Who may support this release for longer; empty where the project's own calendar counts."""
    named = next((vendor for mark, vendor in _VENDORS.items() if mark in version), "")
    return named or _CLOUDS.get(provider, "")
