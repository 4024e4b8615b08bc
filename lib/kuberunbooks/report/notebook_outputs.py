"""What an executed notebook says of its run: the JSON in its cell outputs, judged before it is believed.

A notebook can be half run, edited by hand or made by somebody else. What does not
fit the schema is left out with a note, strings lose their control characters,
times without a zone count as UTC, and sizes are bounded. Called by `collect`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeVar

import msgspec

from kuberunbooks.findings import (
    RUN_MIME,
    STEP_MIME,
    SUMMARY_MIME,
    Document,
    Failure,
    LogExcerpt,
    RunStart,
    StepResult,
    Summary,
    Table,
    Words,
)

from .words import clean

MOST_DEPTH = 40
"""Deepest nesting of a value that is kept; our own results need less than ten."""
MOST_ROWS = 200
MOST_LINES = 400
MOST_TEXT = 100_000
"""Rows of a table, lines of a log excerpt and characters of a document that a report keeps."""

_TIMES = frozenset(
    ("at", "until", "since", "now", "oldest", "observed_at", "recorded_at", "started_at", "finished_at")
)

T = TypeVar("T")


class Outputs(NamedTuple):
    """What the cells left; `steps` by id in the order of the cells, `error` the first traceback's."""

    start: RunStart | None
    steps: dict[str, StepResult]
    summary: Summary | None
    error: Failure | None
    notes: list[str]


def read_outputs(nb: Any, words: Words) -> Outputs:
    """The results in a notebook's cell outputs. Never raises for what stands in them."""
    start: RunStart | None = None
    summary: Summary | None = None
    steps: dict[str, StepResult] = {}
    error: Failure | None = None
    notes: list[str] = []
    for index, cell in enumerate(nb.get("cells", ())):
        for output in cell.get("outputs", ()):
            if output.get("output_type") == "error" and error is None:
                error = _failure(index, output, words)
            data = output.get("data") or {}
            for mime, kind in ((RUN_MIME, RunStart), (STEP_MIME, StepResult), (SUMMARY_MIME, Summary)):
                if mime not in data:
                    continue
                value = _convert(data[mime], kind)
                if value is None:
                    notes.append(words("note_bad_output", cell=index + 1, what=kind.__name__))
                elif isinstance(value, RunStart):
                    start = value
                elif isinstance(value, StepResult):
                    steps.pop(value.id, None)
                    steps[value.id] = _bounded(value, notes, words)
                elif isinstance(value, Summary):
                    summary = value
    return Outputs(start, steps, summary, error, notes)


def step_ids(cell: Any) -> list[str]:
    """The ids of the steps whose results stand in this cell; the results themselves are not judged here."""
    results = [(output.get("data") or {}).get(STEP_MIME) for output in cell.get("outputs", ())]
    return [clean(str(one["id"])) for one in results if isinstance(one, dict) and "id" in one]


def closes(cell: Any) -> bool:
    """Whether this is the closing cell."""
    return any(SUMMARY_MIME in (output.get("data") or {}) for output in cell.get("outputs", ()))


def tidy(value: Any, key: str = "", depth: int = 0) -> Any:
    """JSON made safe to compute with and to show; linear in its size."""
    if isinstance(value, str):
        text = clean(value)
        return f"{text}Z" if key in _TIMES and _is_naive(text) else text
    if isinstance(value, float):
        return value if math.isfinite(value) else 0.0
    if depth >= MOST_DEPTH:
        return "…"
    if isinstance(value, dict):
        return {
            clean(str(name)): tidy(item, name if isinstance(name, str) else "", depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [tidy(item, key, depth + 1) for item in value]
    return value


def _is_naive(text: str) -> bool:
    clock = text.partition("T")[2]
    return bool(clock) and not clock.endswith(("Z", "z")) and "+" not in clock and "-" not in clock


def _convert(raw: Any, kind: type[T]) -> T | None:
    try:
        if isinstance(raw, str):
            raw = msgspec.json.decode(raw)
        value = msgspec.convert(tidy(raw), kind)
    except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError):
        return None
    if isinstance(value, StepResult):
        for one in value.findings:
            explains = one.facts.get("explains", ())
            # The headline looks into this fact; anything but a list of names is not ours.
            if not (isinstance(explains, list | tuple) and all(isinstance(item, str) for item in explains)):
                del one.facts["explains"]
    return value


def _bounded(step: StepResult, notes: list[str], words: Words) -> StepResult:
    for exhibit in step.exhibits:
        if isinstance(exhibit, Table) and len(exhibit.rows) > MOST_ROWS:
            exhibit.omitted = max(exhibit.omitted, 0) + len(exhibit.rows) - MOST_ROWS
            exhibit.rows = exhibit.rows[:MOST_ROWS]
        elif isinstance(exhibit, LogExcerpt) and len(exhibit.lines) > MOST_LINES:
            exhibit.lines = exhibit.lines[-MOST_LINES:]
            notes.append(words("note_bounded", what=exhibit.source, n=words.count("line", MOST_LINES)))
        elif isinstance(exhibit, Document) and len(exhibit.text) > MOST_TEXT:
            exhibit.left_out = max(exhibit.left_out, 0) + len(exhibit.text) - MOST_TEXT
            exhibit.text = exhibit.text[:MOST_TEXT]
    return step


def _failure(index: int, output: Any, words: Words) -> Failure:
    name, value = clean(str(output.get("ename", ""))), clean(str(output.get("evalue", "")))
    error = f"{name}: {value}" if value else name
    return Failure(
        error="CellFailed",
        sentence=words("failure_cell", cell=index + 1, error=error.rstrip(".") or "?"),
        advice=words("failure_cell_advice"),
        exit_status=4,
    )
