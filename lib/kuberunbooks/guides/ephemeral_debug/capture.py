"""RP-19: traffic of the pod, captured from a debug container into a file, bounded in time and size."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from kuberunbooks.acting import fresh_name, run_command
from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.cluster.case_output import CASE_OUT
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Pod

from ..rules.debug_capture import MOST_BYTES, READ_COMMAND, capture_command, capture_trouble, read_capture
from ..rules.debug_commands import STAY, ephemeral_twin, node_twin
from ..rules.planned_actions import planned_actions
from ..rules.thresholds import DEBUG_START_WAIT
from ..services.transcripts import cite
from ..step import NotChecked, Yielded, step
from .acts import may, note, planned
from .ephemeral import addition, has_answer, is_running
from .target import CAPTURE_IMAGE, Debugging

CAPTURE = "capture.pcap"
"""The file beside the report; it never enters the report or the case."""
_LONGEST = 60
_SHOWN_SECONDS = 30


@step("RP-19", title="What goes over its network?")
def capture(target: Debugging, cluster: Cluster) -> Iterator[Yielded]:
    """Does its traffic show connections without an answer, resets, unreachable hosts or unknown names?"""
    if target.missing or target.situation.windows:
        yield NotChecked(
            "tcpdump is for Linux." if target.situation.windows else "There is nothing to capture."
        )
        return
    seconds = min(_seconds(target), _LONGEST)
    running = target.pod is not None and target.pod.phase == "Running" and not target.situation.static
    if seconds and running and target.pod is not None:
        yield from _capture(target, target.pod, seconds, cluster)
    heard = [one for one in cluster.transcripts() if _is_ours(one, target)]
    found = [item for one in heard if (item := _judged(one, target)) is not None]
    yield from found
    if running or target.about_node:
        yield _commands(target, seconds or _SHOWN_SECONDS)
    if not found and not seconds:
        yield NotChecked(
            "Nothing was captured; set capture_seconds, or run the commands of this step by hand."
        )


def _seconds(target: Debugging) -> int:
    wanted = target.options.get("capture_seconds") or 0
    return max(int(wanted), 0) if isinstance(wanted, int | float) else 0


def _is_ours(one: Transcript, target: Debugging) -> bool:
    if target.pod is not None and one.target.pod == target.pod.name:
        return True
    return bool(target.node_name) and (
        one.target.node == target.node_name or one.target.pod.startswith(f"node-debugger-{target.node_name}")
    )


def _capture(target: Debugging, pod: Pod, seconds: int, cluster: Cluster) -> Iterator[Yielded]:
    """A debug container of profile netadmin, tcpdump in it, and the packets into a file beside the report."""
    name = fresh_name("capture") if cluster.actor is not None else "capture"
    image = target.option("capture_image") or CAPTURE_IMAGE
    add = addition(target, pod, name, "netadmin", image)
    packets = run_command(
        pod.namespace,
        pod.name,
        name,
        capture_command(seconds),
        words=f"capture packets for {seconds} s",
        seconds=seconds + 10.0,
        most_bytes=MOST_BYTES,
        binary=True,
    )
    plan = planned(add, cluster)
    yield planned_actions([plan, packets])
    if cluster.actor is None or not may(plan):
        return
    cluster.actor.perform(plan)  # type: ignore[arg-type]
    note(add, cluster)
    state = cluster.actor.wait(pod.namespace, pod.name, lambda now: has_answer(now, name), DEBUG_START_WAIT)
    if not is_running(state, name):
        yield Note(
            text="The debug container for the capture does not run; the step about debug containers says why."
        )
        return
    begun = cluster.actor.plan(packets)
    if not begun.allowed:
        return
    body = cluster.actor.perform(begun).stdout
    if not body:
        return
    yield Note(text=_kept(body))
    read = run_command(
        pod.namespace,
        pod.name,
        name,
        READ_COMMAND,
        stdin=body,
        words="read them as text",
        most_bytes=MOST_BYTES,
    )
    reading = cluster.actor.plan(read)
    if reading.allowed:
        cluster.actor.perform(reading)


def _kept(body: bytes) -> str:
    """Writes the packets beside the report of a headless run, by hand into the working folder."""
    case = os.environ.get(CASE_OUT, "")
    path = (Path(case).parent if case else Path.cwd()) / CAPTURE
    try:
        path.write_bytes(body)
    except OSError as error:
        return f"The packets could not be kept in {CAPTURE}: {error.strerror or error}."
    return f"The packets ({len(body)} bytes) are in {CAPTURE} beside the report, for Wireshark or tcpdump -r."


def _judged(one: Transcript, target: Debugging) -> Finding | None:
    if trouble := capture_trouble(one):
        said = next((line for line in reversed(one.stderr.splitlines()) if line.strip()), one.why)
        return finding(
            "TrafficCaptureFailed",
            target.subject,
            evidence=cite(one, said),
            trouble=trouble,
            said=said.rstrip("."),
            image=CAPTURE_IMAGE,
            argv=list(_first(target)),
        )
    found = read_capture(one)
    if found is None:
        return None
    return finding(
        "TrafficCaptured",
        target.subject,
        evidence=cite(one, f"{found.packets} packets"),
        packets=found.packets,
        unanswered=list(found.unanswered),
        reset=list(found.reset),
        unreachable=found.unreachable,
        nxdomain=found.nxdomain,
        dropped=found.dropped,
        quiet=found.quiet,
        partial=one.partial,
    )


def _first(target: Debugging) -> tuple[str, ...]:
    """The command that starts the container tcpdump runs in."""
    debug = target.debug(image=target.option("capture_image") or CAPTURE_IMAGE, command=STAY)
    if target.about_node:
        return node_twin(debug._replace(profile="sysadmin", container=""))
    return ephemeral_twin(debug._replace(profile="netadmin", debugger="capture-1"))


def _commands(target: Debugging, seconds: int) -> Table:
    argv = capture_command(seconds)
    pod = (
        target.pod.name
        if target.pod is not None
        else target.situation.debugger or f"node-debugger-{target.node_name}-…"
    )
    container = "capture-1" if target.pod is not None else "debugger"
    into = ("kubectl", "exec", pod, "-n", target.place, "-c", container, "--", *argv)
    start = tuple(word for word in _first(target) if word != "-it")
    rows = [
        ["a container with tcpdump", shlex.join(start)],
        [f"{seconds} s of packets into a file", f"{shlex.join(into)} > {CAPTURE}"],
        ["the same as text", f"tcpdump -n -r {CAPTURE}"],
    ]
    return Table(
        caption="A packet capture by hand", columns=[Column(name="what"), Column(name="command")], rows=rows
    )
