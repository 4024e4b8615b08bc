"""CR-07 and CR-08: commands and logs by crictl, where the API cannot serve them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kuberunbooks.cluster import Cluster, Line, Log, Transcript
from kuberunbooks.findings import Finding, finding
from kuberunbooks.objects import Evidence

from ..rules.crictl_read import NodeRuntime, Said
from ..rules.log_reading import read_log
from ..rules.patterns import RX_NOEXEC
from ..step import NotChecked, Yielded, step
from .target import RuntimeNodes, node_subject

_GONE = re.compile(
    r"no such file or directory|failed to try resolving symlinks|container .{1,80} not found", re.IGNORECASE
)
_VALUED = frozenset({"--tail", "-n", "--since", "--limit-bytes", "--timeout", "-r"})


@step("CR-07", title="Does a command run without the API?")
def executed(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Did commands run in containers through the runtime alone?"""
    said = [(one, each) for one in target.runtimes(cluster) for each in one.execs]
    for one, each in said:
        yield _executed(one, each)
    if not said:
        yield NotChecked("No crictl exec was run: on the node, crictl exec ID COMMAND works without the API.")


@step("CR-08", title="What do logs say that the API cannot serve?")
def captured(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """What do the logs say that crictl read on the node?"""
    said = [(one, each) for one in target.runtimes(cluster) for each in one.logs]
    for one, each in said:
        yield from _captured(one, each)
    if not said:
        yield NotChecked("No log was read with crictl: on the node, crictl logs --tail=100 ID reads one.")


def _executed(one: NodeRuntime, said: Said) -> Finding:
    source = said.source
    failed = source.exit_code not in (None, 0) or RX_NOEXEC.search(source.output) is not None
    match = RX_NOEXEC.search(source.output)
    return finding(
        "RuntimeExecFailed" if failed else "RuntimeExecOk",
        node_subject(one.node),
        evidence=_cite(source),
        group=(_id(said.words),),
        id=_id(said.words)[:13],
        why=match["why"] or match["why2"] if match else "",
        exe=(match["exe"] or "") if match else "",
        exit_code=source.exit_code,
    )


def _captured(one: NodeRuntime, said: Said) -> Iterator[Yielded]:
    source, id_ = said.source, _id(said.words)[:13]
    lines = source.output.splitlines()
    if not lines or (len(lines) < 4 and _GONE.search(source.output)):
        yield finding(
            "RuntimeLogMissing",
            node_subject(one.node),
            evidence=_cite(source),
            group=(id_,),
            id=id_,
            said=bool(lines),
        )
        return
    name = f"crictl logs {id_}"
    log = Log(name, "read", tuple(Line(None, text) for text in lines))
    reading = read_log(log, f"Log of container {id_} on {one.node or 'the node'}")
    yield reading.excerpt
    yield finding(
        "RuntimeLogCaptured",
        node_subject(one.node),
        evidence=_cite(source, reading.quote),
        group=(id_,),
        id=id_,
        quote=reading.quote,
        is_error=reading.is_error,
    )


def _id(words: Sequence[str]) -> str:
    """The container's id: the first word that is no option and no option's value."""
    rest = iter(words[1:])
    for word in rest:
        if word in _VALUED:
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return ""


def _cite(one: Transcript, shown: str = "") -> Evidence:
    value = shown or next((line for line in one.output.splitlines() if line.strip()), "")
    status = "" if one.exit_code in (None, 0) else f" → exit {one.exit_code}"
    return Evidence(
        source=f"{one.target.text} {one.source}".strip(), path=" ".join(one.argv) + status, value=value
    )
