"""IC-05: what does an init container wait for, and is that there?

The address it tries, by the last lines of its log, its command, or (when neither names one)
its environment, and what the cluster says of that address. A tool that cannot do what it
is called for waits for ever, whatever becomes of the address.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, LogExcerpt, LogLine, Severity, finding
from kuberunbooks.objects import Evidence

from ..pods.containers import ContainerCase, is_out_of_hands, last_seen_node_lost
from ..pods.init_containers import failed_end, place_facts
from ..pods.shown_logs import shown_logs
from ..pods.target import Pods
from ..rules.addresses import Address, line_address
from ..rules.command_addresses import (
    Mention,
    command_mentions,
    environment_mentions,
)
from ..rules.error_lines import message_of
from ..rules.shell_commands import Command, commands_of
from ..rules.thresholds import INIT_LONG
from ..rules.wait_tools import failing_tool
from ..step import Yielded, step
from .behind import Behind, Surroundings
from .logs import log_source
from .resolve import say_if_idle
from .status_words import current

_LAST_LINES = 30
"""Lines of the excerpt, from the newest, in which an address is looked for: older ones may be overcome."""
_LAST_WORDS = 5
"""Lines from the end that say what a failed run ended with, or what a running one is at for certain."""
_MOST_ADDRESSES = 3
_MOST_EXAMPLES = 20
"""Containers whose waits are followed up: one of each workload."""


class Lead(NamedTuple):
    """An address the container tries, where that was read, and the line of its log that names it."""

    address: Address
    source: str
    evidence: tuple[Evidence, ...]
    quote: str = ""
    sure: bool = False


class Wait(NamedTuple):
    """What a container waits for: the address, what is behind it, and further ones it is told of."""

    lead: Lead
    behind: Behind
    others: tuple[str, ...]


@step("IC-05", title="What does it wait for?")
def waits(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Which address does it try, what does the cluster have there, and does its own tool work?"""
    yield from say_if_idle(target)
    around = Surroundings(target, cluster)
    known: dict[tuple[str, str, str], Wait | None] = {}
    for pod in target.suspects:
        if is_out_of_hands(pod) or not pod.is_scheduled or last_seen_node_lost(pod):
            continue
        case = current(pod, target, cluster)
        if case is None or case.view.role == "sidecar" or not _is_trying(case):
            continue
        if case.like in known:
            # Of one workload all wait for the same: the first is the worked example.
            wait = known[case.like]
            if wait is not None:
                yield _finding(case, wait, example=False)
            continue
        if len(known) >= _MOST_EXAMPLES:
            continue
        commands = commands_of(case.view.spec, pod.namespace) if case.view.spec else []
        excerpts = _excerpts(case, target)
        yield from _broken_tool(case, commands, excerpts)
        wait = known[case.like] = _wait(case, commands, excerpts, around)
        if wait is not None:
            yield _finding(case, wait, example=True)


def _is_trying(case: ContainerCase) -> bool:
    return case.view.status.state.running is not None or failed_end(case) is not None


def _excerpts(case: ContainerCase, target: Pods) -> list[LogExcerpt]:
    """What earlier steps have shown of its log, the newest run first; nothing is read for this."""
    shown = shown_logs(target)
    sources = (log_source(case.pod, case.name, previous=previous) for previous in (False, True))
    return [shown[source] for source in sources if source in shown]


def _wait(
    case: ContainerCase, commands: list[Command], excerpts: list[LogExcerpt], around: Surroundings
) -> Wait | None:
    leads = _leads(case, commands, excerpts)
    if not leads:
        return None
    lead, behind = leads[0], around.behind(leads[0].address, case.pod)
    # A line of the log says what it is at; of several in a command the one that is not there holds it up.
    for other in leads[1:] if lead.source != "log" and not behind.proven else ():
        if (there := around.behind(other.address, case.pod)).proven:
            lead, behind = other, there
            break
    # What has failed need not have failed for want of an address that is there.
    if lead.source != "log" and case.view.status.state.running is None and not behind.proven:
        return None
    others = tuple(one.address.text for one in leads if one is not lead)
    return Wait(lead, behind, others)


