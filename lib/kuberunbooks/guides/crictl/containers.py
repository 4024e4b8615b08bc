"""CR-06: the runtime's containers against the API's states, and those that ended, with why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Subject, Table, finding
from kuberunbooks.objects import Pod, Terminated, human_duration

from ..rules.crictl_compare import (
    Clocks,
    PodIndex,
    clocks,
    container_of,
    differences,
    expects_sandbox,
    is_settled,
)
from ..rules.crictl_read import NodeRuntime, Seen
from ..rules.crictl_values import RuntimeContainer, same_id
from ..rules.exit_codes import meaning
from ..rules.thresholds import RUNTIME_ORPHAN
from ..step import NotChecked, Yielded, step
from .target import RuntimeNodes, cite, node_subject
from .version import NOTHING

_ROWS = 60


class _End(NamedTuple):
    """How an exited container ended, by `crictl inspect` or, with the same id, by the API."""

    end: Terminated
    source: str


@step("CR-06", title="Do the runtime's containers match the API's?")
def containers(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Do runtime and API say the same of every container, and which have ended, and why?"""
    listed = [(one, one.containers) for one in target.runtimes(cluster) if one.containers is not None]
    for one, seen in listed:
        index, pods = target.pods_on(one.node, cluster)
        times = clocks(seen, cluster.now)
        if exited := [each for each in seen.value if each.state == "exited"]:
            yield _exited_table(one, exited, index, seen, cluster)
        yield from _restarted(one, seen, index)
        if not times.comparable:
            yield NotChecked("The list is of another time than what the API says: they were not compared.")
        elif not pods and not pods.complete:
            yield NotChecked(
                "The API's pods of this node are not known: the list was not compared with them."
            )
        else:
            yield from _compare(one, seen, times, index)
    if not listed:
        heard = bool(target.runtimes(cluster))
        yield NotChecked(
            "The runtime's containers were not listed: give what crictl ps -a prints." if heard else NOTHING
        )


def _compare(
    one: NodeRuntime, seen: Seen[list[RuntimeContainer]], times: Clocks, index: PodIndex
) -> Iterator[Finding]:
    found = [
        *_differing(seen, index, times),
        *_missing(seen, index, times),
        *_orphans(one, seen, index, times),
    ]
    yield from found
    compared = sum(
        container_of(view.status.container_id, seen.value) is not None
        for pod in index.pods
        for view in pod.containers()
    )
    if not found and compared:
        yield finding(
            "ContainersMatchApi",
            node_subject(one.node),
            evidence=cite(seen, f"{len(seen.value)} containers"),
            compared=compared,
        )


def _differing(seen: Seen[list[RuntimeContainer]], index: PodIndex, times: Clocks) -> Iterator[Finding]:
    for each in differences(index, seen, times):
        yield finding(
            "ContainerStateDiffers",
            each.pod,
            container=each.view.name,
            # It may have ended between the two questions: worth a second look, no alarm.
            severity="info" if each.likely else None,
            evidence=(
                cite(seen, f"{each.container.id[:13]} {each.container.state}"),
                each.pod.cite(f"{each.view.path}.state"),
            ),
            likely=each.likely,
            api=each.says,
            runtime=each.container.state,
            id=each.container.id[:13],
            node=each.pod.spec.node_name,
        )


def _missing(seen: Seen[list[RuntimeContainer]], index: PodIndex, times: Clocks) -> Iterator[Finding]:
    """Containers the API calls running that the runtime does not have, where its list shows all."""
    if not seen.whole:
        return
    for pod in index.pods:
        if not expects_sandbox(pod) or not is_settled(pod, times.first):
            continue
        for view in pod.containers():
            id_ = view.status.container_id
            if view.status.state.running is None or not id_ or container_of(id_, seen.value) is not None:
                continue
            yield finding(
                "ContainerMissing",
                pod,
                container=view.name,
                evidence=(
                    pod.cite(f"{view.path}.containerID"),
                    cite(seen, f"{len(seen.value)} containers, not this one"),
                ),
                likely=times.heard is None,
                id=id_.rpartition("/")[2][:13],
                node=pod.spec.node_name,
                because=[pod.kind_name],
            )


