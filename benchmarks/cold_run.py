"""`runbook run pods` as a cold process, against the two plain commands papermill and nbconvert.

Same notebook, same case, same environment, taken in turns, three times each; the
best counts. The budget is half of the two commands' time where JupyterLab is
installed. Run by `make bench`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.table import Row, ratio_row
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


def measure() -> list[Row]:
    """One row: ours against the two commands."""
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
    return [ratio_row("cold run, notebook to HTML", min(ours), min(theirs), "papermill + nbconvert", BUDGET)]
