"""RP-18: a shell on the node: what it would be, whether it runs, and the node's logs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kuberunbooks.acting import fresh_name, make_pod
from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.findings import Column, Finding, Subject, Table, finding
from kuberunbooks.objects import Evidence, Pod

from ..documents import Manifest
from ..rules.debug_commands import STAY, node_twin
from ..rules.debug_manifests import HOST, node_pod
from ..rules.debug_outcome import copy_outcome, heard_refusal
from ..rules.planned_actions import planned_actions
from ..rules.thresholds import DEBUG_START_WAIT
from ..services.transcripts import cite
from ..step import NotChecked, Yielded, step
from .acts import NOT_DONE, excerpts, may, moment, note, planned, run_in, states
from .situation import running_node_shell
from .target import Debugging

LOOKS = {
    "the kubelet's log": ("journalctl", "-u", "kubelet", "-n", "200", "--no-pager"),
    "the container runtime's log": (
        "journalctl",
        "-u",
        "containerd",
        "-u",
        "crio",
        "-n",
        "200",
        "--no-pager",
    ),
    "its containers, exited ones too": ("crictl", "ps", "-a"),
    "full file systems": ("df", "-h"),
    "the kernel's last words": ("dmesg", "-T", "--level=err,warn"),
}
"""What there is to see in a node's shell, each run in the node's own file system."""
_ACTED = ("the kubelet's log", "the container runtime's log", "full file systems")


@step("RP-18", title="Is there a shell on its node?")
def node_shell(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """What would the node's shell be, does it run, and what can be read in it?"""
    if target.missing or not target.node_name or target.situation.windows:
        windows = "Node shells of kubectl are for Linux." if target.situation.windows else ""
        yield NotChecked(windows or "There is no node in question.")
        return
    present = [one for one in states(target, cluster) if _is_shell(one, target.node_name)]
    refusals = _refusals(target, cluster)
    if target.way == "node":
        security = target.security(target.profile, "node")
        if security.fits is False and not refusals and cluster.actor is None:
            yield _blocked(target, security.enforced)
        yield from _open(target, cluster)
        present = [one for one in states(target, cluster) if _is_shell(one, target.node_name)]
        refusals = _refusals(target, cluster)
    for pod in present:
        if (found := _judged(pod, target, cluster)) is not None:
            yield found
    yield from refusals
    if present or target.way == "node":
        yield _commands(target)
        yield from excerpts(_heard_on_node(target, cluster))
    elif not refusals:
        yield NotChecked("No shell was opened on the node, and another way is the right one.")


def _is_shell(pod: Pod, node: str) -> bool:
    return pod.controller is None and pod.name.startswith("node-debugger-") and pod.spec.node_name == node


def _refusals(target: Debugging, cluster: Cluster) -> list[Finding]:
    found = []
    for heard in cluster.transcripts():
        answer = heard_refusal(heard)
        if answer is not None and answer[0] == "node" and f"node/{target.node_name}" in heard.argv:
            found.append(
                _blocked(
                    target, answer[1].level, message=answer[1].message, cited=cite(heard, answer[1].message)
                )
            )
    return found


def _blocked(target: Debugging, level: str, *, message: str = "", cited: Evidence | None = None) -> Finding:
    label = Evidence(
        f"api/v1/namespaces#{target.place}", "metadata.labels['pod-security.kubernetes.io/enforce']", level
    )
    return finding(
        "NodeDebugBlocked",
        Subject(kind="Node", namespace="", name=target.node_name),
        likely=not message,
        evidence=cited or label,
        place=target.place,
        level=level,
        message=message,
        profile=target.profile,
        image=target.image,
    )


def _open(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """The pod on the node, shown; made, read in and removed again where that is allowed."""
    base = f"node-debugger-{target.node_name}"
    name = base if cluster.actor is None else fresh_name(base)
    made = node_pod(target.node_name, name, target.place, target.image, profile=target.profile, command=STAY)
    debug = target.debug(command=STAY, container="")
    action = make_pod(
        made,
        words=f"start a pod on node {target.node_name}",
        kubectl=node_twin(debug),
        image=target.image,
        profile=target.profile,
        place="node",
        owner=target.node,
    )
    plan = planned(action, cluster)
    yield planned_actions([plan])
    yield Manifest(f"The pod on node {target.node_name}", dict(action.manifest))
    if cluster.actor is None:
        yield NotChecked(NOT_DONE)
    if cluster.actor is None or not may(plan):
        return
    note(action, cluster)
    with cluster.actor.borrowed(plan) as pod:  # type: ignore[arg-type]
        found = cluster.actor.wait(
            target.place, pod, lambda now: copy_outcome(now, cluster.now) is not None, DEBUG_START_WAIT
        )
        if found.phase == "Running":
            wanted = [target.command] if target.command else [LOOKS[one] for one in _ACTED]
            for argv in wanted:
                run_in(pod, "debugger", ("chroot", HOST, *argv), target, cluster, node=target.node_name)


def _judged(pod: Pod, target: Debugging, cluster: Cluster) -> Finding | None:
    found = copy_outcome(pod, moment(pod, cluster), DEBUG_START_WAIT - 5)
    if found is None:
        return None
    running = found.code == "running"
    listed = any(one.name == pod.name for one in target.others)
    return finding(
        "NodeDebugRunning" if running else "NodeDebugFailed",
        pod,
        evidence=[*(pod.cite(path) for path in found.paths), pod.cite("spec.nodeName")],
        since=pod.metadata.creation_timestamp,
        node=target.node_name,
        files=any(one.host_path for one in pod.spec.volumes),
        message=found.facts.get("message", "").rstrip("."),
        gone=not listed,
        ready=target.node.is_ready if target.node is not None else None,
    )


def _commands(target: Debugging) -> Table:
    """The looks there are, as they are to be typed: in the shell that runs, or each in one of its own."""
    shell = running_node_shell(target)
    rows = []
    for what, argv in LOOKS.items():
        inside = ("chroot", HOST, *argv)
        if shell is not None:
            command = ("kubectl", "exec", shell.name, "-n", shell.namespace, "-c", "debugger", "--", *inside)
        else:
            command = node_twin(target.debug(command=inside, profile="sysadmin", container=""))
        rows.append([what, shlex.join(command)])
    rows.append(
        [
            "take away what that left",
            f"kubectl get pods -n {shlex.quote(target.place)} -o name | grep node-debugger-",
        ]
    )
    return Table(
        caption=f"What there is to read on node {target.node_name}",
        columns=[Column(name="what"), Column(name="command")],
        rows=rows,
    )


def _heard_on_node(target: Debugging, cluster: Cluster) -> list[Transcript]:
    return [
        one
        for one in cluster.transcripts()
        if one.argv[:2] == ["chroot", HOST]
        and (one.target.node == target.node_name or target.node_name in one.target.pod)
    ]
