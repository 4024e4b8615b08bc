"""The kubectl commands of each way into a pod, as arguments, and the names of what they make.

What kubectl changed over time is avoided: the profile is always named (its default changed in 1.36), and
--set-image never stands alone (the copy would keep labels and probes, so that Services and controllers
take it for one of theirs). All flags are those of kubectl 1.30 and later. Called by the
ephemeral-debug guide.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

_LONGEST_NAME = 63
"""A pod's name is its host name too, which is cut after so many characters."""

STAY = ("sleep", "3600")
"""What a container is told that is only to be there."""


class Debug(NamedTuple):
    """What a kubectl debug command is about; `copy` is the name of the pod it makes."""

    namespace: str
    pod: str = ""
    container: str = ""
    image: str = ""
    profile: str = "general"
    copy: str = ""
    node: str = ""
    command: tuple[str, ...] = ()
    debugger: str = ""
    target: bool = True


def copy_name(pod: str, taken: Container[str]) -> str:
    """`web-1-debug`, as the upstream guide calls it; numbered when that is taken."""
    base = f"{pod[: _LONGEST_NAME - 9].rstrip('-.')}-debug"
    return next(name for name in (base, *(f"{base}-{at}" for at in range(2, 1000))) if name not in taken)


def exec_twin(one: Debug) -> tuple[str, ...]:
    """A shell, or the command, in the container."""
    container = ("-c", one.container) if one.container else ()
    return (
        "kubectl",
        "exec",
        "-it",
        one.pod,
        "-n",
        one.namespace,
        *container,
        "--",
        *(one.command or ("sh",)),
    )


def ephemeral_twin(one: Debug) -> tuple[str, ...]:
    """A debug container in the pod itself."""
    target = (f"--target={one.container}",) if one.target and one.container else ()
    return _debug(one, one.pod, f"--image={one.image}", *target)


def copy_twin(one: Debug) -> tuple[str, ...]:
    """A copy with a debug container that sees the other containers' processes."""
    return _debug(one, one.pod, f"--copy-to={one.copy}", f"--image={one.image}", "--share-processes")


def command_twin(one: Debug) -> tuple[str, ...]:
    """A copy whose container runs a shell, or the command, instead of its own."""
    one = one._replace(command=one.command or ("sh",))
    return _debug(one, one.pod, f"--copy-to={one.copy}", f"--container={one.container}", "--share-processes")


def image_twin(one: Debug) -> tuple[str, ...]:
    """A copy whose container (`*`: every app container) has another image."""
    if one.container == "*":
        images = (f"--set-image=*={one.image}", f"--image={one.image}")
        return _debug(one, one.pod, f"--copy-to={one.copy}", *images, "--share-processes")
    flags = (f"--container={one.container}", f"--image={one.image}", "--share-processes")
    return _debug(one, one.pod, f"--copy-to={one.copy}", *flags)


def node_twin(one: Debug) -> tuple[str, ...]:
    """A pod on the node, with its files at /host."""
    return _debug(one, f"node/{one.node}", f"--image={one.image}")


TWINS = {
    "exec": exec_twin,
    "ephemeral": ephemeral_twin,
    "copy": copy_twin,
    "copy-command": command_twin,
    "copy-image": image_twin,
    "node": node_twin,
}


def twin(way: str, one: Debug) -> tuple[str, ...]:
    """The command of a way."""
    return TWINS[way](one)


def _debug(one: Debug, subject: str, *flags: str) -> tuple[str, ...]:
    named = (
        ()
        if not one.debugger or any(flag.startswith("--container=") for flag in flags)
        else ("-c", one.debugger)
    )
    command: Sequence[str] = ("--", *one.command) if one.command else ()
    return (
        "kubectl",
        "debug",
        "-it",
        subject,
        "-n",
        one.namespace,
        *flags,
        *named,
        f"--profile={one.profile}",
        *command,
    )
