"""TM-03 and TM-04: the message of each container, where it was read and where it came from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, LogExcerpt, LogLine, Table, finding
from kuberunbooks.objects import Evidence

from ..pods.target import Pods
from ..rules.error_lines import bounded, normalised
from ..rules.exit_codes import meaning
from ..step import Yielded, step
from .ends import ContainerEnd, container_ends
from .said import Said, listener

FIRST_LINES = 5
"""Lines of a message that are quoted."""
_MOST_EXCERPTS = 8
_MOST_ROWS = 50
_CELL = 160
_LINE = 400

_ORIGINS = {
    "runtime": "container runtime",
    "kubelet": "kubelet",
    "unreadable": "kubelet (could not read it)",
    "nobody": "none",
}


@step("TM-03", title="What message did each container leave?")
def messages(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What does each container that ended say in its termination message, if it left one?"""
    heard = listener(target, cluster)
    # In the order of the pods, so that every finding quotes the pod it names.
    ends = [(one, heard.said(one)) for one in container_ends(target, cluster)]
    if not ends:
        return
    by_weight = sorted(ends, key=lambda pair: (pair[0].failure is None, pair[0].age_key))
    yield _table(by_weight[:_MOST_ROWS], target, len(ends))
    yield from _excerpts(by_weight)
    for one, said in ends:
        yield from _of_end(one, said)


def _excerpts(ends: list[tuple[ContainerEnd, Said]]) -> Iterator[LogExcerpt]:
    """The messages of several lines, each once."""
    shown: set[str] = set()
    for one, said in ends:
        text = normalised(one.end.message)
        if said.author == "application" and len(one.end.message.splitlines()) > 1 and text not in shown:
            shown.add(text)
            yield _excerpt(one)
        if len(shown) >= _MOST_EXCERPTS:
            return


def _table(heard: list[tuple[ContainerEnd, Said]], target: Pods, total: int) -> Table:
    names = ["POD", "CONTAINER", "EXIT CODE", "FROM", "BYTES", "MESSAGE"]
    return Table(
        caption="Termination messages, those of failures first",
        columns=[Column(name=name, numeric=name in ("EXIT CODE", "BYTES")) for name in names],
        rows=[
            [
                one.case.pod.name if target.namespace else f"{one.case.pod.namespace}/{one.case.pod.name}",
                one.case.name,
                str(one.end.exit_code),
                _origin(one, said),
                str(said.size),
                bounded(" ⏎ ".join(one.end.message.strip().splitlines()[:FIRST_LINES]), _CELL),
            ]
            for one, said in heard
        ],
        omitted=total - len(heard),
    )


def _origin(one: ContainerEnd, said: Said) -> str:
    """`file /dev/termination-log`, `end of its log`, `container runtime`, `none`."""
    path = one.spec.termination_message_path
    return {
        "file": f"file {path}",
        "log": "end of its log",
        "file or log": f"file {path} or its log",
        "": _ORIGINS.get(said.author, ""),
    }[said.source]


def _excerpt(one: ContainerEnd) -> LogExcerpt:
    """The first lines of a message of several lines."""
    pod, lines = one.case.pod, one.end.message.splitlines()
    return LogExcerpt(
        source=f"{pod.api.path(pod.namespace)}#{pod.name}",
        caption=f"Termination message of container {one.case.name} of pod {pod.name}",
        lines=[
            LogLine(number=number, text=bounded(text, _LINE))
            for number, text in enumerate(lines[:FIRST_LINES], 1)
        ],
        total_lines=len(lines),
        note=f"First {FIRST_LINES} of {len(lines)} lines." if len(lines) > FIRST_LINES else "",
    )


def _of_end(one: ContainerEnd, said: Said) -> Iterator[Finding]:
    if said.author == "nobody":
        if one.failure is not None and one.end.exit_code != 0:
            yield _empty_on_error(one, said)
        elif one.end.exit_code == 0 and one.case.view.role in ("app", "sidecar") and not one.is_history:
            yield finding(
                "TerminationMessageEmpty",
                one.case.pod,
                container=one.case.name,
                evidence=[cite_message(one), one.case.cite(f"{one.path}.exitCode")],
                since=one.end.finished_at,
                looping=one.looping,
            )
        return
    # What was taken from the log is a finding of its own, in the step about the policy.
    if said.source != "log":
        yield _found(one, said)
    status = one.case.view.status
    if said.author == "application" and status.state.terminated and not status.last_state.terminated:
        yield finding(
            "TerminationMessageInStateOnly",
            one.case.pod,
            container=one.case.name,
            evidence=[
                one.case.cite("state.terminated.exitCode"),
                one.case.cite("lastState"),
            ],
            since=one.end.finished_at,
            statuses=one.statuses,
        )


def _found(one: ContainerEnd, said: Said) -> Finding:
    lines = [line for line in one.end.message.splitlines() if line.strip()]
    quote = said.quote.text or bounded(lines[0].strip(), _CELL)
    return finding(
        "TerminationMessageFound",
        one.case.pod,
        container=one.case.name,
        likely=said.source == "file or log",
        evidence=[cite_message(one), *_cite_origin(one, said)],
        since=one.end.finished_at,
        group=(one.end.exit_code, one.end.reason, one.is_history, normalised(one.end.message)),
        author=said.author,
        source=said.source,
        message_path=one.spec.termination_message_path,
        quote=quote,
        more=len(lines) - 1,
        history=one.is_history,
        ago=(one.case.now - one.end.finished_at).total_seconds() if one.end.finished_at else None,
        **end_facts(one),
    )


def _empty_on_error(one: ContainerEnd, said: Said) -> Finding:
    return finding(
        "TerminationMessageEmptyOnError",
        one.case.pod,
        container=one.case.name,
        evidence=[
            cite_message(one),
            one.case.cite(f"{one.path}.exitCode"),
            one.case.cite_spec("terminationMessagePolicy"),
            *said.quote.evidence,
        ],
        since=one.case.began(),
        group=(one.end.exit_code, one.end.reason, one.spec.termination_message_policy, said.log_state),
        policy=one.spec.termination_message_policy,
        message_path=one.spec.termination_message_path,
        log_line=said.quote.text,
        log_state=said.log_state,
        **end_facts(one),
    )


def end_facts(one: ContainerEnd) -> dict[str, Any]:
    """What every text about an end may use."""
    return {
        "exit_code": one.end.exit_code,
        "meaning": meaning(one.end),
        "running": one.case.view.status.state.running is not None,
        "role": one.case.view.role,
        "statuses": one.statuses,
    }


def cite_message(one: ContainerEnd, value: str = "") -> Evidence:
    """The message as it stands in the status, of bounded length, or what `value` says of it."""
    value = value or bounded(one.end.message.strip(), 1000) or "empty"
    return one.case.pod.cite(f"{one.case.view.path}.{one.path}.message", value)


def _cite_origin(one: ContainerEnd, said: Said) -> list[Evidence]:
    """The fields that say where the kubelet takes a message from."""
    if said.author != "application":
        return [one.case.cite(f"{one.path}.reason")]
    fields = ["terminationMessagePath"]
    if said.source != "file":
        fields.append("terminationMessagePolicy")
    return [one.case.cite_spec(field) for field in fields]
