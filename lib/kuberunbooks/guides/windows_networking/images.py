"""WN-02: does each image fit the operating system of its node, and do pods say which one they need?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding

from ..pods.containers import unready_since
from ..rules.error_lines import bounded
from ..rules.windows_builds import build_of_image, looks_like_windows
from ..step import NotChecked, Yielded, step
from .borrowed import no_pods
from .image_errors import ImageError, image_errors
from .inventory import system_of
from .pod_fields import field_findings
from .target import WindowsNetworking, is_windows

_CAUSE = 300


@step(
    "WN-02",
    title="Do images and nodes fit each other?",
    upstream="https://kubernetes.io/docs/concepts/windows/user-guide/#handling-multiple-windows-versions-in-the-same-cluster",
)
def images(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Was each pod placed on a node whose operating system and build its image can run on?"""
    if not target.asked.pods and not target.asked.controllers:
        yield NotChecked(no_pods(target))
        return
    for one in image_errors(target, cluster):
        yield _mismatch(one)
        if one.unconstrained:
            yield _unconstrained(one, target)
    yield from field_findings(target, cluster)


def _mismatch(one: ImageError) -> Finding:
    on_windows = one.node is not None and is_windows(one.node)
    made = build_of_image(one.image)
    return finding(
        "WindowsImageOsMismatch",
        one.pod,
        container=one.container,
        evidence=one.evidence,
        since=unready_since(one.pod),
        likely=one.proof == "tag",
        group=(one.image, one.pod.spec.node_name if one.node is None else system_of(one.node), one.proof),
        image=one.image,
        cause=bounded(one.cause, _CAUSE),
        node=one.pod.spec.node_name,
        system=system_of(one.node) if on_windows and one.node else "Linux" if one.node else "",
        architecture=one.node.status.node_info.architecture if one.node else "",
        on_windows=on_windows,
        made_for=made.text if made else "",
        proof=one.proof,
        unconstrained=one.unconstrained,
        windows_image=looks_like_windows(one.image),
    )


def _unconstrained(one: ImageError, target: WindowsNetworking) -> Finding:
    on_windows = one.node is not None and is_windows(one.node)
    return finding(
        "WindowsPodUnconstrained",
        one.pod,
        evidence=[one.pod.cite("spec.nodeSelector"), one.pod.cite("spec.os.name")],
        since=unready_since(one.pod),
        group=(one.image,),
        image=one.image,
        node=one.pod.spec.node_name,
        on_windows=on_windows,
        belongs="windows" if looks_like_windows(one.image) else "linux" if on_windows else "windows",
        taints=sorted(
            {
                taint.text
                for node in target.windows_nodes
                for taint in node.spec.taints
                if not taint.key.startswith("node.kubernetes.io/")
            }
        ),
    )
