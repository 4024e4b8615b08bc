"""How a container's memory came to its limit before it was killed: steadily, as a leak does, or at once.

Pure functions on (seconds since 1970, bytes) in order of time. They look only at the run that
ended with the kill, and answer only where the shape is plain. Called by the history step of
monitoring-tools.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from .thresholds import MEMORY_CLIMB, MEMORY_CLIMB_END, MEMORY_CLIMB_FOR

Point = tuple[float, float]

_FEWEST = 10
_STEADY = 0.85
"""Of its variation so much follows a straight line (R squared). Ours; garbage collection is a sawtooth."""
_LARGEST_JUMP = 1 / 3
_RESTART_DROP = 0.5
_GAP = 3.0
_JUST_BEFORE = 120.0


class Climb(NamedTuple):
    """How it went: `climbed` from `low` to `high` bytes in `seconds`, or `jumped` from below `high`."""

    shape: Literal["climbed", "jumped"]
    start: float
    seconds: float
    low: float
    high: float


def before_kill(points: Sequence[Point], limit: float, killed: float, step: float) -> Climb | None:
    """The way to the limit before a kill at `killed`; None where the values do not tell.

    `step` is the seconds between two values.
    """
    run = _run_until(points, killed, step)
    if len(run) < _FEWEST or limit <= 0 or killed - run[-1][0] > _GAP * step:
        return None
    start, end = run[0][0], run[-1][0]
    low, high = min(value for _, value in run), max(value for _, value in run)
    if end - start < MEMORY_CLIMB_FOR:
        return None
    if high < MEMORY_CLIMB_END * limit and killed - end <= _JUST_BEFORE:
        return Climb("jumped", start, end - start, low, high)
    first, last = run[0][1], run[-1][1]
    rise = last - first
    largest = max(after[1] - before[1] for before, after in pairwise(run))
    plain = rise >= MEMORY_CLIMB * limit and last >= MEMORY_CLIMB_END * limit
    if plain and largest <= _LARGEST_JUMP * rise and _straightness(run) >= _STEADY:
        return Climb("climbed", start, end - start, first, last)
    return None


def longest_above(points: Sequence[Point], level: float, step: float) -> tuple[float, float] | None:
    """The longest unbroken stretch of values above a level, as its first and last time."""
    best: tuple[float, float] | None = None
    begin = previous = None
    for at, value in points:
        if value <= level or (previous is not None and at - previous > _GAP * step):
            begin = None
        if value > level:
            begin = at if begin is None else begin
            if best is None or at - begin > best[1] - best[0]:
                best = (begin, at)
        previous = at
    return best


def _run_until(points: Sequence[Point], killed: float, step: float) -> list[Point]:
    """The values of the run that ended at `killed`: since the last gap, or the last fall to half."""
    run: list[Point] = []
    for at, value in points:
        if at > killed:
            break
        if run and (at - run[-1][0] > _GAP * step or value < _RESTART_DROP * run[-1][1]):
            run = []
        run.append((at, value))
    return run


def _straightness(run: Sequence[Point]) -> float:
    """R squared of the best straight line through the values; 0 for a falling or flat one."""
    count = len(run)
    mean_x, mean_y = sum(x for x, _ in run) / count, sum(y for _, y in run) / count
    xx = sum((x - mean_x) ** 2 for x, _ in run)
    yy = sum((y - mean_y) ** 2 for _, y in run)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in run)
    return xy * xy / (xx * yy) if xx > 0 and yy > 0 and xy > 0 else 0.0
