"""Fields of a pod that mean nothing on Windows: refused with spec.os.name, without effect otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Event, Pod

from ..pods.target import Controller
from ..rules.windows_pods import RX_NOT_ON_WINDOWS, is_host_process, linux_only_fields
from .target import WindowsNetworking

_MOST_READ = 5
"""Objects read whole, one request each."""
_MOST_ASKED = 50
_CREATION = frozenset(("FailedCreate", "SuccessfulCreate"))


def field_findings(target: WindowsNetworking, cluster: Cluster) -> Iterator[Finding]:
    """Workloads whose pods the API server refuses, then pods with fields that do nothing."""
    if not target.asked.single:
        for one in list(target.asked.controllers.values())[:_MOST_ASKED]:
            yield from _refused(one, target, cluster)
    yield from _without_effect(target, cluster)


def _refused(one: Controller, target: WindowsNetworking, cluster: Cluster) -> Iterator[Finding]:
    tried = [event for event in cluster.events(one) if event.reason in _CREATION]
    newest: Event | None = tried[-1] if tried else None
    if newest is None or newest.reason != "FailedCreate":
        return
    fields = list(dict.fromkeys(match["field"] for match in RX_NOT_ON_WINDOWS.finditer(newest.text)))
    if not fields:
        return
    top = target.asked.top_of(one) or one
    yield finding(
        "WindowsPodFieldsForbidden",
        top,
        evidence=newest.cite("message"),
        since=newest.first_seen,
        fields=fields,
        explains=[f"{one.namespace}/{one.kind_name}", f"{top.namespace}/{top.kind_name}"],
    )


def _without_effect(target: WindowsNetworking, cluster: Cluster) -> Iterator[Finding]:
    """Of each workload one pod is read whole: the typed view leaves these fields out."""
    examples: dict[tuple[str, str], Pod] = {}
    for pod in target.windows.pods:
        if (pod.spec.os is None or not pod.spec.os.name) and not is_host_process(pod.spec):
            examples.setdefault((pod.namespace, target.windows.owner_name(pod) or pod.name), pod)
    for pod in list(examples.values())[:_MOST_READ]:
        try:
            raw = cluster.read_raw_object(Pod, pod.namespace, pod.name)
        except ClusterError as error:
            cluster.note_failure(error, "get pods", pod.namespace)
            return
        spec = raw.get("spec")
        fields = linux_only_fields(spec) if isinstance(spec, dict) else []
        if fields:
            yield finding(
                "WindowsFieldsWithoutEffect",
                pod,
                evidence=pod.cite(f"spec.{fields[0]}", "set"),
                group=(tuple(fields),),
                fields=fields,
            )
