"""What a person sees while a notebook runs: a line for every step as it ends, and on a terminal the one that is running.

Goes to stderr, so that stdout holds the result alone. Used by the command line.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

MARKS = {
    "critical": "✖",
    "warning": "▲",
    "info": "●",
    "ok": "✔",
    "skipped": "–",
    "refused": "?",
    "failed": "!",
}


class Progress(Protocol):
    """Told of every code cell when it starts and when it has ended."""

    def __call__(self, cell: Any, index: int, ended: bool) -> None:
        """`index` is the cell's place in the notebook."""
        ...

    def close(self) -> None:
        """Gives the terminal back."""
        ...


class Silent:
    """Says nothing."""

    def __call__(self, cell: Any, index: int, ended: bool) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing to give back."""


class Lines:
    """One plain line for each step that has ended."""

    def __call__(self, cell: Any, index: int, ended: bool) -> None:
        """Prints the step's line."""
        if ended and (line := step_line(cell)):
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing to give back."""


class Live:
    """On a terminal: the lines, and under them the running cell with a spinner."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("Starting", spinner="dots")
        self._status.start()

    def __call__(self, cell: Any, index: int, ended: bool) -> None:
        """Prints the step's line, or names the cell that runs now."""
        from rich.text import Text

        if ended and (line := step_line(cell)):
            self._console.print(Text(line, style=_STYLES.get(line[0], ""), overflow="ellipsis", no_wrap=True))
        elif not ended:
            self._status.update(Text(str(cell.get("id", "")).replace("-", " ")))

    def close(self) -> None:
        """Removes the spinner."""
        self._status.stop()


_STYLES = {"✖": "bold red", "▲": "yellow", "?": "yellow", "!": "bold red", "✔": "green"}


def for_stderr() -> Progress:
    """The one that fits where stderr goes."""
    return Live() if sys.stderr.isatty() else Lines()


def step_line(cell: Any) -> str:
    """`✖ DP-09 Does it crash, or fail its probes? Container app ... (0.12 s)`; empty for a cell that is no step."""
    from kuberunbooks.findings import STEP_MIME

    for output in cell.get("outputs", ()):
        if output.get("output_type") == "error":
            return _printable(
                f"! {cell.get('id', '')}: {output.get('ename', '')}: {output.get('evalue', '')}"
            )
        step = (output.get("data") or {}).get(STEP_MIME)
        if isinstance(step, dict):
            mark = MARKS.get(str(step.get("status")), "?")
            return _printable(f"{mark} {step.get('id')} {step.get('title')} {step.get('verdict')}")
    return ""


def _printable(text: str) -> str:
    """Without line breaks and terminal escapes: a notebook's output is not ours."""
    return "".join(character if character.isprintable() else " " for character in text)
