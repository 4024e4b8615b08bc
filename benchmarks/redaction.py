"""Taking the secrets out of a 10 MB log, as one text.

An application's log in which one line in 17 holds a connection string, a token or
a password. CPU time, which other processes do not add to; the best of five counts. Run by `make bench`.
"""

from __future__ import annotations

import time

from benchmarks.table import Row, limit_row
from kuberunbooks.redaction import Redactor

BUDGET = 1.0
SIZE = 10_000_000
ROUNDS = 5

_LINES = (
    "2026-11-23T21:17:34.104Z INFO  starting payments, version 4.2.1, 12 workers\n"
    '2026-11-23T21:17:35.002Z DEBUG {{"path": "/v1/orders/{0}", "status": 200, "took_ms": 12}}\n'
    "2026-11-23T21:17:35.404Z DEBUG cache miss for customer {0}, reading from the database\n"
    "2026-11-23T21:17:35.611Z INFO  order {0} accepted by https://stock.shop.svc:8443/v2/reserve\n"
)
_SECRETS = (
    "2026-11-23T21:17:34.311Z INFO  connect postgres://pay:hunter{0}@db.shop.svc:5432/pay?sslmode=require\n"
    "2026-11-23T21:17:35.207Z WARN  retrying with Authorization: Bearer abcdef{0}ghijklmnop.qrstuv\n"
    "2026-11-23T21:17:36.001Z ERROR login failed: user=pay password=secret-{0}\n"
)
_ORDINARY = 12
"""So often do the ordinary lines come before the three with a secret: one line in 17 holds one."""


def measure() -> list[Row]:
    """One row: seconds for the whole log. The secrets repeat, as they do in a log."""
    block = "".join(
        _LINES.format(number) * _ORDINARY + _SECRETS.format(number) for number in range(1000, 1050)
    )
    log = block * (SIZE // len(block) + 1)
    best = min(_seconds(log) for _ in range(ROUNDS))
    return [limit_row(f"redaction of a {len(log) / 1e6:.0f} MB log, CPU time", best, BUDGET, "s")]


def _seconds(log: str) -> float:
    redactor = Redactor()
    started = time.process_time()
    clean = redactor.text(log)
    took = time.process_time() - started
    assert "hunter1001" not in clean
    assert "secret-1001" not in clean
    return took
