"""WN-15: what nobody has answered yet, as one script for the node, and where others may help."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding

from ..step import NotChecked, Step, StepFunction, Yielded, step
from .borrowed import no_pods
from .heard import heard
from .host_checks import open_checks
from .target import WindowsNetworking

_MEMO = "serious"
_FIRST = "WN-00"
_OF_WINDOWS = ("Windows", "Flannel", "ExceptionList")
_IMAGES = "WN-02"
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")


def noting(one: Step) -> Step:
    """The step, which also notes what it found wrong; without anything of Windows it does not look."""
    return one._replace(parts=tuple(_noted(one.id, part) for part in one.parts))


def _noted(id_: str, part: StepFunction) -> StepFunction:
    @functools.wraps(part)
    def run(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
        if id_ != _FIRST and (why := _moot(id_, target, cluster)):
            yield NotChecked(why)
            return
        for item in part(target, cluster):
            if isinstance(item, Finding) and item.severity in ("critical", "warning"):
                target.memo.setdefault(_MEMO, []).append(item)
            yield item

    return run


def _moot(id_: str, target: WindowsNetworking, cluster: Cluster) -> str:
    """Why there is nothing to look at for this step; empty when there may be."""
    if heard(target, cluster) or target.windows.pods:
        return ""
    if target.is_without_windows or not target.fleet.complete:
        return no_pods(target)
    # A Windows image may well have got to a Linux node.
    named = bool(target.asked.wanted) and not target.nodes and not (id_ == _IMAGES and target.has_both)
    return "Nothing that was asked for is for Windows." if named else ""


@step(
    "WN-15",
    title="What is left to ask?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#further-troubleshooting",
)
def further(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Which checks can only the node answer, and who helps when nothing explains it?"""
    del cluster
    serious: list[Finding] = target.memo.get(_MEMO, [])
    checks = open_checks(target)
    if checks and target.nodes:
        node = next((one for one in target.nodes if one.is_ready), target.nodes[0])
        # The name goes into a manifest and into PowerShell, whose quotes are not those of a shell.
        name = node.name if _NAME.fullmatch(node.name) else ""
        yield finding(
            "WindowsHostChecksOpen",
            target.subject,
            evidence=node.cite("status.nodeInfo.operatingSystem"),
            checks=[one.about for one in checks],
            node=name,
            pods=len(target.windows.pods),
            nodes=len(target.nodes),
            quiet=not serious,
        )
        yield finding("WindowsHostScript", node, node=name)
    unsolved = sorted(
        {one.code for one in serious if one.severity == "critical" and one.code.startswith(_OF_WINDOWS)}
    )
    if unsolved:
        yield finding("WindowsHelp", target.subject, codes=unsolved)
    if not checks and not serious:
        yield NotChecked("Nothing is left to ask.")
