"""CR-04 and CR-09: the runtime's pod sandboxes against the API's pods.

A sandbox of a pod the API no longer has still holds its address, its volumes and its
memory; a pod without a sandbox does not run, whatever the API says.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Subject, Table, finding
from kuberunbooks.objects import Pod, human_duration

from ..rules.crictl_compare import (
    Clocks,
    PodIndex,
    clocks,
    covers,
    expects_sandbox,
    is_settled,
    newest_attempts,
)
from ..rules.crictl_read import NodeRuntime, Seen
from ..rules.crictl_values import Sandbox
from ..rules.thresholds import RUNTIME_ORPHAN
from ..step import NotChecked, Yielded, step
from .target import RuntimeNodes, cite, node_subject
from .version import NOTHING

_ROWS = 60
_MOST_LOOKED_FOR = 20
"""Sandboxes of unknown pods whose pod is looked for one by one."""


@step("CR-04", title="Do the runtime's pods match the API's?")
def sandboxes(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Has every running pod its sandbox, and every sandbox its pod?"""
    listed = [(one, one.sandboxes) for one in target.runtimes(cluster) if one.sandboxes is not None]
    for one, seen in listed:
        yield _table(one, seen, cluster)
        yield from _compare(one, seen, target, cluster)
    if not listed:
        heard = bool(target.runtimes(cluster))
        yield NotChecked(
            "The runtime's pods were not listed: give what crictl pods prints." if heard else NOTHING
        )


