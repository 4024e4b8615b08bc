"""How the steps act: what was asked of the cluster is noted as the kubectl command that asks the same.

So a run that acts, a case of it, and what a person pastes after doing the same by hand hold the same
transcripts, and the same rules judge them. Called by the steps; without an actor nothing is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from kuberunbooks.acting import Action, Planned, run_command
from kuberunbooks.acting.seen import pods_seen
from kuberunbooks.cluster import Cluster, Transcript, TranscriptTarget
from kuberunbooks.findings import LogExcerpt, LogLine
from kuberunbooks.objects import Pod

from .target import Debugging

_MOST_LINES = 60
_SECONDS = 20.0
NOT_DONE = "Nothing was done: that takes a live cluster and allow_actions. What would be done is shown."
_REASONS = {403: "Forbidden", 404: "NotFound", 409: "AlreadyExists", 422: "Invalid"}


def planned(action: Action, cluster: Cluster) -> Action | Planned:
    """The action, planned where there is an actor; a refusal is noted as kubectl would print it."""
    if cluster.actor is None:
        return action
    plan = cluster.actor.plan(action)
    if plan.refusals:
        obstacle = plan.refusals[0]
        # A right that is not given has no answer of the server's yet, only what it said when asked.
        reason = _REASONS.get(obstacle.status, "Forbidden" if obstacle.command else "Refused")
        note(action, cluster, f"Error from server ({reason}): {obstacle.why}")
    return plan


def may(plan: Action | Planned) -> bool:
    """Whether it is planned and nothing speaks against it."""
    return isinstance(plan, Planned) and plan.allowed


def note(action: Action, cluster: Cluster, error: str = "") -> None:
    """The kubectl twin as a transcript of this run."""
    target = TranscriptTarget(kind="workstation", namespace=action.namespace)
    one = Transcript(
        target=target, argv=list(action.kubectl), stderr=error, exit_code=1 if error else 0, at=cluster.now
    )
    one.source = "request of this run"
    cluster.given_transcripts.append(one)


def run_in(
    pod: str, container: str, argv: Sequence[str], target: Debugging, cluster: Cluster, *, node: str = ""
) -> Transcript | None:
    """Runs one command where something of ours runs; None when that was not permitted."""
    if cluster.actor is None:
        return None
    action = run_command(target.place, pod, container, argv, seconds=_SECONDS, node=node)
    plan = cluster.actor.plan(action)
    return cluster.actor.perform(plan).transcript if plan.allowed else None


def states(target: Debugging, cluster: Cluster) -> list[Pod]:
    """Every pod of the place that is or was there to debug, in its newest state: read, or noted by a run."""
    found = {one.name: one for one in target.others}
    found |= {pod.name: pod for _, pod in pods_seen(cluster.transcripts()) if pod.namespace == target.place}
    return list(found.values())


def moment(pod: Pod, cluster: Cluster) -> datetime:
    """When this state of a pod was so: when a run noted it, else the moment of the run."""
    times = [heard.at for heard, seen in pods_seen(cluster.transcripts()) if seen.key == pod.key and heard.at]
    return times[-1] if times else cluster.now


def newest(target: Debugging, cluster: Cluster) -> list[Pod]:
    """The states of the pod itself: as it was read, and as noted after something was done to it."""
    if target.pod is None:
        return []
    seen = [
        pod
        for _, pod in pods_seen(cluster.transcripts())
        if (pod.namespace, pod.name) == (target.place, target.pod.name)
    ]
    return [seen[-1]] if seen else [target.pod]


def excerpts(heard: Sequence[Transcript]) -> Iterator[LogExcerpt]:
    """What commands printed, the last lines of each."""
    for one in heard:
        lines = one.output.splitlines()
        first = max(len(lines) - _MOST_LINES, 0)
        yield LogExcerpt(
            source=one.source,
            caption=f"{' '.join(one.argv)} in {one.target.text}",
            lines=[LogLine(number=first + at + 1, text=text) for at, text in enumerate(lines[first:])],
            total_lines=len(lines),
            note=one.why
            if one.partial
            else ""
            if one.exit_code in (0, None)
            else f"exit code {one.exit_code}",
        )
