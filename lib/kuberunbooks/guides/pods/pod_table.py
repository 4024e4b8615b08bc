"""The pods of the target in a table, as `kubectl get pods -o wide` prints them, sick ones first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from kuberunbooks.findings import Column, Table
from kuberunbooks.objects import Pod, human_duration

from .target import Pods

_MOST_ROWS = 50


def pod_tables(target: Pods, now: datetime) -> Iterator[Table]:
    """The table of pods; above 50 also how many there are of each status."""
    fine = {id(pod) for pod in target.fine}
    sick = [pod for pod in target.pods if id(pod) not in fine]
    if len(target.pods) > _MOST_ROWS:
        yield _status_table(target, sick)
    shown = sick[:_MOST_ROWS]
    if len(shown) < _MOST_ROWS:
        shown += target.fine[: _MOST_ROWS - len(shown)]
    columns = ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE"]
    if not target.namespace:
        columns.insert(0, "NAMESPACE")
    yield Table(
        caption="Pods as kubectl prints them",
        columns=[Column(name=name, numeric=name in ("RESTARTS", "AGE")) for name in columns],
        rows=[_row(pod, now, with_namespace=not target.namespace) for pod in shown],
        omitted=len(target.pods) - len(shown),
    )


def _row(pod: Pod, now: datetime, *, with_namespace: bool) -> list[str]:
    row = [
        pod.name,
        pod.ready_text,
        pod.status_text,
        pod.restarts_text(now),
        human_duration(pod.age(now)),
        pod.spec.node_name or "<none>",
    ]
    return [pod.namespace, *row] if with_namespace else row


def _status_table(target: Pods, sick: list[Pod]) -> Table:
    counted = Counter(pod.status_text for pod in sick)
    # A fine pod that has not ended is by definition Running: no need to work its status out.
    counted.update("Running" if pod.phase == "Running" else pod.status_text for pod in target.fine)
    return Table(
        caption="How many pods have each status",
        columns=[Column(name="STATUS"), Column(name="PODS", numeric=True)],
        rows=[[status, str(number)] for status, number in counted.most_common()],
    )
