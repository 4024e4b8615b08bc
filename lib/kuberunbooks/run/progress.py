"""What a person sees while a notebook runs: a line for every step that ended, and what runs now.

Goes to stderr, so that stdout holds the result alone. Used by the command line.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol

from kuberunbooks.findings import RUN_MIME, STEP_MIME

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

    def __init__(self) -> None:
        self._steps = Steps()

    def __call__(self, cell: Any, index: int, ended: bool) -> None:
        """Writes the step's line."""
        if ended and (line := self._steps.line(cell)):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def close(self) -> None:
        """Nothing to give back."""


class Live:
    """On a terminal: the lines, and under them the running cell with a spinner."""

    def __init__(self) -> None:
        from rich.console import Console

        self._steps = Steps()
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status("Starting", spinner="dots")
        self._status.start()

    def __call__(self, cell: Any, index: int, ended: bool) -> None:
        """Prints the step's line, or names the cell that runs now."""
        from rich.text import Text

        if ended and (line := self._steps.line(cell)):
            self._console.print(Text(line, style=_STYLES.get(line[0], ""), overflow="ellipsis", no_wrap=True))
        elif not ended:
            self._status.update(Text(str(cell.get("id", "")).replace("-", " ")))

    def close(self) -> None:
        """Removes the spinner."""
        self._status.stop()


class Steps:
    """The lines of the steps: `✖ DP-09 Why does it crash, or not get ready? Container app ...`."""

    def __init__(self) -> None:
        self._opened = True

    def line(self, cell: Any) -> str:
        """The line of an ended cell; empty for no step, and for all when nothing could be opened."""
        for output in cell.get("outputs", ()):
            if output.get("output_type") == "error":
                return _printable(f"! {cell.get('id')}: {output.get('ename')}: {output.get('evalue')}")
            data = output.get("data") or {}
            if data.get(RUN_MIME, {}).get("failure"):
                self._opened = False
            step = data.get(STEP_MIME)
            if isinstance(step, dict) and self._opened:
                mark = MARKS.get(str(step.get("status")), "?")
                return _printable(f"{mark} {step.get('id')} {step.get('title')} {step.get('verdict')}")
        return ""


_STYLES = {"✖": "bold red", "▲": "yellow", "?": "yellow", "!": "bold red", "✔": "green"}


def for_stderr() -> Progress:
    """The one that fits where stderr goes."""
    return Live() if sys.stderr.isatty() else Lines()


def _printable(text: str) -> str:
    """Without line breaks and terminal escapes: a notebook's output is not ours."""
    return "".join(character if character.isprintable() else " " for character in text)
