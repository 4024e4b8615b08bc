"""A cluster of thousands of pods swept by start-here, against reading and parsing the same bytes.

The whole cluster is asked for (namespace "-"). 50,000 pods are measured once, for memory and for
a report that is still read at a glance. Run by `make bench`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.big_namespace import write_case
from benchmarks.scale import FLOOR, OURS, best_of
from benchmarks.table import Row, limit_row, ratio_row

PODS = 10_000
RATIO = 1.5
MEMORY = 600
MANY = 50_000
MANY_MEMORY = 1500
_WHOLE = OURS.replace('namespace="big"', 'namespace="-"')


def measure() -> list[Row]:
    """Time and memory of a sweep, healthy and partly sick, and of one that is five times as large."""
    rows = []
    for what, sick_every in (("all healthy", 0), ("1 in 100 sick", 100)):
        with tempfile.TemporaryDirectory() as scratch:
            folder = write_case(Path(scratch) / "case", PODS, nodes=200, sick_every=sick_every)
            floor, ours = best_of(FLOOR, folder), best_of(_WHOLE, folder, "start-here")
        name = f"start-here: {PODS:,} pods from a case, {what}"
        rows.append(ratio_row(name, ours["seconds"], floor["seconds"], "reading and parsing", RATIO))
        rows.append(limit_row(f"{name}: peak memory", ours["mb"], MEMORY, "MB"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_case(Path(scratch) / "case", MANY, nodes=1000, sick_every=100)
        floor, ours = best_of(FLOOR, folder, tries=1), best_of(_WHOLE, folder, "start-here", tries=1)
    name = f"start-here: {MANY:,} pods from a case, 1 in 100 sick"
    rows.append(ratio_row(name, ours["seconds"], floor["seconds"], "reading and parsing", RATIO))
    rows.append(limit_row(f"{name}: peak memory", ours["mb"], MANY_MEMORY, "MB"))
    return rows
