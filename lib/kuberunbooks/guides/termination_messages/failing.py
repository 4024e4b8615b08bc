"""TM-05: which container of a pod fails, and what did it say?

One finding for each pod, however many of its containers fail: the newest end comes first.
Why a container failed beyond what it said (a probe, the node, its image) is the pods guide's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import SEVERITIES, Finding, finding
from kuberunbooks.objects import ContainerView, Evidence

from ..pods.init_containers import executable
from ..pods.probes import explains, probe_record
from ..pods.target import Pods
from ..rules.error_lines import bounded, normalised
from ..rules.exit_codes import meaning, signal_number
from ..rules.patterns import RX_NOEXEC
from ..step import Yielded, step
from .ends import ContainerEnd, container_ends
from .messages import cite_message
from .said import Listener, Said, listener

_MOST_CITED = 5
_WHY = 240
_CITED = 400
_NOUNS = {"init": "Init container", "sidecar": "Sidecar"}


@step("TM-05", title="Which container fails, and what did it say?")
def failing(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which containers fail, newest end first, and what did each of them say?"""
    heard = listener(target, cluster)
    seen: set[tuple[Any, ...]] = set()
    failed = (one for one in container_ends(target, cluster) if one.failure is not None)
    for _, ends in groupby(failed, key=lambda one: (one.case.pod.namespace, one.case.pod.name)):
        newest_first = sorted(ends, key=lambda one: one.age_key)
        for one in newest_first:
            reading = heard.said(one).reading
            key = (*one.case.like, one.end.exit_code, one.end.reason)
            if reading is not None and key not in seen:
                seen.add(key)
                yield reading.excerpt
        yield _finding(newest_first, heard)


def _finding(ends: list[ContainerEnd], heard: Listener) -> Finding:
    first, pod = ends[0], ends[0].case.pod
    alone = len(ends) == 1
    worst = min((one.failure for one in ends if one.failure), key=SEVERITIES.index)
    evidence: list[Evidence] = []
    for one in ends[:_MOST_CITED]:
        evidence += _cited(one, heard.said(one))
    told = [_told(one, heard.said(one)) for one in ends]
    times = [began for one in ends if (began := one.case.began()) is not None]
    return finding(
        "TerminationFailingContainer",
        pod,
        container=first.case.name if alone else "",
        severity=worst,
        evidence=evidence,
        since=min(times, default=None),
        group=tuple(sorted(_kind(one) for one in ends)),
        failing=told,
        # What the texts say of the only one.
        many=not alone,
        author=told[0]["author"],
        source=told[0]["source"],
        quote=told[0]["quote"],
        from_log=told[0]["from_log"],
        memory=told[0]["out_of_memory"],
        stopped_by=told[0]["stopped_by"] if alone else "",
        ended_well=alone and first.end.exit_code == 0,
        exit_code=first.end.exit_code,
        meaning=meaning(first.end) if alone else "",
        first=first.case.name,
        running=first.case.view.status.state.running is not None,
        never_ran=first.never_ran,
        statuses=first.statuses,
        sound=[view.name for view in pod.containers("sidecar", "app") if _is_sound(view, ends)],
        of=sum(1 for _ in pod.containers("init", "sidecar", "app")),
    )


def _is_sound(view: ContainerView, ends: list[ContainerEnd]) -> bool:
    """It runs, is ready, and is none of those that fail."""
    status = view.status
    return status.state.running is not None and status.ready and view.name not in {e.case.name for e in ends}


def _kind(one: ContainerEnd) -> tuple[str, int, str, str]:
    """What pods must share to fail alike."""
    return (one.case.name, one.end.exit_code, one.end.reason, normalised(one.end.message))


def _told(one: ContainerEnd, said: Said) -> dict[str, Any]:
    """One failing container as the texts need it."""
    end = one.end
    match = RX_NOEXEC.search(end.message) if one.never_ran else None
    return {
        "container": one.case.name,
        "noun": _NOUNS.get(one.case.view.role, "Container"),
        "stopped_by": _stopped_by(one),
        "exit_code": end.exit_code,
        "signal": meaning(end) if signal_number(end) else "",
        "out_of_memory": end.reason == "OOMKilled",
        "vanished": end.reason == "ContainerStatusUnknown",
        "never_ran": one.never_ran,
        "executable": executable(end),
        "why": (match["why"] or match["why2"] or "") if match else bounded(end.message.strip(), _WHY),
        "looping": one.looping,
        "restarts": one.case.view.status.restart_count,
        "running": one.case.view.status.state.running is not None,
        "author": said.author,
        "quote": said.quote.text,
        "from_log": said.quote.source == "log",
        "source": said.source,
        "cut": said.cut,
        "size": said.size,
        "log_state": said.log_state,
    }


def _stopped_by(one: ContainerEnd) -> str:
    """The probe for which the kubelet stopped it, `liveness` or `startup`; empty when none is seen to be."""
    return next(
        (
            kind.lower()
            for kind in ("Liveness", "Startup")
            if explains(probe_record(one.case, kind), one.end, one.case.pod)
        ),
        "",
    )


def _cited(one: ContainerEnd, said: Said) -> list[Evidence]:
    """How it ended and what it said, in so few words that several containers fit side by side."""
    found = [one.case.cite(f"{one.path}.exitCode")]
    if said.author in ("runtime", "kubelet", "unreadable") or one.end.reason == "OOMKilled":
        found.append(one.case.cite(f"{one.path}.reason"))
    if said.author in ("runtime", "unreadable"):
        found.append(cite_message(one, bounded(one.end.message.strip(), _CITED)))
    if said.author == "application" and said.quote.source == "termination message":
        return [*found, cite_message(one, bounded(one.end.message.strip(), _CITED))]
    return [*found, *said.quote.evidence]
