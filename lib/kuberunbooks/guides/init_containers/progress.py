"""IC-01: how far has each pod got with its init containers?

Reads STATUS as people need it (`Init:1/2`: the second of two, which one, doing what,
since when) and tells apart pods without init containers, those whose init phase has not
begun, and those that are through. What ended or restarted the pods guide's first step says.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Severity, Table, finding
from kuberunbooks.objects import Pod

from ..pods.missing import missing_findings
from ..pods.overall import overall
from ..pods.provisioning import awaits_volume
from ..pods.target import Pods
from ..rules.conditions import cite_condition
from ..rules.thresholds import PENDING_GRACE, REPORT_LAG
from ..step import Yielded, step
from .resolve import passed_over
from .status_words import current, status_words

_MOST_ROWS = 30
_MOST_OWNERS = 20


@step("IC-01", title="How far has each pod got?")
def progress(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """What does each pod's STATUS say: which init container is it at, doing what, since when?"""
    if not target.pods:
        yield from _nothing_to_look_at(target)
        return
    for part in overall.parts:
        yield from part(target, cluster)
    yield _table(target, cluster)
    if others := len(passed_over(target)):
        yield Note(text=f"Passed over: {others} pod{'s' if others > 1 else ''} without init containers.")
    for pod in target.suspects:
        yield from _not_started(pod, cluster)
    yield from _complete(target)


def _nothing_to_look_at(target: Pods) -> Iterator[Finding]:
    """The target is not there, has no pods, or none of its pods has an init container."""
    others = passed_over(target)
    if not others and not target.roots:
        yield from missing_findings(target)
        return
    evidence = [others[0].cite("spec.initContainers", "absent")] if others else []
    yield finding(
        "InitNone",
        others[0] if len(others) == 1 else target.subject,
        evidence=evidence,
        pods=len(others),
        place=target.text,
        wanted=target.wanted,
        selection=target.namespace or "-",
    )


def _table(target: Pods, cluster: Cluster) -> Table:
    """What STATUS says of each pod, the sick first; pods of a workload that say the same share a row."""
    rows: dict[tuple[str, str, str, str], list[Pod]] = {}
    fine = {id(pod) for pod in target.fine}
    for pod in [*(pod for pod in target.pods if id(pod) not in fine), *target.fine]:
        case = None if id(pod) in fine else current(pod, target, cluster)
        key = (pod.namespace, target.owner_name(pod) or pod.name, pod.status_text, case.name if case else "")
        rows.setdefault(key, []).append(pod)
    shown = list(rows.values())[:_MOST_ROWS]
    columns = ["NAME", "STATUS", "WHICH SAYS"]
    if not target.namespace:
        columns.insert(0, "NAMESPACE")
    return Table(
        caption="What each STATUS says; in Init:N/M sidecars count too",
        columns=[Column(name=name) for name in columns],
        rows=[_row(pods, target, cluster) for pods in shown],
        omitted=len(rows) - len(shown),
    )


def _row(pods: list[Pod], target: Pods, cluster: Cluster) -> list[str]:
    first = pods[0]
    name = first.name if len(pods) == 1 else f"{first.name} and {len(pods) - 1} more"
    row = [name, first.status_text, status_words(first, target, cluster)]
    return row if target.namespace else [first.namespace, *row]


def _not_started(pod: Pod, cluster: Cluster) -> Iterator[Finding]:
    """Without a report of any init container: no node yet, or a kubelet that has not taken the pod up."""
    if pod.status.init_container_statuses or pod.is_terminal or pod.metadata.deletion_timestamp is not None:
        return
    scheduled = pod.condition("PodScheduled")
    since = pod.metadata.creation_timestamp
    if pod.spec.node_name and scheduled is not None and scheduled.is_true:
        since = scheduled.last_transition_time or since
    seconds = (cluster.now - since).total_seconds() if since else 0.0
    yield finding(
        "InitNotStarted",
        pod,
        severity=_patience(pod, seconds, cluster),
        evidence=[
            pod.cite("spec.nodeName"),
            *cite_condition(pod, "PodScheduled", "status"),
            pod.cite("status.initContainerStatuses"),
        ],
        since=since,
        group=(bool(pod.spec.node_name),),
        seconds=seconds,
        node=pod.spec.node_name,
        gated=bool(pod.spec.scheduling_gates),
        first=pod.spec.init_containers[0].name,
        of=len(pod.spec.init_containers),
    )


def _patience(pod: Pod, seconds: float, cluster: Cluster) -> Severity | None:
    """None, so a warning, once it has lasted; a gate or a volume in the making makes it no fault."""
    grace = REPORT_LAG if pod.spec.node_name else PENDING_GRACE
    if seconds < grace or pod.spec.scheduling_gates or awaits_volume(pod, cluster):
        return "info"
    return None


def _complete(target: Pods) -> Iterator[Finding]:
    """One line per workload whose pods are through, or one for all when there are too many workloads."""
    through: dict[tuple[str, str], list[Pod]] = {}
    for pod in target.pods:
        if pod.is_condition_true("Initialized") and pod.metadata.deletion_timestamp is None:
            through.setdefault((pod.namespace, target.owner_name(pod) or pod.name), []).append(pod)
    if len(through) > _MOST_OWNERS:
        yield _good([pod for pods in through.values() for pod in pods], target, lumped=True)
        return
    for pods in through.values():
        yield _good(pods, target, lumped=False)


def _good(pods: list[Pod], target: Pods, *, lumped: bool) -> Finding:
    example = pods[0]
    sidecars = [
        view.name
        for view in example.containers("sidecar")
        if view.status.started and view.status.state.running is not None
    ]
    one = finding(
        "InitComplete",
        target.subject if lumped else example,
        evidence=cite_condition(example, "Initialized", "status"),
        lumped=lumped,
        pods=len(pods),
        done=[one.name for one in example.spec.init_containers if not one.is_sidecar],
        sidecars=[] if lumped else sidecars,
        creating=example.status_text == "PodInitializing",
    )
    one.count = 1 if lumped else len(pods)
    return one
