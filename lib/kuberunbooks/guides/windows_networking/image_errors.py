"""Containers whose image does not fit the operating system of their node; worked out once a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.objects import Evidence, Node, Pod

from ..pods.containers import ContainerCase, is_out_of_hands, pod_case
from ..rules.exit_codes import START_REASONS
from ..rules.patterns import RX_IMG_ARCH
from ..rules.pull_errors import classify, says_why
from ..rules.windows_builds import RX_WIN_OS, build_of_image, looks_like_windows
from ..rules.windows_pods import wanted_system
from .inventory import build_of_node
from .lost_nodes import lost_nodes
from .target import WindowsNetworking, is_windows

Proof = Literal["said", "platform", "tag"]
_MEMO = "image errors"
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
_CREATING = frozenset({"RunContainerError", "CreateContainerError"})


class ImageError(NamedTuple):
    """A container that cannot run on its node. `proof`: the runtime says that the systems do not match,
    the registry has nothing for this platform, or only the image's tag is newer than the node.

    `unconstrained`: nothing in the pod says which operating system it needs.
    """

    pod: Pod
    container: str
    image: str
    cause: str
    evidence: list[Evidence]
    node: Node | None
    proof: Proof
    unconstrained: bool


def image_errors(target: WindowsNetworking, cluster: Cluster) -> list[ImageError]:
    """Those of all pods that were asked for: a Windows image may well have got to a Linux node."""
    found: list[ImageError] | None = target.memo.get(_MEMO)
    if found is None:
        target.memo[_MEMO] = found = list(_find(target, cluster))
    return found


def _find(target: WindowsNetworking, cluster: Cluster) -> Iterator[ImageError]:
    nodes = {node.name: node for node in target.fleet}
    lost = lost_nodes(target)
    for pod in target.asked.suspects:
        if is_out_of_hands(pod) or not pod.spec.node_name or pod.spec.node_name in lost:
            continue
        node = nodes.get(pod.spec.node_name)
        for case in pod_case(pod, target.asked, cluster).containers("app", "init", "sidecar"):
            found = _of(case, node, target)
            if found is not None:
                yield found


def _of(case: ContainerCase, node: Node | None, target: WindowsNetworking) -> ImageError | None:
    text, evidence = _said(case)
    if not text:
        return None
    image = case.view.spec.image if case.view.spec else case.view.status.image
    on_windows = node is not None and is_windows(node)
    proof: Proof
    if RX_WIN_OS.search(text):
        proof = "said"
    elif RX_IMG_ARCH.search(text) and (on_windows or (target.has_both and looks_like_windows(image))):
        proof = "platform"
    elif on_windows and node is not None and _is_newer(image, node, text):
        proof = "tag"
        evidence = [*evidence, node.cite("status.nodeInfo.kernelVersion")]
    else:
        return None
    spec = case.pod.spec
    # A RuntimeClass may choose the nodes; which, only its own object tells.
    unconstrained = target.has_both and not wanted_system(spec) and not spec.runtime_class_name
    return ImageError(case.pod, case.name, image, classify(text).cause, evidence, node, proof, unconstrained)


def _said(case: ContainerCase) -> tuple[str, list[Evidence]]:
    """What the runtime says of the container's image or start, with where it stands."""
    status = case.view.status
    waiting = status.state.waiting
    if waiting is not None and waiting.reason in _PULLING | _CREATING:
        if says_why(waiting.message):
            return waiting.message, [case.cite("state.waiting.message")]
        event = case.newest("Failed")
        return (event.text, [event.cite("message")]) if event is not None else ("", [])
    end = status.newest_end
    if end is not None and status.state.running is None and end.reason in START_REASONS:
        return end.message, [case.cite(f"{status.newest_end_path}.message")]
    return "", []


def _is_newer(image: str, node: Node, text: str) -> bool:
    """Whether the image was made for a later build than the node's, and nothing else explains the failure."""
    made, host = build_of_image(image), build_of_node(node)
    known = classify(text).codes
    return (
        made is not None
        and host is not None
        and made.number > host.number
        and known in (("ImagePullFailed",), ("ImageArchMismatch",))
    )
