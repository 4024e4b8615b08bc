"""SV-00: the pod that asks, and what commands printed that were run inside the cluster.

The upstream guide begins with a shell in a pod. Here a pod is named (parameter
`client`), and answers come from transcripts: those of the case, those a person gives, and
those of the commands that are run here first where actions are allowed (`asking`).
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.acting.seen import pods_seen
from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.findings import Column, Finding, Note, Table, finding

from ..step import NotChecked, Yielded, step
from .asking import ask
from .probe import is_probe, is_running, why_not
from .target import Services
from .transcripts import cite

_ROWS = 60
_COMMAND = 90


@step("SV-00", title="Who asks?")
def client_pod(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Which pod is the client, and which answers from inside the cluster are at hand?"""
    yield from ask(target, cluster)
    heard = cluster.transcripts()
    if target.client is not None:
        ready = target.client.is_ready
        yield finding(
            "ClientPodReady" if ready else "ClientPodNotReady",
            target.client,
            evidence=target.client.cite("status.phase"),
            node=target.client.spec.node_name,
            phase=target.client.status.phase,
        )
    elif wanted := str(target.options.get("client") or ""):
        yield Note(text=f"The client {wanted} could not be read; what depends on it is not checked.")
    yield from _probe(heard)
    if heard:
        yield _table(heard)
    elif target.client is None and not target.options.get("client"):
        yield NotChecked(
            "No client pod was named and no command was run there: lookups and requests are not checked."
        )


def _probe(heard: list[Transcript]) -> Iterator[Finding]:
    """What became of the pod that was made to ask, by its last recorded state."""
    states = [(transcript, pod) for transcript, pod in pods_seen(heard) if is_probe(pod)]
    if not states:
        return
    transcript, pod = states[-1]
    if is_running(pod):
        evidence = cite(transcript, f"phase {pod.status.phase}")
        yield finding("ProbePodReady", pod, evidence=evidence, node=pod.spec.node_name)
    else:
        why = why_not(pod)
        yield finding(
            "ProbePodFailed",
            pod,
            evidence=cite(transcript, why or f"phase {pod.status.phase}"),
            why=why,
            phase=pod.status.phase,
            image=pod.spec.containers[0].image if pod.spec.containers else "",
        )


def _table(heard: list[Transcript]) -> Table:
    return Table(
        caption="What was run before",
        columns=[Column(name="where"), Column(name="command"), Column(name="exit", numeric=True)],
        rows=[
            [
                one.target.text,
                " ".join(one.argv)[:_COMMAND] or one.source,
                "" if one.exit_code is None else str(one.exit_code),
            ]
            for one in heard[:_ROWS]
        ],
        omitted=max(len(heard) - _ROWS, 0),
    )
