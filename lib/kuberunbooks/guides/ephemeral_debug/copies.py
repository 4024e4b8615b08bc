"""RP-15, RP-16, RP-17: copies of the pod: with a debug container, another command or another image.

And what follows from it when the copy stays up and the pod does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import msgspec

from kuberunbooks.acting import Action, make_pod
from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Container, ContainerView, Pod

from ..documents import Manifest
from ..rules.debug_commands import STAY, twin
from ..rules.debug_manifests import pod_copy
from ..rules.debug_outcome import Comparison, compare, copy_outcome, heard_refusal
from ..rules.planned_actions import planned_actions
from ..rules.thresholds import DEBUG_COPY_WAIT, DEBUG_START_WAIT, DEBUG_STEADY
from ..step import NotChecked, Yielded, step
from .acts import NOT_DONE, excerpts, may, moment, note, planned, run_in, states
from .ephemeral import refused
from .target import Debugging
from .way import debug_of

_WAIT = 90.0
"""Seconds a step waits for a copy: it may pull an image, and the cell has 120."""


@step("RP-15", title="Does a copy of it run?")
def copies(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """What would the copy be, does it run, and if not, why not?"""
    pod = target.pod
    if pod is None:
        yield NotChecked(
            "There is no pod in question." if target.about_node else "There is nothing to debug."
        )
        return
    if target.way.startswith("copy"):
        yield from _copy(target, pod, cluster)
    found = copies_of(pod, states(target, cluster))
    for one in found:
        yield from _judged(one, target, cluster)
    refusals = [
        (heard, answer[1])
        for heard in cluster.transcripts()
        if (answer := heard_refusal(heard)) and answer[0] == "copy"
    ]
    for heard, refused_so in refusals:
        if pod.name in (word.rpartition("/")[2] for word in heard.argv[2:]):
            yield refused(refused_so, target, heard)
    if not found and not refusals and not target.way.startswith("copy"):
        yield NotChecked("No copy of the pod was made, and another way is the right one.")


@step("RP-16", title="Is it the command, or the image?")
def comparison(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """Does a copy with another command or another image stay up where the pod does not?"""
    pod = target.pod
    crashed = (
        None
        if pod is None
        else next(
            (one for one in pod.containers("app", "init", "sidecar") if one.name == target.container), None
        )
    )
    if pod is None or crashed is None or target.situation.trouble not in ("crash", "command"):
        yield NotChecked("The pod does not crash, so there is nothing to compare a copy with.")
        return
    made = copies_of(pod, states(target, cluster))
    for one in made:
        found = _compared(pod, crashed, one, cluster, listed=any(each is one for each in target.others))
        if found is not None:
            yield _depends(found, pod, crashed, one)
    if not made:
        yield NotChecked("No copy of the pod was made to compare it with.")


def copies_of(pod: Pod, others: list[Pod]) -> list[Pod]:
    """The bare pods that have all the pod's containers and a name like its own."""
    wanted = {one.name for one in pod.spec.containers}
    return [
        one
        for one in others
        if one.controller is None
        and one.name != pod.name
        and one.name.startswith(f"{pod.name[:50]}")
        and wanted <= {each.name for each in one.spec.containers}
        and one.metadata.deletion_timestamp is None
    ]


def _copy(target: Debugging, pod: Pod, cluster: Cluster) -> Iterator[Yielded]:
    """The copy, shown; made, waited for and removed again where that is allowed."""
    action = _action(target, pod, cluster)
    plan = planned(action, cluster)
    yield planned_actions([plan])
    yield Manifest(f"The copy of pod {pod.name}", dict(action.manifest))
    if cluster.actor is None:
        yield NotChecked(NOT_DONE)
    if cluster.actor is None or not may(plan):
        return
    note(action, cluster)
    with cluster.actor.borrowed(plan) as name:  # type: ignore[arg-type]
        found = cluster.actor.wait(pod.namespace, name, _settled(pod, target.container, cluster), _WAIT)
        inside = action.container or "debugger"
        if target.command and any(
            one.name == inside and one.status.state.running for one in found.containers()
        ):
            ran = run_in(name, inside, target.command, target, cluster)
            yield from excerpts([ran] if ran is not None else [])


