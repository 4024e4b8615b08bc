"""What became of a debug container, a copy of a pod or a node shell: running, why not, or why it was refused.

Read from the pod's status, from the words of a refusal (of the API server, or printed by kubectl), and from
what was run inside. Pure functions, called by the steps of the ephemeral-debug guide.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal, NamedTuple

from kuberunbooks.cluster import Transcript
from kuberunbooks.objects import Container, ContainerView, Pod

from .patterns import RX_PODSECURITY
from .pull_errors import classify, says_why
from .thresholds import DEBUG_COPY_WAIT, DEBUG_STEADY

Kind = Literal["ephemeral", "copy", "node"]

_PULLING = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
     "RegistryUnavailable", "SignatureValidationFailed"}
)  # fmt: skip
_STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
_NO_TARGET = re.compile(
    r"(?i)unable to find target container|invalid target container"
    r"|target container \S+ (?:is )?not (?:found|running)"
    r"|namespace mode \S* ?(?:is )?(?:not supported|unsupported)|unsupported \S* ?namespace"
)
_STATIC = re.compile(r"(?i)static pods? (?:do|does) not support ephemeral")
_TAKEN = re.compile(
    r"(?i)already exists|Duplicate value|must not be? (?:changed|modified)|may not be (?:changed|modified)"
)
_OLD = re.compile(
    r"(?i)the server could not find the requested resource|ephemeral containers? (?:is|are) disabled"
)
_SESSION = 5.0
"""A shell that lasted longer was used and left; its exit code is that of the last command in it. Ours."""


class Outcome(NamedTuple):
    """A code of the catalogue and its facts; `paths` are the fields it was read from."""

    code: str
    facts: dict[str, Any]
    paths: tuple[str, ...] = ()


def ephemeral_outcome(view: ContainerView) -> Outcome | None:
    """What became of an ephemeral container; None while it starts, and once a session in it is over."""
    state, path = view.status.state, view.path
    if state.running is not None:
        return Outcome("EphemeralContainerRunning", {}, (f"{path}.state.running.startedAt",))
    if state.terminated is not None:
        end = state.terminated
        ran = end.ran_seconds
        if end.exit_code == 0 or (ran is not None and ran >= _SESSION):
            return None
        said = end.message or f"exit code {end.exit_code}"
        facts = {"reason": end.reason, "message": said.rstrip("."), "exit_code": end.exit_code}
        return Outcome("EphemeralContainerFailed", facts, (f"{path}.state.terminated.exitCode",))
    waiting = state.waiting
    if waiting is None or waiting.reason in _STARTING:
        return None
    message = (waiting.message or waiting.reason).rstrip(".")
    facts = {"reason": waiting.reason, "message": message, "exit_code": None}
    paths = (f"{path}.state.waiting.reason", f"{path}.state.waiting.message")
    if waiting.reason in _PULLING:
        if says_why(waiting.message):
            facts["message"] = classify(waiting.message).cause.rstrip(".")
        return Outcome("EphemeralImagePullFailed", facts, paths)
    if _NO_TARGET.search(message):
        return Outcome("EphemeralTargetUnsupported", facts, paths)
    return Outcome("EphemeralContainerFailed", facts, paths)


def sees_target(debugger: Container | None, one: Transcript) -> bool | None:
    """Whether `ps` in a debug container shows another container's processes; None when it does not tell.

    Process 1 is then not the debug container's own command.
    """
    if not one.argv or one.argv[0].rpartition("/")[2] != "ps" or one.exit_code not in (0, None):
        return None
    rows = [line.split(None, 1) for line in one.stdout.splitlines()]
    head = one.stdout.splitlines()[:1]
    if not head or "PID" not in head[0].split():
        return None
    at = head[0].split().index("PID")
    first = next(
        (line for line in one.stdout.splitlines()[1:] if len(line.split()) > at and line.split()[at] == "1"),
        None,
    )
    if first is None or len(rows) < 2:
        return None
    own = " ".join([*(debugger.command or []), *(debugger.args or [])]) if debugger is not None else ""
    if own:
        return own not in first
    # Without a command it runs its image's own, a shell as a rule.
    return None if re.search(r"\b(?:sh|bash|ash)\s*$", first) else True


def copy_outcome(pod: Pod, now: datetime, patience: float = DEBUG_COPY_WAIT) -> Outcome | None:
    """What became of a copy, or of a node shell, by the state of all its containers; None while it starts.

    After `patience` seconds it has not started.
    """
    views = pod.containers("app", "sidecar", "init")
    bad = next(((view, why) for view in views if (why := _fails(view))), None)
    if bad is not None:
        view, why = bad
        return Outcome("failed", {"failing": view.name, "message": why}, (f"{view.path}.state",))
    apps = [view for view in views if view.role == "app"]
    if pod.phase == "Running" and apps and all(view.status.state.running is not None for view in apps):
        return Outcome("running", {}, ("status.phase",))
    if pod.is_terminal:
        facts = {
            "failing": "",
            "message": pod.status.message or pod.status.reason or f"it has ended ({pod.phase})",
        }
        return None if pod.phase == "Succeeded" else Outcome("failed", facts, ("status.phase",))
    if pod.age(now) < patience:
        return None
    scheduled = pod.condition("PodScheduled")
    message = scheduled.message if scheduled is not None and not scheduled.is_true else ""
    why = message or f"it is still {pod.status_text or pod.phase}"
    return Outcome("failed", {"failing": "", "message": why}, ("status.phase",))


def _fails(view: ContainerView) -> str:
    waiting, ended = view.status.state.waiting, view.status.state.terminated
    if waiting is not None and waiting.reason not in _STARTING:
        return f"{waiting.reason}: {waiting.message}".rstrip(": .") if waiting.message else waiting.reason
    if ended is not None and ended.exit_code and view.role == "app":
        return f"it ended with exit code {ended.exit_code}"
    return ""


class Comparison(NamedTuple):
    """A copy beside its original: what was changed, and whether that made the difference."""

    code: str
    changed: str
    ran: float


def compare(
    original: Container, crashed: ContainerView, changed: Container, view: ContainerView, now: datetime
) -> Comparison | None:
    """CrashDependsOnCommand or CrashDependsOnImage, when exactly that was changed and the copy stays up.

    It must have run without a restart for DEBUG_STEADY seconds and for twice as long as the
    original's last run. None where both were changed, or neither: nothing follows from it.
    """
    command = (original.command, original.args) != (changed.command, changed.args)
    image = original.image != changed.image
    running = view.status.state.running
    if command == image or running is None or running.started_at is None or view.status.restart_count:
        return None
    ran = (now - running.started_at).total_seconds()
    end = crashed.status.newest_end
    before = end.ran_seconds if end is not None else None
    if ran < max(DEBUG_STEADY, 2 * (before or 0.0)):
        return None
    return Comparison(
        "CrashDependsOnCommand" if command else "CrashDependsOnImage", changed.image if image else "", ran
    )


class Refusal(NamedTuple):
    """Why the API server did not take it: a code, and `why`, the key of the text: security, static, taken…"""

    code: str
    why: str
    message: str
    level: str = ""


def refusal(kind: Kind, message: str, status: int = 0) -> Refusal:
    """What a refused request says. `status` is that of HTTP, 0 when only the words are known."""
    code = {"ephemeral": "EphemeralNotAllowed", "copy": "DebugCopyFailed", "node": "NodeDebugBlocked"}[kind]
    text = message.strip().rstrip(".")
    if found := RX_PODSECURITY.search(message):
        blocked = "NodeDebugBlocked" if kind == "node" else "DebugProfileBlocked"
        return Refusal(blocked, "security", text, found["lvl"])
    if _STATIC.search(message):
        return Refusal(code, "static", text)
    if status == 409 or _TAKEN.search(message):
        return Refusal(code, "taken", text)
    if kind == "ephemeral" and (_OLD.search(message) or status == 404):
        return Refusal(code, "old", text)
    if status == 403 or "forbidden" in message.lower():
        return Refusal(code, "forbidden", text)
    return Refusal(code, "other", text)


def heard_refusal(one: Transcript) -> tuple[Kind, Refusal] | None:
    """Of `kubectl debug`, run by a person: what it was to make, and why the server did not take it."""
    words = one.argv
    if words[:2] != ["kubectl", "debug"] or not one.exit_code or "rror from server" not in one.output:
        return None
    kind: Kind = "copy" if any(word.startswith("--copy-to") for word in words) else "ephemeral"
    if any(re.match(r"(?:node|nodes|no)/", word) for word in words):
        kind = "node"
    line = next(line for line in one.output.splitlines() if "rror from server" in line)
    forbidden = "(Forbidden)" in line.partition(":")[0]
    return kind, refusal(kind, line.partition("): ")[2] or line, 403 if forbidden else 0)
