"""Which runbook explains a finding best, and the command that runs it.

Decided by what the finding is about, and for pods by their maker and the file of the
catalogue the code stands in. Called by the sweep for each row of its table.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import BadParameter
from kuberunbooks.findings import Finding

from ..pods.target import Pods
from ..pods.wanted import parse_target
from .resolve import look_of

_RECORDED = "case.zip"
_USUAL_SINCE = 3600.0
# What is not there cannot be looked at closer: where else is it?
_ABSENT = frozenset(
    {"NamespaceMissing", "TargetMissing", "PodMissing", "WorkloadMissing", "StatefulSetMissing"}
)
_DEBUGGING = frozenset({"DebugPodLeftBehind", "EphemeralLeftBehind"})
_INIT = frozenset(
    {
        "InitPodFailed",
        "InitCrashLoop",
        "InitContainerFailed",
        "InitWaitToolFails",
        "InitWaitsFor",
        "InitProgress",
        "InitContainerWaiting",
        "InitContainerLongRunning",
        "SidecarNotStarted",
    }
)
_OF_KIND = {
    "Service": "services",
    "NetworkPolicy": "services",
    "EndpointSlice": "services",
    "StatefulSet": "statefulsets",
    "Node": "cluster",
    "Cluster": "cluster",
    "HorizontalPodAutoscaler": "resource-metrics",
}


class Deeper(NamedTuple):
    """A runbook and what to ask it; `namespace` is empty for all."""

    runbook: str
    namespace: str
    target: str


def deeper(one: Finding) -> Deeper:
    """The runbook that explains it best; the pods runbook for what no other knows better."""
    subject = one.subject
    runbook = _OF_KIND.get(subject.kind, "")
    if runbook == "cluster":
        return Deeper(runbook, "", subject.text if subject.kind == "Node" and one.count == 1 else "")
    if one.code in _ABSENT:
        return Deeper("start-here", "", "")
    if subject.kind == "Namespace":
        return Deeper("pods", subject.name, "")
    if one.code == "StatefulSetServiceMissing":
        return Deeper("statefulsets", subject.namespace, f"statefulset/{one.facts.get('set_name', '')}")
    if runbook == "services":
        # A policy concerns all the Services it names.
        return Deeper(runbook, subject.namespace, subject.text if subject.kind == "Service" else "")
    if runbook:
        return Deeper(runbook, subject.namespace, subject.text)
    target = _workload(one)
    if one.code in _DEBUGGING:
        runbook = "running-pods"
    elif one.code in _INIT:
        runbook = "init-containers"
    elif target.startswith("statefulset/"):
        runbook = "statefulsets"
    return Deeper(runbook or "pods", subject.namespace, target)


def _workload(one: Finding) -> str:
    """The maker of the pods, where the pods runbook knows such a thing; else the pod or workload itself."""
    for text in (one.owner, one.subject.text):
        try:
            parse_target(text)
        except BadParameter:
            continue
        if text:
            return text
    return ""


def command(where: Deeper, target: Pods, cluster: Cluster) -> str:
    """The command that runs it on the same cluster, or on the case beside this report; quoted for a shell."""
    origin, since = cluster.origin, look_of(target).request.since
    words = ["runbook", "run", where.runbook]
    if origin.kind == "case":
        words += ["--case", _RECORDED]
    elif origin.context:
        words += ["--context", origin.context]
    if where.runbook != "cluster":
        words += ["-n", where.namespace or "-"]
    if where.target:
        words += ["-p", f"target={where.target}"]
    if since != _USUAL_SINCE:
        words += ["-p", f"since={int(since)}s"]
    # No name in a cluster holds such characters; in a made-up case one might.
    return shlex.join("".join(char for char in word if char.isprintable()) for word in words)
