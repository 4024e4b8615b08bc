"""SH-09: which processes run, and is process 1 what the container was told to run?"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Container, Pod

from ..pods.target import Pods
from ..rules.container_inside import Heard, Inside
from ..rules.proc_list import Process
from ..rules.thresholds import ZOMBIES
from ..step import Yielded, step
from .target import insides, pod_of, spec_of, unseen, where

_ROWS = 30
_SHOWN = 120


@step("SH-09", title="What runs in it?")
def processes(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is process 1 the container's own command, and does anything run that should not?"""
    checked = False
    for one in insides(target, cluster):
        if one.processes is None:
            continue
        checked = True
        pod = pod_of(target, one)
        yield _table(target, one, one.processes.value)
        yield from _first(one, one.processes, pod)
        yield from _zombies(one, one.processes, pod)
    if not checked:
        yield unseen("Its processes are")


def _first(one: Inside, seen: Heard[list[Process]], pod: Pod) -> Iterator[Finding]:
    """What process 1 is: the container's command, another container's (shared), or a wrapper."""
    first = next((each for each in seen.value if each.pid == 1), None)
    if first is None:
        return
    spec = spec_of(pod, one.key[2])
    shared = bool(pod.spec.share_process_namespace) or pod.spec.host_pid or _joins_another(pod, one.key[2])
    told = list(spec.command) if spec is not None else []
    yield finding(
        "InsideProcesses",
        pod,
        container=one.key[2],
        evidence=seen.cite(f"1 {first.command}"),
        first=first.command[:_SHOWN],
        number=len(seen.value),
        shared=shared,
        # Only a command that the pod sets can be compared: otherwise the image decides.
        same=None if not told or shared else _is_same(first, told, spec),
        told=" ".join(told)[:_SHOWN],
    )


def _joins_another(pod: Pod, name: str) -> bool:
    """An ephemeral container with a target sees that one's processes; its status does not say so."""
    return any(one.name == name for one in pod.spec.ephemeral_containers)


def _is_same(first: Process, told: list[str], spec: Container | None) -> bool:
    """Whether process 1 looks like the command: a script, or exec, may put another name there."""
    program = told[0].rpartition("/")[2]
    words = first.command.split()
    names = {word.rpartition("/")[2].lstrip("-") for word in words[:3]}
    args = [*told[1:], *(spec.args if spec is not None else [])]
    return program in names or any(word.rpartition("/")[2] in " ".join(args) for word in words[:1])


def _zombies(one: Inside, seen: Heard[list[Process]], pod: Pod) -> Iterator[Finding]:
    """Ended processes nobody collects: process 1 has to, and few programs do."""
    dead = [each for each in seen.value if each.zombie]
    if len(dead) >= ZOMBIES:
        yield finding(
            "InsideZombies",
            pod,
            container=one.key[2],
            evidence=seen.cite(f"{len(dead)} of {len(seen.value)} processes are zombies"),
            zombies=len(dead),
            shared=bool(pod.spec.share_process_namespace),
        )


def _table(target: Pods, one: Inside, listed: list[Process]) -> Table:
    return Table(
        caption=f"Processes seen in {where(target, one)}",
        columns=[Column(name="pid", numeric=True), Column(name="user"), Column(name="command")],
        rows=[[str(each.pid), each.user, each.command[:_SHOWN]] for each in listed[:_ROWS]],
        omitted=max(0, len(listed) - _ROWS),
    )