def _action(target: Debugging, pod: Pod, cluster: Cluster) -> Action:
    raw = cluster.read_raw_object(Pod, pod.namespace, pod.name)
    raw = {**raw, "metadata": {"namespace": pod.namespace}}
    debug = debug_of(target.way, target)
    keeps = target.way == "copy-image" and not debug.command
    everything = debug.container == "*"
    changed = "debugger" if target.way == "copy" or everything else debug.container
    command = () if keeps and not everything else STAY
    image = "" if target.way == "copy-command" else debug.image
    images = {"*": debug.image} if everything else None
    made = pod_copy(
        raw, debug.copy, profile=debug.profile, container=changed, image=image, images=images, command=command
    )
    by_hand = debug._replace(command=command, debugger=changed if target.way == "copy" or everything else "")
    action = make_pod(
        made,
        words=f"make {debug.copy}, a copy of pod {pod.name}",
        kubectl=twin(target.way, by_hand),
        image=debug.image if image else "",
        profile=debug.profile,
        place="copy",
        owner=pod,
    )
    return action._replace(container=changed)


def _settled(pod: Pod, container: str, cluster: Cluster) -> Callable[[Pod], bool]:
    """Until the copy has failed, or has run long enough to be compared with the pod."""
    crashed = next((one for one in pod.containers() if one.name == container), None)
    end = crashed.status.newest_end if crashed is not None else None
    # A second more: times of the API are cut to whole seconds.
    enough = max(DEBUG_STEADY, 2 * ((end.ran_seconds if end else None) or 0.0)) + 1.0
    began: list[float] = []

    def settled(now: Pod) -> bool:
        outcome = copy_outcome(now, cluster.now)
        if outcome is None or outcome.code != "running":
            return outcome is not None
        began.append(time.monotonic())
        return began[-1] - began[0] >= enough

    return settled


def _judged(copy: Pod, target: Debugging, cluster: Cluster) -> Iterator[Finding]:
    listed = any(one.name == copy.name for one in target.others)
    patience = DEBUG_COPY_WAIT if listed else DEBUG_START_WAIT
    found = copy_outcome(copy, moment(copy, cluster), patience)
    if found is None:
        return
    running = found.code == "running"
    debugger = next(
        (one.name for one in copy.spec.containers if one.name.startswith("debugger")), target.container
    )
    yield finding(
        "DebugCopyRunning" if running else "DebugCopyFailed",
        copy,
        evidence=[copy.cite(path) for path in found.paths],
        since=copy.metadata.creation_timestamp,
        copy=copy.name,
        original=target.pod.name if target.pod is not None else "",
        debugger=debugger,
        shared=bool(copy.spec.share_process_namespace),
        failing=found.facts.get("failing", ""),
        message=found.facts.get("message", "").rstrip("."),
        why="status",
        gone=not listed,
        cautions=list(target.choice.cautions),
        container_name=target.container,
    )


def _compared(
    pod: Pod, crashed: ContainerView, copy: Pod, cluster: Cluster, *, listed: bool
) -> Comparison | None:
    original = crashed.spec
    changed = next(
        (one for one in (*copy.spec.containers, *copy.spec.init_containers) if one.name == crashed.name), None
    )
    view = next((one for one in copy.containers() if one.name == crashed.name), None)
    if original is None or changed is None or view is None:
        return None
    if not listed:
        # A state that a run noted leaves commands out; what it asked for tells which were changed.
        changed = _as_asked(original, changed, copy, cluster)
    return compare(original, crashed, changed, view, moment(copy, cluster))


def _as_asked(original: Container, seen: Container, copy: Pod, cluster: Cluster) -> Container:
    changed = msgspec.structs.replace(seen, command=original.command, args=original.args)
    for one in cluster.transcripts():
        wanted = {f"--copy-to={copy.name}", f"--container={original.name}", "--"}
        if one.argv[:2] == ["kubectl", "debug"] and wanted <= set(one.argv):
            changed = msgspec.structs.replace(changed, command=one.argv[one.argv.index("--") + 1 :], args=[])
    return changed


def _depends(found: Comparison, pod: Pod, crashed: ContainerView, copy: Pod) -> Finding:
    spec = crashed.spec
    return finding(
        found.code,
        pod,
        container=crashed.name,
        likely=True,
        evidence=[
            pod.cite(f"{crashed.path}.restartCount"),
            copy.cite(
                next(
                    f"{one.path}.state.running.startedAt"
                    for one in copy.containers()
                    if one.name == crashed.name
                )
            ),
        ],
        copy=copy.name,
        ran=found.ran,
        image=found.changed,
        before=spec.image if spec is not None else "",
        own_command=[*spec.command, *spec.args] if spec is not None and spec.command else [],
        gone=False,
    )
