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

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.big_namespace import write_case

_FLOOR = """
import sys, time, json, resource, pathlib, orjson
folder = pathlib.Path(sys.argv[1])
files = [p for p in folder.rglob("*.json")]
started = time.perf_counter()
kept = [orjson.loads(p.read_bytes()) for p in files]
print(json.dumps({"seconds": time.perf_counter() - started,
                  "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""

_OURS = """
import sys, time, json, resource
from kuberunbooks import notebook, guides
guides.guide("pods"); import kuberunbooks.cluster.case
from kuberunbooks.findings import entries; entries("en")
started = time.perf_counter()
session = notebook.open("pods", case=sys.argv[1], namespace="big")
assert session.start.failure is None, session.start.failure
steps = {}
for name in session.step_names:
    begun = time.perf_counter(); getattr(session, name)(); steps[name] = round(time.perf_counter() - begun, 3)
session.summary()
print(json.dumps({"seconds": time.perf_counter() - started, "steps": steps,
                  "findings": sorted({f.code for s in session.steps for f in s.findings}),
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


def measure(pods: int, sick_every: int) -> dict[str, object]:
    """One row of the table: ours, the floor, their ratio, and our peak memory in MB."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_case(Path(scratch) / "case", pods, sick_every=sick_every)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        floor, ours = best_of(_FLOOR, folder), best_of(_OURS, folder)
    return {
        "pods": pods,
        "sick": f"1 in {sick_every}" if sick_every else "none",
        "MB": round(size, 1),
        "floor s": round(floor["seconds"], 3),
        "ours s": round(ours["seconds"], 3),
        "ratio": round(ours["seconds"] / floor["seconds"], 2),
        "peak MB": round(ours["mb"]),
        "slowest steps": dict(sorted(ours["steps"].items(), key=lambda item: -item[1])[:3]),  # type: ignore[attr-defined]
    }


if __name__ == "__main__":
    for pods, sick_every in ((5000, 0), (5000, 100), (5000, 1)):
        print(measure(pods, sick_every), flush=True)
