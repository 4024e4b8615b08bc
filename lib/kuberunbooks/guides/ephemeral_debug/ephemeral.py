"""RP-14: a debug container in the pod: what it would be, whether it runs, and whether it sees the target."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.acting import Action, add_ephemeral_container, fresh_name
from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Container, ContainerView, Pod

from ..documents import Manifest
from ..rules.debug_commands import STAY, twin
from ..rules.debug_manifests import ephemeral_container
from ..rules.debug_outcome import Outcome, Refusal, ephemeral_outcome, heard_refusal, sees_target
from ..rules.planned_actions import planned_actions
from ..rules.thresholds import DEBUG_START_WAIT
from ..services.transcripts import cite
from ..step import NotChecked, Yielded, step
from .acts import NOT_DONE, excerpts, may, newest, note, planned, run_in
from .target import Debugging


@step("RP-14", title="Does a debug container run in it?")
def ephemeral(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """What would be added to the pod, does it run, and if not, why not?"""
    pod = target.pod
    if pod is None:
        yield NotChecked(
            "There is no pod in question." if target.about_node else "There is nothing to debug."
        )
        return
    if target.way == "ephemeral":
        yield from _add(target, pod, cluster)
    elif not pod.spec.ephemeral_containers:
        yield NotChecked("No debug container was added to the pod, and another way is the right one.")
    for one in newest(target, cluster):
        yield from _judged(one, cluster)
    for heard in cluster.transcripts():
        found = heard_refusal(heard)
        if found is not None and found[0] == "ephemeral" and _is_about(heard, pod):
            yield refused(found[1], target, heard)


def _add(target: Debugging, pod: Pod, cluster: Cluster) -> Iterator[Yielded]:
    """The container, shown; added, waited for and looked into where that is allowed."""
    name = fresh_name("debugger") if cluster.actor is not None else "debugger"
    action = addition(target, pod, name, target.profile, target.image)
    plan = planned(action, cluster)
    yield planned_actions([plan])
    yield Manifest(f"What is added to pod {pod.name}", dict(action.manifest))
    if cluster.actor is None:
        yield NotChecked(NOT_DONE)
    if cluster.actor is None or not may(plan):
        return
    cluster.actor.perform(plan)  # type: ignore[arg-type]
    note(action, cluster)
    found = cluster.actor.wait(pod.namespace, pod.name, lambda now: has_answer(now, name), DEBUG_START_WAIT)
    if is_running(found, name):
        heard = [run_in(pod.name, name, ("ps", "aux"), target, cluster)]
        if target.command:
            heard.append(run_in(pod.name, name, target.command, target, cluster))
        yield from excerpts([one for one in heard if one is not None])


def addition(target: Debugging, pod: Pod, name: str, profile: str, image: str) -> Action:
    """The action that adds a debug container which only stays, so that commands can be run in it."""
    aims = target.debug().target and bool(target.container)
    stay = STAY if not target.situation.windows else ("cmd", "/c", "ping -t localhost >nul")
    made = ephemeral_container(
        name, image, profile=profile, target=target.container if aims else "", command=stay
    )
    words = f"add debug container {name} to pod {pod.name}"
    debug = target.debug(image=image, profile=profile, debugger=name, command=stay)
    return add_ephemeral_container(
        pod.namespace, pod.name, made, words=words, kubectl=twin("ephemeral", debug), profile=profile
    )


def view_of(pod: Pod, name: str) -> ContainerView | None:
    """An ephemeral container's state, once the kubelet has written one."""
    return next((one for one in pod.containers("ephemeral") if one.name == name), None)


def is_running(pod: Pod, name: str) -> bool:
    """Whether that ephemeral container runs."""
    view = view_of(pod, name)
    return view is not None and view.status.state.running is not None


def has_answer(pod: Pod, name: str) -> bool:
    """Whether it is known what became of it."""
    view = view_of(pod, name)
    return view is not None and (
        ephemeral_outcome(view) is not None or view.status.state.terminated is not None
    )


def _is_about(heard: Transcript, pod: Pod) -> bool:
    return any(word.rpartition("/")[2] == pod.name for word in heard.argv[2:])


def _judged(pod: Pod, cluster: Cluster) -> Iterator[Finding]:
    specs = {one.name: one for one in pod.spec.ephemeral_containers}
    outcomes = [(view, found) for view in pod.containers("ephemeral") if (found := ephemeral_outcome(view))]
    works = any(found.code == "EphemeralContainerRunning" for _, found in outcomes)
    for view, found in outcomes:
        yield _finding(pod, view, specs.get(view.name), found, cluster, works=works)


def _finding(
    pod: Pod, view: ContainerView, spec: Container | None, found: Outcome, cluster: Cluster, *, works: bool
) -> Finding:
    aimed = spec.target_container_name if spec is not None else ""
    code = found.code
    evidence = [pod.cite(path) for path in found.paths]
    sees: bool | None = None
    process = ""
    for one in cluster.transcripts():
        if (one.target.pod, one.target.container) != (pod.name, view.name):
            continue
        seen = sees_target(spec, one)
        if seen is not None:
            sees, process = seen, _first_process(one)
            evidence.append(cite(one, process))
    if code == "EphemeralContainerRunning" and aimed and sees is False:
        code = "EphemeralTargetUnsupported"
    return finding(
        code,
        pod,
        # One that failed can never be removed; where another one runs it is history.
        severity="info" if works and found.code != "EphemeralContainerRunning" else None,
        evidence=evidence,
        since=view.status.state.running.started_at if view.status.state.running else None,
        group=(view.name,),
        debugger=view.name,
        image=spec.image if spec is not None else view.status.image,
        target=aimed,
        sees=sees,
        process=process,
        non_root="runAsNonRoot" in found.facts.get("message", ""),
        reason=found.facts.get("reason", ""),
        message=found.facts.get("message", ""),
        exit_code=found.facts.get("exit_code"),
    )


def _first_process(one: Transcript) -> str:
    """What process 1 runs, as the last column of ps says."""
    lines = one.stdout.splitlines()
    head = lines[0].split()
    at, columns = head.index("PID"), len(head)
    rows = (line.split(None, columns - 1) for line in lines[1:])
    return next((row[-1].strip() for row in rows if len(row) > at and row[at] == "1"), "")


def refused(found: Refusal, target: Debugging, heard: Transcript) -> Finding:
    """The refusal of a debug container or a copy, as a finding."""
    blocked = found.code == "DebugProfileBlocked"
    asked = next((word.partition("=")[2] for word in heard.argv if word.startswith("--profile=")), "")
    return finding(
        found.code,
        target.subject,
        evidence=cite(heard, found.message),
        profile=asked or target.profile,
        level=found.level,
        place=target.place,
        fitting=[found.level] if blocked and found.level in ("baseline", "restricted") else [],
        why=found.why,
        message=found.message,
        copy=next((word.partition("=")[2] for word in heard.argv if word.startswith("--copy-to=")), ""),
        failing="",
        gone=False,
        cautions=[],
        container_name=target.container,
    )
