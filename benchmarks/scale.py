"""A namespace of thousands of pods: all steps of the pods guide against reading and parsing the same bytes.

Each side runs in a process of its own, imports first, three times; the best counts.
Run by `make bench`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.big_namespace import write_case
from benchmarks.table import Row, limit_row, ratio_row

RATIO = 1.5
MEMORY = 400
PODS = 5000
SICK = {"all healthy": 0, "1 in 100 crash-looping": 100, "all crash-looping": 1}

_FLOOR = """
import sys, time, json, pathlib, orjson
folder = pathlib.Path(sys.argv[1])
files = [p for p in folder.rglob("*.json")]
started = time.perf_counter()
kept = [orjson.loads(p.read_bytes()) for p in files]
print(json.dumps({"seconds": time.perf_counter() - started}))
"""

_OURS = """
import sys, time, json, resource
from kuberunbooks import notebook, guides
guides.guide("pods"); import kuberunbooks.cluster.case
from kuberunbooks.findings import entries; entries("en")
started = time.perf_counter()
session = notebook.open("pods", case=sys.argv[1], namespace="big")
assert session.start.failure is None, session.start.failure
for name in session.step_names:
    getattr(session, name)()
session.summary()
print(json.dumps({"seconds": time.perf_counter() - started,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def best_of(code: str, folder: Path, tries: int = 3) -> dict[str, float]:
    """The fastest of several runs, each in a fresh process."""
    found = [
        json.loads(
            subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True).stdout
        )
        for _ in range(tries)
    ]
    return min(found, key=lambda one: one["seconds"])


def measure() -> list[Row]:
    """Time and memory for a healthy, a mostly healthy and a wholly sick namespace."""
    rows = []
    for what, sick_every in SICK.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = write_case(Path(scratch) / "case", PODS, sick_every=sick_every)
            floor, ours = best_of(_FLOOR, folder), best_of(_OURS, folder)
        name = f"{PODS:,} pods from a case, {what}"
        rows.append(ratio_row(name, ours["seconds"], floor["seconds"], "reading and parsing", RATIO))
        rows.append(limit_row(f"{name}: peak memory", ours["mb"], MEMORY, "MB"))
    return rows
