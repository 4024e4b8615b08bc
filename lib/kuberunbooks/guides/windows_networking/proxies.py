"""WN-11: do only Windows nodes fail to reach the registry, because nobody told them of the proxy?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import ContainerView, Pod

from ..pods.containers import is_out_of_hands
from ..rules.pull_errors import classify, registry_of
from ..rules.windows_records import text_of
from ..rules.windows_session import Piece
from ..step import NotChecked, Yielded, step
from .heard import on_hosts
from .host_checks import PROXIES, unanswered
from .target import WindowsNetworking, is_windows

_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff"})
_SET = re.compile(r"^(?P<name>HTTPS?_PROXY)\s*=[ \t]*(?P<value>\S*)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,253}")
_ASKED = re.compile(r"GetEnvironmentVariable\(\s*[\"'](?P<name>HTTPS?_PROXY)[\"']", re.IGNORECASE)


@step(
    "WN-11",
    title="Do Windows nodes know the proxy?",
    upstream="https://kubernetes.io/docs/tasks/debug/debug-cluster/windows/#troubleshooting-network",
)
def proxies(target: WindowsNetworking, cluster: Cluster) -> Iterator[Yielded]:
    """Do pulls fail on Windows nodes alone, with no proxy set there?"""
    failing = _failing(target)
    if not failing:
        yield NotChecked("No pod on a Windows node fails to reach its registry.")
        return
    told = {piece.node: (piece, found) for piece in on_hosts(target, cluster) if (found := _variables(piece))}
    for node, pods in failing.items():
        if node in told:
            yield from _judged(node, pods, *told[node], target)
        else:
            yield unanswered(target, PROXIES)


def _failing(target: WindowsNetworking) -> dict[str, list[tuple[Pod, ContainerView]]]:
    """By Windows node: the containers whose registry cannot be reached, where Linux nodes reach it."""
    found: dict[str, list[tuple[Pod, ContainerView]]] = {}
    others = _unreached_by_others(target)
    for pod in target.windows.suspects:
        if not target.windows_node(pod.spec.node_name) or is_out_of_hands(pod):
            continue
        for view in pod.containers("app", "init", "sidecar"):
            if _is_unreached(view) and registry_of(_image(view)) not in others:
                found.setdefault(pod.spec.node_name, []).append((pod, view))
    return found


def _unreached_by_others(target: WindowsNetworking) -> set[str]:
    linux = {node.name for node in target.fleet if not is_windows(node)}
    return {
        registry_of(_image(view))
        for pod in target.asked.suspects
        if pod.spec.node_name in linux
        for view in pod.containers("app", "init", "sidecar")
        if _is_unreached(view)
    }


def _image(view: ContainerView) -> str:
    return view.spec.image if view.spec else view.status.image


def _is_unreached(view: ContainerView) -> bool:
    waiting = view.status.state.waiting
    return (
        waiting is not None
        and waiting.reason in _PULLING
        and "ImageRegistryUnreachable" in classify(waiting.message).codes
    )


def _variables(piece: Piece) -> dict[str, str]:
    """HTTP_PROXY and HTTPS_PROXY of the machine, as `NAME=VALUE`, as a list of variables, or alone."""
    found = {match["name"].upper(): match["value"] for match in _SET.finditer(piece.text)}
    for one in piece.records:
        name = text_of(one, "Name", "Key").upper()
        if name in ("HTTP_PROXY", "HTTPS_PROXY"):
            found[name] = text_of(one, "Value")
    asked = _ASKED.search(piece.command)
    if asked is not None and not found and (piece.text.strip() or piece.is_empty):
        found[asked["name"].upper()] = piece.text.strip()
    return found


def _judged(
    node: str,
    pods: list[tuple[Pod, ContainerView]],
    piece: Piece,
    variables: dict[str, str],
    target: WindowsNetworking,
) -> Iterator[Finding]:
    pod, view = pods[0]
    subject = target.windows_node(node) or target.subject
    evidence = [piece.cite(), pod.cite(f"{view.path}.state.waiting.message")]
    registries = sorted(
        {registry_of(_image(one)) for _, one in pods if _HOST.fullmatch(registry_of(_image(one)))}
    )
    names = [f"{one.namespace}/pod/{one.name}" for one, _ in pods]
    if variables.get("HTTPS_PROXY"):
        yield finding(
            "WindowsProxySet", subject, evidence=evidence, node=node, registries=registries, pods=len(pods)
        )
    elif "HTTPS_PROXY" in variables:
        yield finding(
            "WindowsProxyUnset",
            subject,
            evidence=evidence,
            likely=True,
            node=node,
            registries=registries,
            pods=len(pods),
            explains=names,
        )
