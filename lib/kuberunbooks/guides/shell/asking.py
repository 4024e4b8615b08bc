"""What is run in a container to look inside: one script, or the parameter's command; and the same by hand.

Where there is no `sh`, the shells some images have elsewhere are tried. Without an actor the
step only shows what would be done.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.acting import Action, Actor, Planned, run_command
from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import ClusterError
from kuberunbooks.findings import Finding, Note, finding
from kuberunbooks.objects import Pod

from ..pods.target import Pods
from ..rules.container_exec import outcome
from ..rules.container_script import inside_script
from ..rules.debug_shell import shell_in
from ..rules.pasted_session import command_words
from ..rules.planned_actions import planned_actions
from ..step import Yielded
from .target import Choice, chosen, heard_anew, insides

SHELLS = ("sh", "/busybox/sh", "bash")
"""`sh` is nearly everywhere; /busybox/sh is what distroless images of tag debug have."""
_WINDOWS = ("powershell.exe", "cmd.exe")
_SECONDS = 30.0


def ask_inside(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Runs the script in the chosen container, and the parameter's command; shows what it runs, or would."""
    choice = chosen(target)
    if choice is None or choice.spec is None or not choice.runs:
        return
    looks, commands = _looks(target, cluster, choice), _command(target, choice)
    if not looks and not commands:
        return
    if cluster.actor is None:
        yield planned_actions([*looks, *commands])
        return
    doing = _Doing(cluster.actor, choice)
    # The first shell that is there answers; the others are for where it is not.
    if not any(doing.runs(action) for action in looks) and looks and not doing.found:
        doing.notes.append(Note(text="None of the usual shells is in the container."))
    for action in commands:
        doing.runs(action)
    heard_anew(target)
    yield planned_actions(doing.shown, "What was done")
    yield from doing.found
    yield from doing.notes


class _Doing:
    """Performs actions in one container and keeps what is to be shown of it."""

    def __init__(self, actor: Actor, choice: Choice) -> None:
        self._actor = actor
        self._choice = choice
        self.shown: list[Action | Planned] = []
        self.found: list[Finding] = []
        self.notes: list[Note] = []

    def runs(self, action: Action) -> bool:
        """Whether it got as far as a program that runs; nothing more is tried after a refusal."""
        if self.found:
            return False
        plan = self._actor.plan(action)
        self.shown.append(plan)
        if not plan.allowed:
            self.found.append(_forbidden(self._choice.pod, self._choice.name, plan))
            return False
        try:
            done = self._actor.perform(plan)
        except ClusterError as error:
            self.notes.append(Note(text=f"{action.words}: {error}"))
            return False
        return done.transcript is not None and outcome(done.transcript).kind in ("ran", "failed", "cut")


def not_tried(choice: Choice) -> Finding:
    """That nothing was run in it, and whether a shell is to be expected there."""
    known = shell_in(choice.pod, choice.name, [])
    evidence = known.evidence or (choice.pod.cite("status.phase"),)
    return finding(
        "ShellNotTried",
        choice.pod,
        container=choice.name,
        evidence=evidence,
        likely=known.likely,
        present=known.present,
        why=known.why,
        shell=_WINDOWS[0] if is_windows(choice.pod) else SHELLS[0],
    )


def is_windows(pod: Pod) -> bool:
    """By its os, or by what it asks of its node."""
    named = pod.spec.os.name if pod.spec.os is not None else ""
    return "windows" in (named, pod.spec.node_selector.get("kubernetes.io/os", ""))


def _looks(target: Pods, cluster: Cluster, choice: Choice) -> list[Action]:
    """The script for each shell that may be there; none when the answers are at hand."""
    heard = next((one for one in insides(target, cluster) if one.key == choice.key), None)
    if heard is not None and (heard.shells or heard.processes or heard.sockets):
        return []
    shells = SHELLS if not is_windows(choice.pod) else _WINDOWS
    return [_look(choice, shell) for shell in (shells if cluster.actor is not None else shells[:1])]


def _look(choice: Choice, shell: str) -> Action:
    windows = shell in _WINDOWS
    argv = (
        [shell, "/c", "ver"]
        if shell == "cmd.exe"
        else [shell, "-c", "$PSVersionTable.PSVersion" if windows else inside_script()]
    )
    return run_command(
        *choice.key,
        argv,
        words=f"look into container {choice.name} of pod {choice.pod.name} with {shell}",
        seconds=_SECONDS,
    )


def _command(target: Pods, choice: Choice) -> list[Action]:
    """The parameter `command`, its words split as a shell splits them; run without a shell."""
    words = command_words(str(target.options.get("command") or ""))
    return [run_command(*choice.key, words, seconds=_SECONDS)] if words else []


def _forbidden(pod: Pod, container: str, plan: Planned) -> Finding:
    return finding(
        "ExecForbidden",
        pod,
        container=container,
        likely=False,
        why="; ".join(f"{one.what}: {one.why}" for one in plan.refusals),
    )
