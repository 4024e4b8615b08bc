"""How many requests a run on one crash-looping pod makes, in a small and in a large namespace.

The server counts them: reviews, lists, objects and logs. Run by `make bench`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.big_namespace import write_case
from benchmarks.table import Row, limit_row
from kuberunbooks import notebook
from tests.support.api_server import serve_case

BUDGET = 12
SIZES = (100, 5000)


def measure() -> list[Row]:
    """A row for each size of the namespace."""
    return [
        limit_row(f"one pod of {pods:,}, over HTTP", requests(pods), BUDGET, "requests") for pods in SIZES
    ]


def requests(pods: int) -> int:
    """The requests of all steps on one sick pod among that many."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_case(Path(scratch) / "case", pods)
        with serve_case(folder) as server, _kubeconfig(server.kubeconfig(Path(scratch) / "config")):
            session = notebook.open("pods", namespace="big", target=f"pod/{_sick_pod(folder)}")
            assert session.start.failure is None, session.start.failure
            for name in session.step_names:
                getattr(session, name)()
            session.summary()
            assert any(step.findings for step in session.steps)
            return server.count()


def _sick_pod(folder: Path) -> str:
    import msgspec

    pods = msgspec.json.decode((folder / "api/v1/namespaces/big/pods.json").read_bytes())["items"]
    return next(pod["metadata"]["name"] for pod in pods if pod["metadata"]["name"].startswith("payments"))


@contextmanager
def _kubeconfig(path: Path) -> Iterator[None]:
    before = os.environ.get("KUBECONFIG")
    os.environ["KUBECONFIG"] = str(path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["KUBECONFIG"]
        else:
            os.environ["KUBECONFIG"] = before
