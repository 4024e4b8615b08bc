"""SH-02 and SH-07: does the container run, and which of several is meant?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding

from ..pods.missing import missing_findings
from ..pods.target import Pods
from ..rules.thresholds import CREATING_GRACE
from ..step import NotChecked, Yielded, step
from .target import Choice, chosen

UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-application/get-shell-running-container/"
_ROWS = 40
_WHOLE = "A whole namespace is asked for: name one pod to get a shell in it."
_GRAVE = frozenset({"ContainerCreating", "PodInitializing", ""})


@step(
    "SH-07",
    title="Which container?",
    upstream=f"{UPSTREAM}#opening-a-shell-when-a-pod-has-more-than-one-container",
)
def choice(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which of the pod's containers would a shell be in?"""
    del cluster
    found = chosen(target)
    if found is None:
        if target.pods:
            yield NotChecked(_WHOLE)
        else:
            yield from missing_findings(target)
        return
    pod, names = found.pod, [one.name for one in found.pod.spec.containers]
    others = [one.name for one in (*pod.spec.init_containers, *pod.spec.ephemeral_containers)]
    if len(names) + len(others) > 1:
        yield _table(found)
    if found.spec is None:
        yield finding(
            "ContainerNameUnknown",
            pod,
            evidence=pod.cite("spec.containers"),
            wanted=found.name,
            names=[*names, *others],
            node=pod.spec.node_name,
        )
    elif found.how == "first":
        yield finding(
            "ContainerChoiceRequired",
            pod,
            evidence=pod.cite("spec.containers"),
            names=names,
            first=found.name,
        )


@step("SH-02", title="Does it run?", upstream=f"{UPSTREAM}#getting-a-shell-to-a-container")
def running(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is the container running, so that commands can be run in it?"""
    found = chosen(target)
    if found is None or found.spec is None:
        yield NotChecked(_WHOLE if target.pods and found is None else "There is no such container.")
        return
    if found.runs:
        assert found.view is not None
        yield finding(
            "ShellTargetRunning",
            found.pod,
            container=found.name,
            evidence=found.pod.cite(f"{found.view.path}.state.running.startedAt"),
            node=found.pod.spec.node_name,
        )
    else:
        yield _not_running(found, cluster)


def _not_running(found: Choice, cluster: Cluster) -> Finding:
    """Completed, still starting or going is as it should be; all else keeps the person from their shell."""
    pod, view = found.pod, found.view
    waiting = view.status.state.waiting if view is not None else None
    ended = view.status.state.terminated if view is not None else None
    reason = waiting.reason if waiting else ended.reason if ended else ""
    starting = reason in _GRAVE and ended is None and pod.age(cluster.now) < CREATING_GRACE
    completed = (ended is not None and ended.exit_code == 0) or pod.phase == "Succeeded"
    going = pod.metadata.deletion_timestamp is not None
    crashing = bool(view is not None and view.status.restart_count) or (
        ended is not None and ended.exit_code != 0
    )
    role = view.role if view is not None else "app"
    return finding(
        "ShellTargetNotRunning",
        pod,
        container=found.name,
        severity="info" if starting or completed or going or role in ("init", "ephemeral") else None,
        evidence=pod.cite(f"{view.path}.state" if view is not None else "status.phase"),
        state="waiting" if waiting else "ended" if ended else "not started",
        reason=reason,
        phase=pod.phase,
        starting=starting,
        completed=completed,
        going=going,
        crashing=crashing,
        role=role,
        deeper=f"runbook run pods -n {pod.namespace} -p target=pod/{pod.name}",
    )


def _table(found: Choice) -> Table:
    """All containers, those that can be chosen first."""
    pod = found.pod
    roles = {view.name: view for view in pod.containers()}
    kinds = (
        ("app", pod.spec.containers),
        ("init", pod.spec.init_containers),
        ("ephemeral", pod.spec.ephemeral_containers),
    )
    rows = []
    for kind, containers in kinds:
        for one in containers:
            view = roles.get(one.name)
            state = view.status.state if view is not None else None
            text = (
                "running" if state and state.running else "ended" if state and state.terminated else "waiting"
            )
            mark = "the one taken" if one.name == found.name else ""
            rows.append([one.name, view.role if view is not None else kind, text, one.image, mark])
    return Table(
        caption=f"Containers of {pod.name}",
        columns=[Column(name=name) for name in ("container", "role", "state", "image", "")],
        rows=rows[:_ROWS],
        omitted=max(0, len(rows) - _ROWS),
    )
