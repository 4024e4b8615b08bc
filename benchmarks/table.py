"""One row per measurement with its budget, and the table of them that `make bench` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A measurement in words: what, how much, against what, the budget, and whether it is kept."""

    what: str
    measured: str
    against: str
    budget: str
    kept: bool


def ratio_row(what: str, seconds: float, floor: float, floor_is: str, budget: float) -> Row:
    """A time against the time of something that cannot be avoided, both in seconds."""
    ratio = seconds / floor
    return Row(
        what,
        f"{seconds:.2f} s",
        f"{ratio:.2f} × {floor_is} ({floor:.2f} s)",
        f"≤ {budget} ×",
        ratio <= budget,
    )


def limit_row(what: str, value: float, budget: float, unit: str) -> Row:
    """A value that has a limit of its own; seconds with decimals, the rest whole."""
    shown = f"{value:.2f}" if unit == "s" else f"{value:,.0f}"
    return Row(what, f"{shown} {unit}", "", f"≤ {budget:,} {unit}", value <= budget)


def markdown(rows: Sequence[Row]) -> str:
    """The table as Markdown whose columns also line up on a terminal."""
    lines = [("what", "measured", "against", "budget", "kept")]
    lines += [(*row[:4], "yes" if row.kept else "NO") for row in rows]
    widths = [max(len(line[place]) for line in lines) for place in range(5)]
    drawn = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    drawn.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(drawn)
