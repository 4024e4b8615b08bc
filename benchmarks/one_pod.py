"""How many requests a run on one sick pod makes, in a small and in a large namespace.

The server counts them: reviews, lists, objects and logs. Run by `make bench`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.big_namespace import Make, write_case
from benchmarks.table import Row, limit_row
from kuberunbooks import notebook
from tests.support.api_server import serve_case

# The pods guide judges; the others show more of one pod, a StatefulSet's guide all of its pods.
BUDGETS = {
    "pods": 12,
    "running-pods": 25,
    "termination-messages": 12,
    "init-containers": 16,
    "statefulsets": 30,
}
MAKES: dict[str, Make] = {"init-containers": "init containers", "statefulsets": "statefulsets"}
SIZES = (100, 5000)


def measure() -> list[Row]:
    """A row for each guide and size of the namespace."""
    return [
        limit_row(f"{guide}: one pod of {pods:,}, over HTTP", requests(guide, pods), budget, "requests")
        for guide, budget in BUDGETS.items()
        for pods in SIZES
    ]


def requests(guide: str, pods: int) -> int:
    """The requests of all steps on one sick pod among that many."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_case(Path(scratch) / "case", pods, make=MAKES.get(guide, "deployments"))
        with serve_case(folder) as server, kubeconfig(server.kubeconfig(Path(scratch) / "config")):
            session = notebook.open(guide, namespace="big", target=f"pod/{_sick_pod(folder)}")
            assert session.start.failure is None, session.start.failure
            for name in session.step_names:
                getattr(session, name)()
            session.summary()
            assert any(step.findings for step in session.steps)
            return server.count()


def _sick_pod(folder: Path) -> str:
    import msgspec

    pods = msgspec.json.decode((folder / "api/v1/namespaces/big/pods.json").read_bytes())["items"]
    sick = (pod for pod in pods if not all(one["ready"] for one in pod["status"]["containerStatuses"]))
    return str(next(sick)["metadata"]["name"])


@contextmanager
def kubeconfig(path: Path) -> Iterator[None]:
    """KUBECONFIG names this file inside the block."""
    before = os.environ.get("KUBECONFIG")
    os.environ["KUBECONFIG"] = str(path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["KUBECONFIG"]
        else:
            os.environ["KUBECONFIG"] = before
