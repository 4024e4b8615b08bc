"""SV-00: the pod that asks, and what commands printed that were run inside the cluster.

The upstream guide begins with a shell in a pod. Here a pod is named (parameter
`client`), and answers come from transcripts; this step says which there are.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kuberunbooks.cluster import Cluster, Transcript
from kuberunbooks.findings import Column, Note, Table, finding

from ..step import NotChecked, Yielded, step
from .target import Services

_ROWS = 60
_COMMAND = 90


@step("SV-00", title="Who asks?")
def client_pod(target: Services, cluster: Cluster) -> Iterator[Yielded]:
    """Which pod is the client, and which answers from inside the cluster are at hand?"""
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
    if heard:
        yield _table(heard)
    elif target.client is None and not target.options.get("client"):
        yield NotChecked(
            "No client pod was named and no command was run there: lookups and requests are not checked."
        )
    if not heard:
        yield from _how_to_ask(target)


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


def _how_to_ask(target: Services) -> Iterator[Note]:
    """The commands whose output the steps below read."""
    service = next((one for one in target.services if one.addresses and one.spec.ports), None)
    if target.client is None or service is None:
        return
    pod, place = shlex.quote(target.client.name), shlex.quote(target.client.namespace)
    host = service.addresses[0]
    address = f"[{host}]" if ":" in host else host
    inside = (
        "cat /etc/resolv.conf",
        f"nslookup {service.name}",
        f"nslookup {service.name}.{service.namespace}.svc.cluster.local",
        f"curl -sS -m 3 -o /dev/null -w '%{{http_code}}\\n' http://{address}:{service.spec.ports[0].port}/",
    )
    commands = "; ".join(f"kubectl exec -n {place} {pod} -- {one}" for one in inside)
    yield Note(
        text=f"Lookups and requests are checked when you give the output of these as transcripts: {commands}"
    )
