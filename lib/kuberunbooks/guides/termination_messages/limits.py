"""TM-08: messages that are cut off, and how much room each container of a pod has for one."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, finding

from ..pods.target import Pods
from ..rules.thresholds import TERMINATION_MESSAGE_BYTES, TERMINATION_POD_BYTES
from ..step import Yielded, step
from .ends import ContainerEnd, container_ends
from .messages import cite_message, end_facts
from .said import Said, listener, share_of


@step("TM-08", title="Is a message cut off?")
def limits(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is a message as long as it may be, so that a part is missing, and how long may it be here?"""
    heard = listener(target, cluster)
    told: set[tuple[str, str, str]] = set()
    for one in container_ends(target, cluster):
        said = heard.said(one)
        if said.cut:
            yield _cut(one, said)
        pod = one.case.pod
        if said.limit < TERMINATION_MESSAGE_BYTES and pod.key not in told and not one.is_history:
            told.add(pod.key)
            yield _reduced(one)


def _cut(one: ContainerEnd, said: Said) -> Finding:
    lines = len(one.end.message.strip("\n").splitlines())
    return finding(
        "TerminationMessageTruncated",
        one.case.pod,
        container=one.case.name,
        severity="warning" if one.failure is not None else "info",
        likely=not said.cut_sure,
        evidence=[
            cite_message(one, f"{said.size} bytes, {lines} {'line' if lines == 1 else 'lines'}"),
            one.case.cite_spec("terminationMessagePolicy"),
            *(said.quote.evidence if said.lost else ()),
        ],
        since=one.end.finished_at,
        group=(said.source, said.cut, said.limit, said.lost),
        source=said.source,
        cut=said.cut,
        sure=said.cut_sure,
        size=said.size,
        lines=lines,
        log_lines=said.reading.excerpt.total_lines if said.source == "log" and said.reading else 0,
        limit=said.limit,
        sharing=share_of(one.case.pod)[1],
        lost=said.lost,
        message_path=one.spec.termination_message_path,
        **end_facts(one),
    )


def _reduced(one: ContainerEnd) -> Finding:
    limit, sharing = share_of(one.case.pod)
    return finding(
        "TerminationLimitReduced",
        one.case.pod,
        evidence=one.case.pod.cite("spec.containers", f"{sharing}, with init and ephemeral containers"),
        group=(sharing,),
        sharing=sharing,
        limit=limit,
        whole=TERMINATION_POD_BYTES,
        most=TERMINATION_MESSAGE_BYTES,
    )
