"""What is known of the pod that rules ways out: from the pods guide's rules, the node, the transcripts.

Called by `resolve`, once.
"""

from __future__ import annotations

import re

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, fill, precedence
from kuberunbooks.objects import ContainerView, Node, Pod

from ..pods.crashes import crashes
from ..pods.images import images
from ..pods.overall import overall
from ..pods.waiting import waiting
from ..rules.debug_choice import Place, Situation, trouble_of
from ..rules.debug_outcome import sees_target
from ..rules.debug_shell import Shell, shell_in
from .target import Debugging

_MIRROR = "kubernetes.io/config.mirror"
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_RUNTIME = re.compile(r"(?P<name>[\w-]+)://v?(?P<major>\d+)\.(?P<minor>\d+)")
# Since these versions a debug container can join another one's process namespace
# (containerd/containerd#5203, cri-o/cri-o#5440); dockershim always could.
_TARGETS_SINCE = {"containerd": (1, 5), "cri-o": (1, 23), "docker": (0, 0)}
_NODE_LOST = frozenset({"NodeStatusUnknown", "NodeMissing"})
_DOWN = re.compile(r"container runtime is down|RuntimeReady=false|container runtime status check")
_DECIDING = ("Image", "Command", "Container", "Init", "Liveness", "Startup", "Volume", "RunAsNonRoot",
             "Sandbox", "PodNetwork", "CrashLoop", "Lifecycle")  # fmt: skip


def container_of(target: Debugging) -> str:
    """The container in question: the parameter's, else the one worst off, else kubectl's default one."""
    pod = target.pod
    if pod is None:
        return ""
    if (wanted := target.option("container")) and wanted != "*":
        return wanted
    views = [one for one in pod.containers("init", "sidecar", "app") if not _is_done(one)]
    for worse in (_is_stuck, lambda one: not one.status.ready):
        if (found := next((one for one in views if worse(one)), None)) is not None:
            return found.name
    names = [one.name for one in pod.spec.containers]
    default = pod.metadata.annotations.get(_DEFAULT_CONTAINER, "")
    return default if default in names else next(iter(names), "")


def _is_done(one: ContainerView) -> bool:
    """An init container that has done its work."""
    end = one.status.state.terminated
    return one.role == "init" and end is not None and end.exit_code == 0


def _is_stuck(one: ContainerView) -> bool:
    waiting_, end = one.status.state.waiting, one.status.state.terminated
    return (waiting_ is not None and waiting_.reason not in ("", "ContainerCreating", "PodInitializing")) or (
        end is not None and end.exit_code != 0
    )


def causes_of(target: Debugging, cluster: Cluster) -> list[Finding]:
    """What the pods guide finds wrong with the pod, worst first, with its texts."""
    found: list[Finding] = []
    if target.pod is None:
        return found
    for step in (overall, images, waiting, crashes):
        for part in step.parts:
            try:
                found += [one for one in part(target.behind, cluster) if isinstance(one, Finding)]
            except ClusterError as error:
                cluster.note_failure(error, "read the pod's logs and events", target.place)
    serious = [one for one in found if one.severity in ("critical", "warning")]
    return sorted((fill(one) for one in serious), key=precedence)


def situation_of(target: Debugging, cluster: Cluster) -> Situation:
    """Everything the choice turns on."""
    windows = _is_windows(target)
    if target.about_node:
        sick = target.node is not None and not target.node.is_ready
        place: Place = ("node lost" if _is_unreachable(target.node) else "node sick") if sick else "node"
        shell_pod = running_node_shell(target)
        return Situation(place=place, windows=windows, debugger=shell_pod.name if shell_pod else "")
    pod = target.pod
    assert pod is not None
    view = next((one for one in pod.containers() if one.name == target.container), None)
    running = view is not None and view.status.state.running is not None
    codes = frozenset(
        one.code
        for one in target.causes
        if one.code.startswith(_DECIDING) and one.subject.container in ("", target.container)
    )
    killed = any(one.code.endswith("ProbeFailing") and not one.facts.get("killed") for one in target.causes)
    if killed:
        codes -= {"LivenessProbeFailing", "StartupProbeFailing"}
    ended = pod.is_terminal or (view is not None and view.status.state.terminated is not None)
    spec = next(
        (one for one in (*pod.spec.containers, *pod.spec.init_containers) if one.name == target.container),
        None,
    )
    debugger = _running_debugger(target, cluster)
    return Situation(
        container=target.container,
        role=view.role if view is not None else "app",
        place=_place(target),
        trouble=trouble_of(codes, running=running, ended=ended),
        shell=Shell(True, True, "Windows images have cmd")
        if windows
        else shell_in(pod, target.container, cluster.transcripts()),
        debugger=debugger,
        target_supported=runtime_targets(target.node),
        shared=bool(pod.spec.share_process_namespace or pod.spec.host_pid),
        static=_MIRROR in pod.metadata.annotations,
        windows=windows,
        claims=any(one.persistent_volume_claim is not None for one in pod.spec.volumes),
        host_ports=pod.spec.host_network
        or any(port.host_port for one in pod.spec.containers for port in one.ports),
        killed_from_outside=spec is not None
        and any(one.code == "ContainerOomKilled" for one in target.causes),
    )