@step("CR-09", title="Was something made by hand?")
def made_by_hand(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Are there sandboxes that somebody made with crictl and not the kubelet?"""
    listed = [(one, one.sandboxes) for one in target.runtimes(cluster) if one.sandboxes is not None]
    for one, seen in listed:
        for each in _by_hand(seen):
            yield finding(
                "CrictlCreatedObject",
                node_subject(one.node),
                evidence=cite(seen, each.id),
                group=(each.id,),
                sandbox=each.id[:13],
                pod_name=each.name,
                pod_namespace=each.namespace,
                ready=each.ready,
            )
    if not listed:
        yield NotChecked("The runtime's pods were not listed as JSON, which shows who made them.")


def _by_hand(seen: Seen[list[Sandbox]]) -> list[Sandbox]:
    """Without the labels the kubelet gives; only JSON shows labels."""
    return [one for one in seen.value if not one.labelled]


def _compare(
    one: NodeRuntime, seen: Seen[list[Sandbox]], target: RuntimeNodes, cluster: Cluster
) -> Iterator[Yielded]:
    index, pods = target.pods_on(one.node, cluster)
    times = clocks(seen, cluster.now)
    if not times.comparable:
        apart = human_duration(abs(times.api - (times.heard or 0.0)))
        yield NotChecked(f"The list is {apart} apart from what the API says: it was not compared with it.")
        return
    if not pods and not pods.complete:
        why = pods.why or "they could not be read"
        yield NotChecked(
            f"The API's pods of this node are not known ({why}): the list was not compared with them."
        )
        return
    orphans = list(_orphans(one, seen, times, index, pods.complete, cluster))
    missing = list(_missing(seen, times, index))
    if orphans and missing and times.heard is None:
        yield NotChecked(
            "The list shows other pods than the API has now, and nobody noted when it was made: "
            "it seems to be old."
        )
        return
    found = [*orphans, *missing, *_not_ready(seen, times, index)]
    yield from found
    if not found and any(expects_sandbox(pod) for pod in index.pods):
        yield finding(
            "SandboxesMatchApi",
            node_subject(one.node),
            evidence=cite(seen, f"{sum(each.ready for each in seen.value)} ready"),
            ready=sum(each.ready for each in seen.value),
            pods=sum(expects_sandbox(pod) for pod in index.pods),
        )
    elif not found:
        yield Note(text="The API has no running pod on this node to compare with.")


def _orphans(
    one: NodeRuntime,
    seen: Seen[list[Sandbox]],
    times: Clocks,
    index: PodIndex,
    complete: bool,
    cluster: Cluster,
) -> Iterator[Finding]:
    """Ready sandboxes whose pod the API does not have: it is looked for by name once more."""
    looked_for = 0
    for each in seen.value:
        if not each.ready or not each.labelled or index.of_sandbox(each) is not None:
            continue
        if each.created is not None and times.first - each.created < RUNTIME_ORPHAN:
            continue  # the one may not have known yet what the other did
        replaced = False
        if looked_for >= _MOST_LOOKED_FOR:
            if not complete:
                continue
        else:
            looked_for += 1
            found = cluster.find(Pod, each.namespace, each.name)
            if not found.known:
                continue
            if found.object is not None:
                if not each.uid or found.object.uid == each.uid or _is_mirror(found.object, each.uid):
                    continue
                replaced = True
        age = None if each.created is None else times.first - each.created
        yield finding(
            "SandboxOrphaned",
            Subject(kind="Pod", namespace=each.namespace, name=each.name),
            evidence=cite(seen, f"{each.id[:13]} SANDBOX_READY uid {each.uid or '(table)'}"),
            likely=times.heard is None or not each.uid,
            group=(one.node,),
            sandbox=each.id[:13],
            node=one.node,
            replaced=replaced,
            age=age,
        )


def _is_mirror(pod: Pod, uid: str) -> bool:
    return pod.metadata.annotations.get("kubernetes.io/config.hash") == uid


def _missing(seen: Seen[list[Sandbox]], times: Clocks, index: PodIndex) -> Iterator[Finding]:
    """Pods the API calls running that have no sandbox, in a list that shows all."""
    running = [pod for pod in index.pods if expects_sandbox(pod)]
    if not covers(seen, running, index):
        return
    have = {pod.key for each in seen.value if (pod := index.of_sandbox(each)) is not None}
    for pod in running:
        if pod.key not in have and is_settled(pod, times.first):
            yield finding(
                "SandboxMissing",
                pod,
                evidence=(
                    pod.cite("status.phase"),
                    cite(seen, f"{len(seen.value)} sandboxes, none of this pod"),
                ),
                likely=times.heard is None or seen.whole is None,
                node=pod.spec.node_name,
                listed=len(seen.value),
            )


def _not_ready(seen: Seen[list[Sandbox]], times: Clocks, index: PodIndex) -> Iterator[Finding]:
    """Pods the API calls running whose newest sandbox has ended."""
    for each in newest_attempts(seen.value).values():
        pod = index.of_sandbox(each)
        if pod is None or each.ready or not expects_sandbox(pod) or not is_settled(pod, times.first):
            continue
        yield finding(
            "SandboxNotReady",
            pod,
            evidence=(cite(seen, f"{each.id[:13]} SANDBOX_NOTREADY"), pod.cite("status.phase")),
            likely=times.heard is None,
            sandbox=each.id[:13],
            node=pod.spec.node_name,
            attempt=each.attempt,
        )


def _table(one: NodeRuntime, seen: Seen[list[Sandbox]], cluster: Cluster) -> Table:
    """Those that are ready first: the others ended, some of them long ago."""
    now = (seen.at or cluster.now).timestamp()
    rows = sorted(seen.value, key=lambda each: (not each.ready, each.namespace, each.name, -each.attempt))
    return Table(
        caption=f"Sandboxes the runtime of {one.node or 'the node'} has",
        columns=[
            Column(name="sandbox"),
            Column(name="state"),
            Column(name="namespace"),
            Column(name="pod"),
            Column(name="attempt", numeric=True),
            Column(name="age", numeric=True),
        ],
        rows=[
            [
                each.id[:13],
                "ready" if each.ready else "not ready",
                each.namespace,
                each.name,
                str(each.attempt),
                "" if each.created is None else human_duration(max(0.0, now - each.created)),
            ]
            for each in rows[:_ROWS]
        ],
        omitted=max(0, len(rows) - _ROWS),
    )