def _leads(case: ContainerCase, commands: list[Command], excerpts: list[LogExcerpt]) -> list[Lead]:
    mentions = command_mentions(commands)[:_MOST_ADDRESSES]
    leads = [_of_mention(one, "command", case) for one in mentions]
    is_running = case.view.status.state.running is not None
    logged = _of_log(excerpts, leads, _LAST_LINES if is_running else _LAST_WORDS)
    if logged is not None:
        same = [one for one in leads if one.address == logged.address]
        cited = tuple(cited for one in same for cited in one.evidence)
        logged = logged._replace(evidence=(*logged.evidence, *cited))
        return [logged, *(one for one in leads if one not in same)]
    if not leads and is_running and case.view.spec is not None:
        found = environment_mentions(case.view.spec, case.pod.namespace)[:_MOST_ADDRESSES]
        return [_of_mention(one, "environment", case) for one in found]
    return leads


def _of_mention(one: Mention, source: str, case: ContainerCase) -> Lead:
    cited = case.pod.cite(f"{case.spec_path}.{one.path}", one.text)
    return Lead(one.address, source, (cited,), sure=one.probes)


def _of_log(excerpts: list[LogExcerpt], told: list[Lead], most_lines: int) -> Lead | None:
    """The newest line that names an address; without a port it is given the one the command has."""
    for excerpt in excerpts:
        for back, line in enumerate(reversed(excerpt.lines[-most_lines:])):
            address = line_address(line.text)
            if address is None:
                continue
            if not address.port:
                same = (one.address for one in told if one.address.host == address.host)
                address = next(same, address)
            sure = back < _LAST_WORDS
            return Lead(address, "log", (_cite(excerpt, line),), message_of(line.text), sure)
    return None


def _cite(excerpt: LogExcerpt, line: LogLine) -> Evidence:
    return Evidence(excerpt.source, f"line {line.number}", line.text)


def _broken_tool(
    case: ContainerCase, commands: list[Command], excerpts: list[LogExcerpt]
) -> Iterator[Finding]:
    """The wait's own tool fails each time it is called."""
    if case.view.status.state.running is None or not excerpts:
        return
    programs = {one.program for one in commands}
    complaint = failing_tool(excerpts[0], programs)
    if complaint is None:
        return
    named = command_mentions([one for one in commands if one.program == complaint.tool])
    cited = [case.pod.cite(f"{case.spec_path}.{one.path}", one.text) for one in named[:1]]
    yield finding(
        "InitWaitToolFails",
        case.pod,
        container=case.name,
        severity=None if _seconds(case) > INIT_LONG else "info",
        evidence=[_cite(excerpts[0], complaint.line), *cited],
        since=_started(case),
        group=(complaint.tool,),
        tool=complaint.tool,
        quote=message_of(complaint.line.text),
        times=complaint.times,
        address=named[0].address.text if named else "",
        **place_facts(case),
    )


def _finding(case: ContainerCase, wait: Wait, *, example: bool) -> Finding:
    lead, behind = wait.lead, wait.behind
    facts: dict[str, Any] = behind._asdict()
    del facts["evidence"], facts["proven"], facts["kind"]
    place = place_facts(case)
    before = case.pod.spec.init_containers[: place["position"] - 1]
    return finding(
        "InitWaitsFor",
        case.pod,
        container=case.name,
        severity=_severity(case, wait),
        evidence=(*lead.evidence, *behind.evidence) if example else (),
        since=_started(case) or case.began(),
        likely=not lead.sure,
        group=(lead.address.text, behind.kind),
        address=lead.address.text,
        host=lead.address.host,
        port=lead.address.port,
        source=lead.source,
        quote=lead.quote,
        behind=behind.kind,
        others=list(wait.others),
        seconds=_seconds(case),
        running=case.view.status.state.running is not None,
        sidecars=[one.name for one in before if one.is_sidecar],
        **facts,
        **place,
    )


def _severity(case: ContainerCase, wait: Wait) -> Severity:
    """A warning once it has lasted and the thing is certainly not there.

    What only the environment names, or a line that other lines followed, proves nothing.
    """
    lasts = _seconds(case) > INIT_LONG if _started(case) else case.view.status.restart_count > 1
    is_at_it = wait.lead.source == "command" or wait.lead.sure
    return "warning" if lasts and wait.behind.proven and is_at_it else "info"


def _started(case: ContainerCase) -> datetime | None:
    running = case.view.status.state.running
    return running.started_at if running is not None else None


def _seconds(case: ContainerCase) -> float:
    started = _started(case)
    return (case.now - started).total_seconds() if started is not None else 0.0
