"""SH-06: single commands that were run in it, what they printed, and what their exit status means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster, Line, Log
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import Pod, Terminated

from ..pods.target import Pods
from ..rules.container_exec import Outcome
from ..rules.container_inside import Heard, Inside
from ..rules.debug_shell import SHELLS
from ..rules.exit_codes import meaning
from ..rules.log_reading import read_log
from ..step import NotChecked, Yielded, step
from .choice import UPSTREAM
from .target import insides, pod_of, spec_of, where

_ROWS = 40
_COMMAND = 90
_MOST_SHOWN = 8
_KINDS = {
    "ran": "ran",
    "failed": "ended badly",
    "absent": "not there",
    "forbidden": "refused",
    "unreached": "not reached",
    "cut": "cut off",
}
# Their output is names and values: the names are in a step of their own.
_WITH_VALUES = frozenset({"env", "printenv", "environ", "set", "export", "echo"})
_WORD = re.compile(r"[A-Za-z]+")


@step(
    "SH-06",
    title="What did single commands say?",
    upstream=f"{UPSTREAM}#running-individual-commands-in-a-container",
)
def commands(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which commands were run in it, and what came of them?"""
    heard = [one for one in insides(target, cluster) if one.commands]
    shown = 0
    for one in heard:
        pod = pod_of(target, one)
        yield _table(target, one)
        for each in one.commands:
            yield from _judge(one, pod, each)
            may = each.value.kind in ("ran", "failed", "cut") and _may_show(each, pod, one)
            if may and shown < _MOST_SHOWN and each.source.output.strip():
                shown += 1
                yield _output(target, one, each)
    if not heard:
        yield NotChecked(
            "No single command was run: give one with the parameter command, or its output with transcripts."
        )


def _judge(one: Inside, pod: Pod, seen: Heard[Outcome]) -> Iterator[Finding]:
    words = seen.source.argv
    if not words:
        return
    found, command = seen.value, " ".join(words)[:_COMMAND]
    facts: dict[str, Any] = {"command": command, "words": words}
    shown = seen.cite("" if _may_show(seen, pod, one) else "(what it printed is not shown)")
    container = one.key[2]
    program = words[0].rpartition("/")[2]
    if found.kind == "ran":
        yield finding("ExecCommandOk", pod, container=container, evidence=shown, group=(command,), **facts)
    elif found.kind == "cut":
        yield finding(
            "ExecCommandCut",
            pod,
            container=container,
            evidence=seen.cite(found.why),
            group=(command,),
            why=found.why,
            **facts,
        )
    elif found.kind == "failed" and found.code is not None:
        yield finding(
            "ExecNonZeroExit",
            pod,
            container=container,
            evidence=seen.cite(found.why),
            group=(command,),
            exit_code=found.code,
            meaning=meaning(Terminated(exit_code=found.code)),
            said=found.why,
            **facts,
        )
    elif found.kind == "absent" and not (program in SHELLS and found.exe == words[0]):
        yield finding(
            "DebugToolMissing",
            pod,
            container=container,
            evidence=seen.cite(found.why),
            group=(command,),
            tool=found.exe or words[0],
            why=found.why,
            **facts,
        )


def _may_show(seen: Heard[Outcome], pod: Pod, one: Inside) -> bool:
    """Not what prints variables with their values, nor a file of a Secret: no pattern could redact that."""
    text = " ".join(seen.source.argv)
    if not text or _WITH_VALUES & set(_WORD.findall(text)):
        return False
    spec = spec_of(pod, one.key[2])
    secret = {volume.name for volume in pod.spec.volumes if volume.secret is not None}
    mounts = spec.volume_mounts if spec is not None else []
    places = [mount.mount_path for mount in mounts if mount.name in secret]
    return not any(place and place in text for place in (*places, "/run/secrets"))


def _output(target: Pods, one: Inside, seen: Heard[Outcome]) -> Yielded:
    """What it printed, its last lines."""
    command = " ".join(seen.source.argv)[:_COMMAND]
    lines = tuple(Line(None, text) for text in seen.source.output.splitlines())
    return read_log(
        Log(f"{seen.source.source or one.key[1]}", "read", lines), f"{command}, in {where(target, one)}"
    ).excerpt


def _table(target: Pods, one: Inside) -> Table:
    return Table(
        caption=f"Commands run in {where(target, one)}",
        columns=[Column(name="command"), Column(name="came of it"), Column(name="exit", numeric=True)],
        rows=[
            [
                " ".join(each.source.argv)[:_COMMAND] or each.source.source,
                _KINDS[each.value.kind],
                "" if each.value.code is None else str(each.value.code),
            ]
            for each in one.commands[:_ROWS]
        ],
        omitted=max(0, len(one.commands) - _ROWS),
    )
