"""CR-02: which socket does crictl ask, is it the runtime's, and did it get through?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Note, finding
from kuberunbooks.objects import Node

from ..rules.crictl_client import Trouble, runtime_of, socket_path
from ..rules.crictl_read import NodeRuntime, Seen
from ..step import NotChecked, Yielded, step
from .target import RuntimeNodes, cite, node_subject
from .version import NOTHING

_CONNECT = ("absent", "refused", "old", "slow", "other")
_SOCKETS = {
    "containerd": "unix:///run/containerd/containerd.sock",
    "cri-o": "unix:///var/run/crio/crio.sock",
    "cri-dockerd": "unix:///var/run/cri-dockerd.sock",
}


@step("CR-02", title="Does crictl ask the right socket?")
def endpoint(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Is the endpoint set, is it that of the runtime the kubelet uses, and is the deadline long enough?"""
    runtimes = target.runtimes(cluster)
    checked = False
    for one in runtimes:
        node = cluster.node(one.node).object if one.node else None
        for found in (*_set(one, node), *_failed(one, node)):
            checked = True
            yield found
        if one.config is not None and one.config.value.timeout:
            yield Note(text=f"crictl gives the runtime {one.config.value.timeout} s to answer (timeout).")
    if not checked:
        yield NotChecked(
            "How crictl is set up was not seen: give what cat /etc/crictl.yaml prints."
            if runtimes
            else NOTHING
        )


def _set(one: NodeRuntime, node: Node | None) -> Iterator[Finding]:
    """The endpoint as it is set: by flag, environment or file, or not at all."""
    used = one.flag.value if one.flag else one.config.value.runtime if one.config else ""
    seen: Seen[Any] | None = one.flag or one.config or one.defaults
    runtime = _runtime_of(node)
    facts: dict[str, Any] = {
        "endpoint": used,
        "runtime": runtime,
        "socket": _SOCKETS.get(runtime, _SOCKETS["containerd"]),
    }
    if seen is None:
        return
    if not used:
        tried = one.defaults.value if one.defaults else []
        shown = " ".join(tried) or ("no such file" if one.config and one.config.value.missing else "not set")
        yield finding(
            "CrictlEndpointUnset",
            node_subject(one.node),
            evidence=cite(one.defaults or seen, shown),
            tried=tried,
            **facts,
        )
        return
    asks = runtime_of(used)
    if asks == "dockershim" or (runtime and asks and asks != runtime):
        yield finding(
            "CrictlEndpointObsolete",
            node_subject(one.node),
            evidence=[
                cite(seen, used),
                *([node.cite("status.nodeInfo.containerRuntimeVersion")] if node is not None else []),
            ],
            removed=asks == "dockershim",
            asks=asks,
            **facts,
        )
    elif one.answers:
        yield finding("CrictlEndpointSet", node_subject(one.node), evidence=cite(seen, used), **facts)


def _failed(one: NodeRuntime, node: Node | None) -> Iterator[Finding]:
    """Why crictl did not get through. Of default endpoints all but one fail, which is no failure."""
    failures = [seen for seen in one.failures if seen.value.kind in _CONNECT]
    slow = next((seen for seen in failures if seen.value.kind == "slow"), None)
    if slow is not None:
        timeout = one.config.value.timeout if one.config else 0
        yield finding(
            "CrictlDeadlineExceeded",
            node_subject(one.node),
            evidence=cite(slow, slow.value.text),
            timeout=timeout or 2,
            known=bool(timeout),
            answers=one.answers,
            socket=slow.value.socket,
        )
    elif failures and not one.answers:
        yield _connect_failed(one, _worst(failures, node), node)


def _connect_failed(one: NodeRuntime, seen: Seen[Trouble], node: Node | None) -> Finding:
    """Grave where the kubelet does not get through either; of a node that is ready crictl is set up wrong."""
    runtime = _runtime_of(node)
    down = node is not None and not node.is_ready
    return finding(
        "CrictlConnectFailed",
        node_subject(one.node),
        severity="critical" if down else None,
        evidence=[cite(seen, seen.value.text), *([node.cite("status.conditions")] if down and node else [])],
        why=seen.value.kind,
        socket=seen.value.socket,
        said=seen.value.text,
        runtime=runtime,
        ready=node is not None and node.is_ready,
        down=down,
        right=_SOCKETS.get(runtime, ""),
    )


def _worst(failures: list[Seen[Trouble]], node: Node | None) -> Seen[Trouble]:
    """The one about the runtime's own socket, where several were tried."""
    right = socket_path(_SOCKETS.get(_runtime_of(node), ""))
    return next((one for one in failures if right and socket_path(one.value.socket) == right), failures[0])


def _runtime_of(node: Node | None) -> str:
    """containerd, cri-o, cri-dockerd: what the kubelet says it uses; empty where that is not known."""
    name = node.status.node_info.container_runtime_version.partition("://")[0] if node is not None else ""
    return "cri-dockerd" if name == "docker" else name
