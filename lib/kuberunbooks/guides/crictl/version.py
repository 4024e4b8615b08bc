"""CR-01: is crictl there, does the runtime answer, and do the versions go together?

Where this run is allowed to act and nothing was heard of the node yet, it asks here, once
for all steps.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Node

from ..rules.crictl_read import NodeRuntime
from ..rules.thresholds import CLOCK_OFF
from ..rules.version_skew import minor_version
from ..step import Yielded, step
from .node_shell import ask_the_node
from .target import RuntimeNodes, cite, node_subject

UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/crictl/"
NOTHING = (
    "Nothing crictl printed is at hand: give its output with the parameter transcripts (see the first step)."
)


@step("CR-01", title="Does the runtime answer crictl?", upstream=UPSTREAM)
def version(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Is crictl there, does the runtime answer it, and do their versions go together?"""
    yield from ask_the_node(target, cluster)
    runtimes = target.runtimes(cluster)
    if not runtimes:
        yield finding(
            "CrictlNotAsked",
            target.subject,
            evidence=(),
            node=target.node,
        )
        return
    for one in runtimes:
        node = cluster.node(one.node).object if one.node else None
        yield from _available(one)
        yield from _versions(one, node)
        yield from _clock(one)


def _available(one: NodeRuntime) -> Iterator[Finding]:
    """crictl itself: missing, or run without the rights it needs."""
    for failure in one.failures:
        if failure.value.kind in ("missing", "denied") and not one.answers:
            yield finding(
                "CrictlUnavailable",
                node_subject(one.node),
                evidence=cite(failure, failure.value.text),
                missing=failure.value.kind == "missing",
                said=failure.value.text,
            )
            return


def _versions(one: NodeRuntime, node: Node | None) -> Iterator[Finding]:
    info = node.status.node_info if node is not None else None
    if one.answers:
        name, version_ = (one.version.value.name, one.version.value.version) if one.version else ("", "")
        seen = (
            one.version
            or one.info
            or one.sandboxes
            or one.containers
            or one.images
            or one.image_fs
            or one.uses
        )
        assert seen is not None
        shown = f"{name} {version_}".strip() or "it answered"
        yield finding(
            "CrictlReady",
            node_subject(one.node),
            evidence=cite(seen, shown),
            runtime=name,
            version=version_,
            client=one.client.value if one.client else "",
        )
    if one.client is not None and node is not None and info is not None:
        client, kubelet = minor_version(one.client.value), minor_version(info.kubelet_version)
        if client is not None and kubelet is not None and client != kubelet:
            yield finding(
                "CrictlVersionSkew",
                node,
                evidence=(cite(one.client, one.client.value), node.cite("status.nodeInfo.kubeletVersion")),
                client=one.client.value,
                kubelet=info.kubelet_version,
                wanted=f"{kubelet[0]}.{kubelet[1]}",
                older=client < kubelet,
            )
    if one.version is not None and node is not None and info is not None:
        name, _, known = info.container_runtime_version.partition("://")
        heard = one.version.value
        if name == heard.name.lower() and known and known.lstrip("v") != heard.version.lstrip("v"):
            yield finding(
                "RuntimeVersionDiffers",
                node,
                evidence=(
                    cite(one.version, heard.version),
                    node.cite("status.nodeInfo.containerRuntimeVersion"),
                ),
                runtime=name,
                version=heard.version,
                known=known,
            )


def _clock(one: NodeRuntime) -> Iterator[Finding]:
    """The node's clock against that of whoever asked it: both were read at the same moment."""
    clock = one.clock
    if clock is None or clock.at is None:
        return
    off = clock.value - clock.at.timestamp()
    if abs(off) > CLOCK_OFF:
        yield finding(
            "NodeClockOff",
            node_subject(one.node),
            evidence=cite(clock, f"{clock.value:.0f}"),
            likely=True,
            off=abs(off),
            ahead=off > 0,
        )
