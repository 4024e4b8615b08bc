"""Debugging pods that nobody removed: ours, by their label, and those `kubectl debug node/...` leaves.

kubectl never removes its node-debugger pods; before 1.33 they carry no label, so they are known by what
they are: the name, the one container `debugger`, no owner. Ephemeral containers are not listed: they go with
their pod only. Called by the command `runbook cleanup`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from kuberunbooks.cluster import Cluster
from kuberunbooks.cluster.live import LiveSource
from kuberunbooks.objects import Pod

from .actions import MANAGED_BY, OURS, RUN
from .writing import Writer

# kubectl, pkg/cmd/debug: node-debugger-NODE-5LETTERS.
_KUBECTL_NODE_POD = re.compile(r"^node-debugger-.+-[a-z0-9]{5}$")


class Leftover(NamedTuple):
    """A pod that may go: whose it is (`runbook` or `kubectl`), of which run, and how old (None: unknown)."""

    pod: Pod
    whose: str
    run: str
    age: timedelta | None

    @property
    def text(self) -> str:
        """One line for a person who is to say yes: `shop/web-debug-x7k2p  Running  4 min old  ...`."""
        of = f"of run {self.run}" if self.run else f"made by {self.whose}"
        age = "age unknown" if self.age is None else f"{_duration(self.age)} old"
        return f"{self.pod.namespace}/{self.pod.name}  {self.pod.status_text}  {age}  {of}"


class Leftovers:
    """Finds and removes them in one cluster."""

    def __init__(self, context: str = "") -> None:
        """Loads the credentials; sends nothing yet. Raises KubeconfigError, CredentialsFailed."""
        self._live = LiveSource(context)
        self._cluster = Cluster(self._live)
        self._writer = Writer(self._live.credentials, self._live.count)

    @property
    def server(self) -> str:
        """Host and port of the API server, and the context it was named by."""
        return f"{self._live.credentials.server} (context {self._live.credentials.context})"

    def find(self, namespace: str) -> list[Leftover]:
        """Those in a namespace (empty: in all), oldest first. Raises ClusterErrors."""
        found = list(_leftovers(self._cluster.read(Pod, namespace), self._live.now()))
        return sorted(found, key=lambda one: one.age or timedelta(), reverse=True)

    def remove(self, leftover: Leftover) -> bool:
        """Deletes that very pod, not another of its name; False when it was gone. Raises ClusterErrors."""
        pod = leftover.pod
        return self._writer.delete_pod(pod.namespace, pod.name, pod.uid)

    def close(self) -> None:
        """Gives back connections."""
        self._cluster.close()


def _leftovers(pods: list[Pod], now: datetime) -> Iterator[Leftover]:
    for pod in pods:
        made = pod.metadata.creation_timestamp
        age = now - made if made is not None else None
        if pod.metadata.labels.get(MANAGED_BY) == OURS:
            yield Leftover(pod, "runbook", pod.metadata.labels.get(RUN, ""), age)
        elif _is_kubectls(pod):
            yield Leftover(pod, "kubectl", "", age)


def _is_kubectls(pod: Pod) -> bool:
    if not _KUBECTL_NODE_POD.match(pod.name) or pod.metadata.owner_references:
        return False
    return [one.name for one in pod.spec.containers] == ["debugger"]


def _duration(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"