def _orphans(
    one: NodeRuntime, seen: Seen[list[RuntimeContainer]], index: PodIndex, times: Clocks
) -> Iterator[Finding]:
    """Running containers that belong to no sandbox the runtime has, or that their pod does not know of."""
    sandboxes = one.sandboxes
    for each in seen.value:
        if each.state != "running" or (
            each.created is not None and times.first - each.created < RUNTIME_ORPHAN
        ):
            continue
        why = ""
        if sandboxes is not None and sandboxes.whole and each.sandbox:
            same_moment = (
                sandboxes.at is not None
                and seen.at is not None
                and abs((sandboxes.at - seen.at).total_seconds()) < 60
            )
            if same_moment and not any(same_id(each.sandbox, box.id) for box in sandboxes.value):
                why = "sandbox"
        pod = index.of(each.pod_uid, each.namespace, each.pod)
        if not why and pod is not None and each.name and not _knows(pod, each.name):
            why = "pod"
        if why:
            yield finding(
                "ContainerOrphaned",
                Subject(kind="Pod", namespace=each.namespace, name=each.pod, container=each.name),
                evidence=cite(seen, f"{each.id[:13]} running, sandbox {each.sandbox[:13]}"),
                id=each.id[:13],
                why=why,
                sandbox=each.sandbox[:13],
                node=one.node,
            )


def _knows(pod: Pod, name: str) -> bool:
    spec = pod.spec
    return any(
        one.name == name for one in (*spec.containers, *spec.init_containers, *spec.ephemeral_containers)
    )


def _restarted(one: NodeRuntime, seen: Seen[list[RuntimeContainer]], index: PodIndex) -> Iterator[Finding]:
    """Of each container that ended before, its newest end; where the runtime still has that run."""
    newest: dict[tuple[str, str, str], RuntimeContainer] = {}
    for each in seen.value:
        key = (each.namespace or each.sandbox, each.pod, each.name)
        if key not in newest or each.attempt > newest[key].attempt:
            newest[key] = each
    for each in newest.values():
        if each.attempt == 0:
            continue
        before = [
            other
            for other in seen.value
            if other.state == "exited"
            and (other.pod_uid, other.pod, other.name) == (each.pod_uid, each.pod, each.name)
        ]
        ends = [(other, _end_of(other, one, index)) for other in before]
        known = next(((other, end) for other, end in sorted(ends, key=_by_attempt) if end is not None), None)
        yield finding(
            "ContainerRestartedInRuntime",
            Subject(kind="Pod", namespace=each.namespace, name=each.pod, container=each.name),
            evidence=cite(seen, f"{each.id[:13]} attempt {each.attempt} {each.state}"),
            group=(one.node,),
            attempt=each.attempt,
            id=(known[0] if known else next(iter(before), each)).id[:13],
            exit_code=known[1].end.exit_code if known and known[1] else None,
            meaning=meaning(known[1].end) if known and known[1] else "",
            kept=len(before),
            node=one.node,
        )


def _by_attempt(pair: tuple[RuntimeContainer, _End | None]) -> int:
    return -pair[0].attempt


def _end_of(one: RuntimeContainer, runtime: NodeRuntime, index: PodIndex) -> _End | None:
    """What `crictl inspect` says of it, else the API where it speaks of the very same run."""
    for id_, inspected in runtime.inspections.items():
        if same_id(id_, one.id):
            found = inspected.value
            finished = None if found.finished is None else datetime.fromtimestamp(found.finished, UTC)
            end = Terminated(
                exit_code=found.exit_code, reason=found.reason, message=found.message, finished_at=finished
            )
            return _End(end, "crictl inspect")
    pod = index.of(one.pod_uid, one.namespace, one.pod)
    for view in pod.containers() if pod is not None else ():
        for told in (view.status.state.terminated, view.status.last_state.terminated):
            if told is not None and told.container_id and same_id(told.container_id, one.id):
                return _End(told, "the API")
    return None


def _exited_table(
    one: NodeRuntime,
    exited: list[RuntimeContainer],
    index: PodIndex,
    seen: Seen[list[RuntimeContainer]],
    cluster: Cluster,
) -> Table:
    now = seen.at or cluster.now
    rows = sorted(exited, key=lambda each: -(each.created or 0.0))
    return Table(
        caption=f"Containers that ended on {one.node or 'the node'}, as far as the runtime keeps them",
        columns=[
            *(Column(name=name) for name in ("container", "pod", "id")),
            Column(name="attempt", numeric=True),
            *(Column(name=name) for name in ("exit", "ended", "said by")),
        ],
        rows=[_exited_row(each, _end_of(each, one, index), now) for each in rows[:_ROWS]],
        omitted=max(0, len(rows) - _ROWS),
    )


def _exited_row(one: RuntimeContainer, found: _End | None, now: datetime) -> list[str]:
    pod = f"{one.namespace}/{one.pod}" if one.namespace else one.pod
    start = [one.name, pod, one.id[:13], str(one.attempt)]
    if found is None:
        return [*start, "not known", "", "nobody"]
    end = found.end
    code = f"{end.exit_code} ({end.reason})" if end.reason else str(end.exit_code)
    ended = (
        "" if end.finished_at is None else f"{human_duration((now - end.finished_at).total_seconds())} ago"
    )
    return [*start, code, ended, found.source]
