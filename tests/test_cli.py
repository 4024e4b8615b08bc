"""The command line: quick, documented, and quiet about its insides."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from kuberunbooks.cli import cli
from scripts.write_cli_page import PAGE, page

HEAVY = {"papermill", "nbconvert", "nbformat", "kubernetes", "jupyter_client", "rich", "yaml"}


def _runbook(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kuberunbooks.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60)


def test_the_page_of_the_commands_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make docs`"


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_shows_examples(name: str) -> None:
    assert f"runbook {name}" in (cli.commands[name].help or "").partition("Examples:")[2]


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["run", "--help"], ["--version"]])
def test_looking_around_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys, atexit\n"
        f"sys.argv = ['runbook', *{arguments!r}]\n"
        f"atexit.register(lambda: print('LOADED', sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr))\n"
        "from kuberunbooks.cli import main\nmain()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "LOADED []" in ended.stderr


def test_looking_around_is_quick() -> None:
    took = []
    for _ in range(3):
        began = time.perf_counter()
        assert _runbook("list").returncode == 0
        took.append(time.perf_counter() - began)
    assert min(took) < 0.5


def test_nothing_but_the_command_shows_the_help() -> None:
    ended = _runbook()
    assert "Commands:" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["runn"], ["run"], ["run", "pods", "--fail-on", "all"], ["run", "pods", "--timeout", "0"]]
)
def test_a_wrong_command_line_is_status_2(arguments: list[str]) -> None:
    ended = _runbook(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_debug_shows_where_an_error_comes_from() -> None:
    plain, debug = _runbook("describe", "podz"), _runbook("--debug", "describe", "podz")
    assert plain.returncode == debug.returncode == 2
    assert plain.stderr.startswith("Error: There is no runbook 'podz'; did you mean pods?")
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


def test_describe_lists_parameters_and_presets() -> None:
    shown = _runbook("describe", "pods").stdout
    assert 'namespace: str = "default"' in shown
    assert "whole-cluster" in shown


def test_a_new_runbook_never_overwrites_one(tmp_path: Path) -> None:
    assert _runbook("new", "mine.ipynb", folder=tmp_path).returncode == 0
    assert _runbook("new", "mine.ipynb", folder=tmp_path).returncode == 2
    assert _runbook("new", "mine.txt", folder=tmp_path).returncode == 2


def test_lab_hands_the_folder_and_its_options_to_jupyterlab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _path, arguments: started.append(arguments))
    CliRunner().invoke(cli, ["lab", "--no-browser", "--port", "8900", str(tmp_path)])
    assert started[0][1:] == ["-m", "jupyterlab", "--no-browser", "--port=8900", str(tmp_path)]
