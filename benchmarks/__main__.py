"""`make bench`: every measurement, one table. Exit status 1 when a budget is not kept."""

from __future__ import annotations

import sys

from benchmarks import (
    audit_log,
    cold_run,
    loopback,
    many_services,
    one_pod,
    redaction,
    scale,
    start_here,
    table,
)


def main() -> int:
    """Measures one after the other, so that none disturbs another."""
    rows: list[table.Row] = []
    for module in (cold_run, scale, start_here, many_services, loopback, one_pod, audit_log, redaction):
        print(f"measuring: {(module.__doc__ or '').splitlines()[0]}", file=sys.stderr, flush=True)
        rows += module.measure()
    print(table.markdown(rows))
    broken = [row.what for row in rows if not row.kept]
    if broken:
        print(f"Over budget: {'; '.join(broken)}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
