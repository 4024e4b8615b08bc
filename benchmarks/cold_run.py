"""`runbook run pods` as a cold process, against the two plain commands papermill and nbconvert.

Same notebook, same case, same environment, taken in turns, three times each; the
best counts. The budget is half of the two commands' time where JupyterLab is
installed. Run by `make bench`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kuberunbooks.run import library

BUDGET = 0.5
ROUNDS = 3


def seconds(*commands: list[str], folder: Path) -> float:
    """Wall time of the commands one after the other, each a process of its own."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    began = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)
    return time.perf_counter() - began


def measure() -> dict[str, object]:
    """One row: ours, the two commands', their ratio, and whether the budget is kept."""
    notebook = str(library.own_runbooks() / "pods.ipynb")
    values = {"case": str(library.demo_case()), "namespace": "crashloop", "target": "deployment/payments"}
    run = ["runbook", "run", "pods", "--out", "ours"]
    papermill = ["papermill", notebook, "theirs.ipynb", "-p", "interactive", "False"]
    for name, value in values.items():
        run += ["-p", f"{name}={value}"]
        papermill += ["-p", name, value]
    nbconvert = ["jupyter", "nbconvert", "--to", "html", "theirs.ipynb"]
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for _ in range(ROUNDS):
            ours.append(seconds(run, folder=Path(scratch)))
            theirs.append(seconds(papermill, nbconvert, folder=Path(scratch)))
    ratio = min(ours) / min(theirs)
    return {
        "jupyterlab": "installed" if importlib.util.find_spec("jupyterlab") else "not installed",
        "papermill + nbconvert s": round(min(theirs), 2),
        "runbook run s": round(min(ours), 2),
        "ratio": round(ratio, 2),
        "budget": BUDGET,
        "kept": ratio <= BUDGET,
    }


if __name__ == "__main__":
    print(measure(), flush=True)
