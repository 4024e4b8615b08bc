"""Which way into a pod is the right one: exec, a debug container, a copy, its node; and why not the others.

A pure function of what is known of the pod. The order of the questions is that of what rules a way out:
is there anything running to look into at all, does its node answer, does the container start, does a probe
kill it, has it a shell. Called by the ephemeral-debug guide before anything is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from .debug_shell import Shell

Way = Literal["exec", "ephemeral", "copy", "copy-command", "copy-image", "node"]
WAYS: tuple[Way, ...] = ("exec", "ephemeral", "copy", "copy-command", "copy-image", "node")

WORDS: dict[str, str] = {
    "exec": "a command in the container itself",
    "ephemeral": "a debug container in the pod",
    "copy": "a copy with a debug container, without probes",
    "copy-command": "a copy with another command",
    "copy-image": "a copy with another image",
    "node": "a shell on its node",
}

Trouble = Literal["", "crash", "command", "image", "probe", "config", "sandbox", "starting", "ended"]
Place = Literal["", "pending", "terminating", "node lost", "node sick", "node"]

CRASHES = frozenset(
    {"CrashLoop", "ContainerExitedError", "CommandExitsImmediately", "ContainerSegfault",
     "ContainerSigkilled", "ContainerSigterm", "ContainerOomKilled", "InitCrashLoop", "InitContainerFailed",
     "InitPodFailed",
     "LifecycleHookFailed", "ContainerStartFailed", "ContainerCreateFailed"}
)  # fmt: skip
_COMMANDS = frozenset({"CommandNotFound", "CommandNotExecutable"})
_PROBES = frozenset({"LivenessProbeFailing", "StartupProbeFailing"})
_CONFIG = frozenset(
    {"ContainerConfigMissing", "RunAsNonRootViolation", "VolumeMountFailed", "VolumeAttachFailed",
     "VolumeInUse", "ImagePullSecretMissing"}
)  # fmt: skip
_SANDBOX = frozenset({"SandboxCreateFailed", "PodNetworkSetupFailed"})


class Situation(NamedTuple):
    """What decides. `container` is the one in question, `role` app, sidecar or init.

    `place` is where the pod as a whole stands, `trouble` what keeps the container from running
    undisturbed (empty: it runs). `debugger` is a debug container or pod that runs there already.
    `target_supported`: whether the node's runtime can put a debug container into another one's process
    namespace (None: not known); `shared`: the pod's containers see each other's processes anyway.
    """

    container: str = ""
    role: str = "app"
    place: Place = ""
    trouble: Trouble = ""
    shell: Shell = Shell()
    debugger: str = ""
    target_supported: bool | None = None
    shared: bool = False
    static: bool = False
    windows: bool = False
    claims: bool = False
    host_ports: bool = False
    killed_from_outside: bool = False


class Judged(NamedTuple):
    """A way, and in a clause why it is the one, or why not."""

    way: Way
    why: str
    possible: bool = True


class Choice(NamedTuple):
    """`way` is empty when there is none; `reason` is the key of the text that says why. `others` in order."""

    way: Way | Literal[""]
    reason: str
    others: tuple[Judged, ...]
    likely: bool = False
    cautions: tuple[str, ...] = ()


def trouble_of(codes: frozenset[str], *, running: bool, ended: bool) -> Trouble:
    """What the pods guide's codes about a container and its pod mean for looking into it.

    `running` and `ended` are its state: a crash that is over troubles nobody, a probe that kills does.
    """
    images = {code for code in codes if code.startswith("Image") and code not in _CONFIG}
    if codes & _SANDBOX:
        return "sandbox"
    if images:
        return "image"
    if codes & _CONFIG and not running:
        return "config"
    if codes & _PROBES:
        return "probe"
    if codes & _COMMANDS:
        return "command"
    if "CrashLoop" in codes or (codes & CRASHES and not running):
        return "crash"
    if ended:
        return "ended"
    return "" if running else "starting"


def choose(now: Situation) -> Choice:
    """The way to take, exactly one or none, and what speaks against each of the others."""
    way, reason, likely = _decide(now)
    ways = ("exec", "node") if not now.container else WAYS
    others = tuple(_judge(one, now, way, reason) for one in ways if one != way)
    return Choice(way, reason, others, likely, tuple(_cautions(way, now)))


def _decide(now: Situation) -> tuple[Way | Literal[""], str, bool]:
    if now.place in ("pending", "terminating", "node lost"):
        return "", now.place, False
    if now.place in ("node sick", "node"):
        if now.debugger:
            return "exec", "node shell", False
        return ("", "node windows", False) if now.windows else ("node", now.place, False)
    if now.trouble in ("config", "starting"):
        return "", now.trouble, False
    if now.trouble == "sandbox":
        return ("", "sandbox windows", False) if now.windows else ("node", "sandbox", False)
    if now.debugger:
        return "exec", "debugger", False
    if now.static:
        return _of_static_pod(now)
    if now.trouble == "image":
        return "copy-image", "image", False
    if now.trouble in ("crash", "command", "ended"):
        return _of_stopped(now)
    if now.trouble == "probe":
        return "copy", "probe", False
    if now.shell.present is False:
        return _without_shell(now)
    known = now.shell.present is True
    return "exec", "shell" if known else "shell unknown", now.shell.likely or not known


def _of_static_pod(now: Situation) -> tuple[Way | Literal[""], str, bool]:
    if not now.trouble and now.shell.present is not False:
        return (
            "exec",
            "shell" if now.shell.present else "shell unknown",
            now.shell.likely or not now.shell.present,
        )
    return ("", "static windows", False) if now.windows else ("node", "static", False)


def _of_stopped(now: Situation) -> tuple[Way | Literal[""], str, bool]:
    """It does not stay up: with another command its image can be looked into, if it has a shell."""
    if now.shell.present is False:
        return "copy-image", "no shell to start", now.shell.likely
    return "copy-command", now.trouble, now.shell.present is None or now.shell.likely


def _without_shell(now: Situation) -> tuple[Way | Literal[""], str, bool]:
    if now.target_supported is False and not now.shared and not now.windows:
        return "copy", "no target", now.shell.likely
    return "ephemeral", "no shell", now.shell.likely


def _cautions(way: str, now: Situation) -> Iterator[str]:
    if way == "ephemeral":
        yield "permanent"
        if now.windows:
            yield "windows target"
        elif now.target_supported is None and not now.shared:
            yield "target unknown"
    if way.startswith("copy"):
        if now.claims:
            yield "claims"
        if now.host_ports:
            yield "host ports"
        if now.killed_from_outside:
            yield "killed from outside"
    if way == "copy":
        yield "works twice"
    if way == "node":
        yield "node files"


def _judge(way: Way, now: Situation, chosen: str, reason: str) -> Judged:
    if not chosen:
        return Judged(way, _NOTHING[reason], possible=False)
    if against := _impossible(way, now):
        return Judged(way, against, possible=False)
    return Judged(way, _needless(way, now, chosen))


_NOTHING = {
    "pending": "the pod has no node, so nothing of it runs, and a copy would wait just the same",
    "terminating": "the pod is being deleted and takes nothing new",
    "node lost": "its node does not answer: no command and no new container reaches it",
    "node windows": "node shells of kubectl are for Linux; a Windows node takes a HostProcess container",
    "config": "the container needs something that is missing, and so would a copy of it",
    "starting": "the container has not started yet",
    "sandbox windows": "the pod's sandbox is not made, and node shells of kubectl are for Linux",
    "static windows": "a static pod takes no debug containers, and node shells of kubectl are for Linux",
}


def _impossible(way: Way, now: Situation) -> str:
    """Why this way does not work at all; empty when it would."""
    name = now.container
    if way == "exec" and not name:
        return "no pod with the node's files runs there"
    if way == "exec":
        if now.trouble in ("image", "sandbox", "crash", "command", "ended"):
            return f"container {name} is not running, or not for long"
        if now.shell.present is False:
            return f"container {name} has {'probably ' if now.shell.likely else ''}no shell ({now.shell.why})"
    if way == "ephemeral":
        if now.static:
            return "a static pod takes no debug containers: the kubelet reads it from a file"
        if now.trouble == "sandbox":
            return "the pod has no sandbox yet it could be started in"
        if now.trouble == "ended":
            return "the pod has ended"
    if way.startswith("copy"):
        if now.windows:
            return "copies by kubectl share processes, which Windows has not"
        if now.static:
            return "a copy of a static pod is an ordinary pod: another one, with the same host ports"
        if now.trouble == "sandbox":
            return "its sandbox would meet the same trouble, or be on another node"
    if way == "node" and now.windows:
        return "node shells of kubectl are for Linux; a Windows node takes a HostProcess container"
    return ""


def _needless(way: Way, now: Situation, chosen: str) -> str:
    """Why this way, which would work, is not the best one."""
    name = now.container
    if way == "exec":
        return f"container {name} has been stopped by its probe before and may be again while you look"
    if way == "ephemeral":
        if chosen == "exec":
            return "not needed while there is a shell; and it can never be removed from the pod"
        if now.trouble in ("crash", "command", "image"):
            return f"while container {name} does not run, there is no process and no file system to look into"
        if now.trouble == "probe":
            return "the probe would go on killing the container you look into"
        if now.target_supported is False:
            return "this node's container runtime cannot show it the container's processes"
        return "it would be added to a pod that is not the question"
    if way == "copy":
        if now.trouble in ("crash", "command", "ended", "image"):
            return "the copy would end just as the pod does: it starts with the same image and command"
        return "another pod is not this one: what went wrong here need not happen there"
    if way == "copy-command":
        if now.trouble == "image":
            return "the image cannot be used, with whatever command"
        if now.shell.present is False:
            return f"container {name} has {'probably ' if now.shell.likely else ''}no shell to start instead"
        return "it starts well as it is"
    if way == "copy-image":
        return "the image is not the trouble" if now.trouble else "the image does what it should"
    if not name:
        return "one runs there already"
    return "it shows the node, and the container only from outside"
