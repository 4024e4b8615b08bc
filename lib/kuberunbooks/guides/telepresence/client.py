"""TP-01: the workstation's side: which client, which versions, connected to what.

Nothing of it is visible in the cluster: it is read from what the telepresence client printed.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding

from ..rules.telepresence_objects import NEEDS_MANAGER, Version
from ..rules.telepresence_told import Told
from ..step import NotChecked, Yielded, step
from .heard import cite
from .target import Telepresence

UPSTREAM = "https://kubernetes.io/docs/tasks/debug/debug-cluster/local-debugging/"


@step("TP-01", title="Which client is at work?", upstream=UPSTREAM)
def client(target: Telepresence, cluster: Cluster) -> Iterator[Yielded]:
    """Which telepresence client was used, is it connected, and does it go with the traffic manager?"""
    del cluster
    heard = [one for one in target.told if one.client or one.status or one.manager]
    if not heard and target.told:
        yield NotChecked("What workstations printed was given, and none of it tells a version or a status.")
        return
    if not heard:
        if target.installed.has_trace or target.carriers:
            yield finding("TelepresenceClientUnknown", target.subject, place=target.namespace)
        else:
            yield NotChecked(
                "No output of the telepresence client was given, and nothing of it is in the cluster."
            )
        return
    yield _table(heard)
    for one in heard:
        yield from _of_client(one, target)


def _table(heard: list[Told]) -> Table:
    return Table(
        caption="What workstations printed",
        columns=[
            Column(name=name)
            for name in ("source", "client", "status", "context", "namespace", "manager", "agent image")
        ],
        rows=[
            [
                one.transcript.source or one.transcript.target.text,
                _text(one.client),
                one.status or "-",
                one.context or "-",
                one.namespace or "-",
                _text(one.manager),
                one.agent_image or "-",
            ]
            for one in heard
        ],
    )


def _of_client(one: Told, target: Telepresence) -> Iterator[Finding]:
    if one.client is None:
        return
    manager = one.manager or (target.manager.version if target.manager else None)
    evidence = [cite(one, f"client {one.client.text}")]
    if one.manager is None and target.manager is not None:
        evidence.append(target.manager.workload.cite("spec.template.spec.containers[0].image"))
    newer, least = NEEDS_MANAGER
    if manager is not None and one.client.numbers >= newer and manager.numbers < least:
        yield finding(
            "TelepresenceManagerTooOld",
            target.subject,
            evidence=evidence,
            client=one.client.text,
            manager=manager.text,
            least=".".join(map(str, least)),
            since_client=".".join(map(str, newer)),
        )
        return
    yield finding(
        "TelepresenceClientKnown",
        target.subject,
        evidence=evidence,
        client=one.client.text,
        manager=_text(manager),
        status=one.status,
        context=one.context,
    )


def _text(version: Version | None) -> str:
    return version.text if version else "-"
