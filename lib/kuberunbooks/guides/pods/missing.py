"""What the first step says of a target that is not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.findings import Finding, Subject, finding
from kuberunbooks.objects import Evidence, Namespace

from .target import Pods

_CODES = {"": "TargetMissing", "Pod": "PodMissing", "StatefulSet": "StatefulSetMissing"}


def missing_findings(target: Pods) -> Iterator[Finding]:
    """The target, or even its namespace, does not exist; or the namespace holds no pods and no workloads."""
    facts: dict[str, Any] = {
        "wanted": target.wanted,
        "place": target.namespace,
        "near": target.near_names,
        "elsewhere": target.other_namespaces,
        "unread": target.unread,
    }
    if target.namespace_missing:
        subject = Subject(kind="Namespace", namespace="", name=target.namespace)
        cited = Evidence(f"{Namespace.api.path()}#{target.namespace}", "metadata.name", "absent")
        yield finding("NamespaceMissing", subject, evidence=cited, **facts)
    elif target.missing:
        code = _CODES.get(target.kind, "WorkloadMissing")
        place = f"api/v1/namespaces/{target.namespace}" if target.namespace else "all namespaces"
        cited = Evidence(place, target.wanted, "absent")
        yield finding(code, target.subject, evidence=cited, resource=target.kind.lower() or "pods", **facts)
    elif not target.roots:
        yield finding("NamespaceEmpty", target.subject, **facts)
