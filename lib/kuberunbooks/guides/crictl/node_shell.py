"""Asks a node's runtime through a privileged pod on that node, where the run is allowed to.

The pod is removed as soon as the one script has run, whatever came of it. Without an actor
the step only shows what would be done.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.acting import Action, fresh_name, make_pod, run_command
from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Note
from kuberunbooks.objects import Node, Pod

from ..rules.debug_manifests import HOST, node_pod
from ..rules.planned_actions import planned_actions
from ..step import Yielded
from .asking import SCRIPT_SECONDS, node_script, node_shell
from .target import RuntimeNodes

_IMAGE = "busybox"
_STARTS = 120.0
"""Seconds a node may take to pull a small image and start a pod."""
_MOST_BYTES = 32 << 20
"""Of the answers: a node's 110 pods with their labels are some hundred kilobytes, its images as much."""


def ask_the_node(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Runs the script on the node that was named, unless its answers are there already."""
    if not target.node or any(one.answers for one in target.runtimes(cluster)):
        return
    node = cluster.node(target.node).object
    if node is None or node.status.node_info.operating_system == "windows":
        return  # its files are not below /host, and its shell is another
    pod, command = _actions(target, node)
    actor = cluster.actor
    if actor is None:
        yield planned_actions([pod, command])
        return
    plan = actor.plan(pod)
    yield planned_actions([plan, command], "What is done")
    if not plan.allowed:
        return
    try:
        with actor.borrowed(plan) as name:
            ready = actor.wait(pod.namespace, name, _is_settled, _STARTS)
            if not _runs(ready):
                yield Note(text=f"The pod did not start within {_STARTS:.0f} s: {ready.status_text}.")
                return
            actor.perform(actor.plan(command))
    except ClusterError as error:
        yield Note(text=f"The node was not asked: {error}")
        return
    target.heard_anew()


def _actions(target: RuntimeNodes, node: Node) -> tuple[Action, Action]:
    """The pod on the node, and the script that is run in it."""
    namespace = target.namespace or "default"
    name = fresh_name(f"node-debugger-{node.name}")
    manifest = node_pod(node.name, name, namespace, _IMAGE, profile="sysadmin", command=["sleep", "600"])
    kubectl = node_shell(node.name, namespace)
    pod = make_pod(
        manifest,
        words=f"make a privileged pod on node {node.name}, and delete it afterwards",
        kubectl=kubectl,
        profile="sysadmin",
        place="node",
        owner=node,
    )
    command = run_command(
        namespace,
        name,
        "debugger",
        ["chroot", HOST, "sh", "-c", node_script()],
        words=f"ask the runtime of node {node.name} with crictl",
        seconds=SCRIPT_SECONDS,
        most_bytes=_MOST_BYTES,
        node=node.name,
    )
    return pod, command


def _is_settled(pod: Pod) -> bool:
    return pod.is_terminal or _runs(pod)


def _runs(pod: Pod) -> bool:
    return any(view.status.state.running is not None for view in pod.containers("app"))
