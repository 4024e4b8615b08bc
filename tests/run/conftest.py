"""The command as a person runs it: in a process and a folder of its own, with notebooks made for the test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

COMMAND = [sys.executable, "-m", "kuberunbooks.cli"]
DEADLINE = 60.0


class Notebooks:
    """A folder of notebooks, and the command run beside it."""

    def __init__(self, folder: Path) -> None:
        self.cwd = folder
        self.folder = folder / "own"
        self.folder.mkdir()
        self.out = folder / "out"

    def write(self, name: str, *cells: str, parameters: str = "", always: str = "") -> Path:
        """A notebook with a code cell per text; `always` makes a last cell that runs in any case."""
        made = [
            nbformat.v4.new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells, 1)
        ]
        if parameters:
            made.insert(
                0, nbformat.v4.new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]})
            )
        if always:
            made.append(nbformat.v4.new_code_cell(always, id="closing", metadata={"tags": ["always"]}))
        path = self.folder / f"{name}.ipynb"
        nbformat.write(
            nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_markdown_cell(f"# The {name} runbook", id="title"), *made]
            ),
            path,
        )
        return path

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Starts the command and does not wait."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.cwd,
            env=os.environ | {"RUNBOOK_PATH": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs the command to its end; no ending of it shows a traceback."""
        process = self.start(*arguments, **options)
        stdout, stderr = process.communicate(timeout=DEADLINE)
        assert "Traceback" not in stderr, stderr
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def run(self, name: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """`runbook run NAME --out out ...`."""
        return self.command("run", name, "--out", str(self.out), *arguments, **options)

    def executed(self) -> dict[str, Any]:
        """The code cells of the run's notebook.ipynb by id."""
        notebook = nbformat.read(self.out / "notebook.ipynb", as_version=4)
        return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}

    def text(self, cell: str) -> str:
        """What a cell of the executed notebook printed."""
        return "".join(output.get("text", "") for output in self.executed()[cell].outputs)

    def report(self) -> dict[str, Any]:
        """The run's report.json."""
        return json.loads((self.out / "report.json").read_bytes())

    def wait_for(self, name: str) -> str:
        """Waits until a cell has written the file, and gives what stands in it."""
        path = self.cwd / name
        return wait_until(lambda: path.read_text() if path.exists() and path.stat().st_size else "")


def wait_until(condition: Callable[[], Any]) -> Any:
    """What the condition gives once it is true; fails after a while."""
    end = time.monotonic() + DEADLINE
    while not (result := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return result


def is_gone(pid: int) -> bool:
    """Whether the process has ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def own(tmp_path: Path) -> Notebooks:
    """Notebooks of one's own in a folder of their own."""
    return Notebooks(tmp_path)
