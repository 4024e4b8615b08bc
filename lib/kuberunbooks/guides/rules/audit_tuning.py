"""Whether batches, throttle and buffer of an audit backend suffice for the events there are.

The arithmetic is that of the upstream guide: batches a second are events a second over the
size of a batch, and the buffer must hold what comes while the backend takes its time. Called
by the audit guide's tuning step.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from .audit_flags import BATCH, Batch


class Sums(NamedTuple):
    """A backend's limits against `rate` events a second.

    `batches` a second are needed; `taken` events a second the throttle lets through (0: it is off);
    `held` is how many seconds of events the buffer holds; `needed` how many events it should hold.
    """

    rate: float
    batches: float
    taken: float
    held: float
    needed: int

    @property
    def is_throttled(self) -> bool:
        """Whether more events come than the throttle lets through."""
        return 0 < self.taken < self.rate


def sums(batch: Batch, rate: float, latency: float) -> Sums | None:
    """The arithmetic for a backend in batch mode; None in the others, which have no buffer.

    `rate` is events a second, `latency` how many seconds a backend may take for a batch.
    """
    if batch.mode != BATCH or batch.size <= 0 or rate < 0:
        return None
    return Sums(
        rate=rate,
        batches=rate / batch.size,
        taken=batch.qps * batch.size if batch.throttle and batch.qps > 0 else 0.0,
        held=batch.buffer / rate if rate else math.inf,
        needed=math.ceil(rate * latency),
    )


def enough_qps(batch: Batch, rate: float) -> int:
    """Batches a second that would let these events through, with half as much again for peaks."""
    return max(1, math.ceil(1.5 * rate / max(1, batch.size)))