def _place(target: Debugging) -> Place:
    pod = target.pod
    assert pod is not None
    if pod.is_scheduled and not pod.is_terminal and any(one.code in _NODE_LOST for one in target.causes):
        return "node lost"
    if pod.metadata.deletion_timestamp is not None:
        return "terminating"
    if pod.is_terminal:
        return ""
    if not pod.is_scheduled:
        return "pending"
    if target.node is not None and not target.node.is_ready:
        return "node lost" if _is_unreachable(target.node) else "node sick"
    return ""


def _is_unreachable(node: Node | None) -> bool:
    """Its kubelet is silent, or has no container runtime to start anything with."""
    if node is None:
        return False
    ready = node.condition("Ready")
    return ready is None or ready.status == "Unknown" or bool(_DOWN.search(ready.message))


def _is_windows(target: Debugging) -> bool:
    if target.node is not None and target.node.status.node_info.operating_system:
        return target.node.status.node_info.operating_system == "windows"
    pod = target.pod
    if pod is None:
        return False
    named = (
        pod.spec.os.name if pod.spec.os is not None else pod.spec.node_selector.get("kubernetes.io/os", "")
    )
    return named == "windows"


def runtime_targets(node: Node | None) -> bool | None:
    """Whether the node's runtime can show a debug container another one's processes; None when unknown."""
    if node is None:
        return None
    found = _RUNTIME.match(node.status.node_info.container_runtime_version)
    since = _TARGETS_SINCE.get(found["name"]) if found else None
    if found is None or since is None:
        return None
    return (int(found["major"]), int(found["minor"])) >= since


def _running_debugger(target: Debugging, cluster: Cluster) -> str:
    """A debug container in the pod that runs and, as far as is known, sees the container's processes."""
    pod = target.pod
    assert pod is not None
    specs = {one.name: one for one in pod.spec.ephemeral_containers}
    for view in pod.containers("ephemeral"):
        spec = specs.get(view.name)
        if view.status.state.running is None or spec is None:
            continue
        heard = [
            seen
            for one in cluster.transcripts()
            if (one.target.pod, one.target.container) == (pod.name, view.name)
            and (seen := sees_target(spec, one)) is not None
        ]
        aims = spec.target_container_name in ("", target.container)
        if aims and (not heard or heard[-1]) and (spec.target_container_name or _shares(pod)):
            return view.name
    return ""


def _shares(pod: Pod) -> bool:
    return bool(pod.spec.share_process_namespace or pod.spec.host_pid)


def node_shells(target: Debugging) -> list[Pod]:
    """The pods of kubectl debug node/… on the target's node, newest first."""
    found = [
        one
        for one in target.others
        if one.controller is None
        and one.name.startswith("node-debugger-")
        and one.spec.node_name == target.node_name
    ]
    return sorted(
        found,
        key=lambda one: (
            one.metadata.creation_timestamp.timestamp() if one.metadata.creation_timestamp else 0.0
        ),
        reverse=True,
    )


def running_node_shell(target: Debugging) -> Pod | None:
    """One of them that runs and has the node's files."""
    for one in node_shells(target):
        has_files = any(volume.host_path for volume in one.spec.volumes)
        if one.phase == "Running" and not one.metadata.deletion_timestamp and has_files:
            return one
    return None
