"""What a node's condition means: whether True is bad or good, who reports it, which finding it gives.

The kubelet's conditions, those of node problem detector, and what other agents are known
to write. Polarity differs: `KernelDeadlock` is bad when True, `KernelReady` of the EKS
agent and `EtcdIsVoter` of k3s are good. A name nobody knows and that says nothing either
way is unknown, never an alarm. Asked by the node-problems guide and by every rule that
looks at a node's conditions.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal, NamedTuple

from kuberunbooks.objects import Condition, Node

Polarity = Literal["bad", "good", "notice", "unknown"]
"""What status True means: `notice` is worth knowing and no trouble."""

KUBELET_CONDITIONS = frozenset(
    ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable", "OutOfDisk")
)
"""Those Kubernetes itself defines (well-known node conditions; OutOfDisk before 1.13)."""

CODES = {
    "KernelDeadlock": "KernelDeadlock",
    "ReadonlyFilesystem": "ReadonlyFilesystem",
    "XfsShutdown": "XfsShutdown",
    "CperHardwareErrorFatal": "HardwareErrorFatal",
    "FrequentKubeletRestart": "FrequentKubeletRestart",
    "FrequentContainerdRestart": "FrequentContainerdRestart",
    "FrequentDockerRestart": "FrequentDockerRestart",
    "KubeletUnhealthy": "KubeletUnhealthy",
    "KubeletProblem": "KubeletUnhealthy",
    "ContainerRuntimeUnhealthy": "ContainerRuntimeUnhealthy",
    "ContainerRuntimeProblem": "ContainerRuntimeUnhealthy",
    "NTPProblem": "NtpProblem",
}
"""The finding of a condition that is True: node problem detector's own configuration and that of AKS."""

NPD_CONDITIONS = frozenset(
    (
        *CODES,
        "FrequentUnregisterNetDevice",
        "CorruptDockerOverlay2",
        "KubeProxyUnhealthy",
        "DiskBadBlock",
        "VMEventScheduled",
        "FilesystemCorruptionProblem",
    )
)
"""Conditions that show that a node problem detector has run: of its config folder, and of GKE and AKS."""

# Not to be told from the name. EKS: eks-node-monitoring-agent. k3s and RKE2: etcd's member on the node.
_KNOWN: dict[str, Polarity] = {
    "VMEventScheduled": "bad",
    "DrainScheduled": "notice",
    "EtcdIsVoter": "good",
    "KernelReady": "good",
    "ContainerRuntimeReady": "good",
    "StorageReady": "good",
    "NetworkingReady": "good",
    "AcceleratedHardwareReady": "good",
}
# Words of a name, as CamelCase splits it: "Unhealthy" is one and not a "healthy".
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NOTICE = frozenset(("deprecated", "maintenance"))
_BAD = frozenset(
    {
        "problem", "problems", "unhealthy", "error", "errors", "failure", "failures", "failed",
        "fail", "failing", "deadlock", "readonly", "corrupt", "corrupted", "corruption", "shutdown",
        "frequent", "missing", "pressure", "unavailable", "down", "hung", "fatal", "lost", "full",
        "exhausted", "bad", "stuck", "leak", "leaked", "degraded", "flapping", "inactive",
        "mismatch", "stale", "expired", "broken", "overload", "overloaded", "unreachable",
        "unresponsive", "crash", "crashed", "panic", "timeout", "throttled", "throttling",
        "blocked", "oom", "impaired",
    }
)  # fmt: skip
_GOOD = frozenset(
    {
        "ready", "healthy", "available", "ok", "alive", "reachable", "synchronized", "up",
    }
)  # fmt: skip
_NOT = frozenset(("no", "not"))


class Meaning(NamedTuple):
    """What a condition type means. `code` is the finding when it says something is wrong."""

    polarity: Polarity
    code: str

    def is_trouble(self, status: str) -> bool:
        """Whether a condition of this meaning with that status says that something is wrong."""
        return status == {"bad": "True", "good": "False"}.get(self.polarity)


def meaning_of(type_: str, declared: Collection[str] = ()) -> Meaning:
    """The meaning of a condition type.

    `declared` are types a node problem detector's configuration defines: it makes them
    False at its start and True on a problem, whatever they are called.
    """
    code = CODES.get(type_, "CustomNodeCondition")
    if type_ in _KNOWN:
        return Meaning(_KNOWN[type_], code)
    if type_ in declared or type_ in NPD_CONDITIONS:
        return Meaning("bad", code)
    if type_ in KUBELET_CONDITIONS:
        return Meaning("good" if type_ == "Ready" else "bad", code)
    return Meaning(_read(type_), code)


def _read(type_: str) -> Polarity:
    """The polarity the words of a name give; two of them that contradict each other give none."""
    words = [word.lower() for word in _WORD.findall(type_)]
    said = set(words)
    if said & _NOTICE:
        return "notice"
    ends_well = bool(words) and words[-1] in _GOOD
    if said & _NOT:
        return "bad" if ends_well and not said & _BAD else "unknown"
    if said & _BAD:
        return "unknown" if ends_well else "bad"
    return "good" if ends_well else "unknown"


def troubles(node: Node) -> list[Condition]:
    """The node's conditions, Ready left out, that say something is wrong; of a lost node the last report."""
    return [
        one
        for one in node.status.conditions
        if one.type != "Ready" and meaning_of(one.type).is_trouble(one.status)
    ]


def reported_by_others(node: Node) -> list[Condition]:
    """The conditions Kubernetes itself does not define: agents on the node wrote them."""
    return [one for one in node.status.conditions if one.type and one.type not in KUBELET_CONDITIONS]
