"""A namespace of thousands of pods: all steps of a guide against reading and parsing the same bytes.

Each side runs in a process of its own, imports first, three times; the best counts.
Run by `make bench`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.big_namespace import Make, write_case
from benchmarks.table import Row, limit_row, ratio_row

RATIO = 1.5
MEMORY = 400
PODS = 5000
SICK = {"all healthy": 0, "1 in 100 sick": 100, "all sick": 1}
# When everything is sick a report is as long as the cluster is large: measured of the pods guide only.
GUIDES: dict[str, tuple[Make, tuple[str, ...]]] = {
    "pods": ("deployments", tuple(SICK)),
    "running-pods": ("deployments", ("all healthy", "1 in 100 sick")),
    "termination-messages": ("deployments", ("all healthy", "1 in 100 sick")),
    "init-containers": ("init containers", ("all healthy", "1 in 100 sick")),
    "statefulsets": ("statefulsets", ("all healthy", "1 in 100 sick")),
}

FLOOR = """
import sys, time, json, pathlib, orjson
folder = pathlib.Path(sys.argv[1])
files = [p for p in folder.rglob("*.json")]
started = time.perf_counter()
kept = [orjson.loads(p.read_bytes()) for p in files]
print(json.dumps({"seconds": time.perf_counter() - started}))
"""

OURS = """
import sys, time, json
from kuberunbooks import notebook, guides
guides.guide(sys.argv[2]); import kuberunbooks.cluster.case
from kuberunbooks.findings import entries; entries("en")
started = time.perf_counter()
session = notebook.open(sys.argv[2], case=sys.argv[1], namespace="big")
assert session.start.failure is None, session.start.failure
for name in session.step_names:
    getattr(session, name)()
session.summary()
seconds = time.perf_counter() - started
# Not ru_maxrss: that counts what the process it was forked from held.
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(json.dumps({"seconds": seconds,
                  "mb": peak / 1024}))
"""


def best_of(code: str, *arguments: object, tries: int = 3) -> dict[str, float]:
    """The fastest of several runs, each in a fresh process."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    found = [
        json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(tries)
    ]
    return min(found, key=lambda one: one["seconds"])


def measure() -> list[Row]:
    """Time of each guide for a healthy and a mostly healthy namespace, and the most memory of any."""
    rows = []
    memory = 0.0
    for guide, (make, kinds) in GUIDES.items():
        for what in kinds:
            with tempfile.TemporaryDirectory() as scratch:
                folder = write_case(Path(scratch) / "case", PODS, sick_every=SICK[what], make=make)
                floor, ours = best_of(FLOOR, folder), best_of(OURS, folder, guide)
            name = f"{guide}: {PODS:,} pods from a case, {what}"
            rows.append(ratio_row(name, ours["seconds"], floor["seconds"], "reading and parsing", RATIO))
            memory = max(memory, ours["mb"])
    rows.append(limit_row(f"{PODS:,} pods from a case: peak memory of any guide", memory, MEMORY, "MB"))
    return rows
