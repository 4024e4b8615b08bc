"""The notebooks as they are kept: only source, stable cell names, one parameters cell, every step."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill.inspection import inspect_notebook

from kuberunbooks.guides import guide, guides
from kuberunbooks.run import library

NOTEBOOKS = sorted(library.own_runbooks().glob("*.ipynb"))
COMMON = {
    "context": ("str", ""),
    "case": ("str", ""),
    "namespace": ("str", "default"),
    "target": ("str", ""),
    "since": ("str", "1h"),
    "allow_actions": ("bool", False),
    "interactive": ("bool", True),
    "language": ("str", "en"),
}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    """Each of our notebooks, the template too."""
    return request.param


@pytest.fixture
def notebook(path: Path) -> Any:
    """The notebook as nbformat reads it."""
    return nbformat.read(path, as_version=4)


def test_it_is_a_valid_notebook_written_as_nbformat_writes_it(path: Path, notebook: Any) -> None:
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert path.read_text("utf-8") == nbformat.writes(notebook) + "\n"


def test_it_holds_no_outputs_and_nothing_of_who_ran_it(notebook: Any) -> None:
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}, cell.id
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"


def test_cell_ids_are_words_and_each_stands_once(notebook: Any) -> None:
    ids = [cell.id for cell in notebook.cells]
    assert len(ids) == len(set(ids))
    for id_ in ids:
        assert re.fullmatch(r"[a-z]+([-_][a-z]+)*", id_), id_


def test_it_has_one_parameters_cell_that_begins_with_the_common_ones(path: Path, notebook: Any) -> None:
    assert [cell.id for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())] == [
        "parameters"
    ]
    declared = library.load(path).parameters
    assert {one.name: (one.type, one.default) for one in declared[: len(COMMON)]} == COMMON
    assert all(one.help for one in declared)


def test_papermill_understands_the_parameters_cell_as_we_do(path: Path) -> None:
    theirs = inspect_notebook(str(path))
    assert {name: one["help"] for name, one in theirs.items()} == {
        one.name: one.help for one in library.load(path).parameters
    }


def test_every_cell_of_code_follows_words_that_say_why(notebook: Any) -> None:
    for before, cell in zip(notebook.cells, notebook.cells[1:], strict=False):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown", cell.id


def test_the_summary_comes_last_and_also_after_a_failure(notebook: Any) -> None:
    last = notebook.cells[-1]
    assert last.source == "guide.summary()"
    assert "always" in last.metadata.tags


@pytest.mark.parametrize("name", guides())
def test_every_step_of_the_guide_has_its_cell_in_order(name: str) -> None:
    notebook = nbformat.read(library.own_runbooks() / f"{name}.ipynb", as_version=4)
    steps = [cell for cell in notebook.cells if cell.id in {step.name for step in guide(name).steps}]
    assert [cell.source for cell in steps] == [f"guide.{step.name}()" for step in guide(name).steps]
    words = {cell.id: cell.source for cell in notebook.cells}
    for step in guide(name).steps:
        assert words[f"about-{step.name}"].startswith(f"## {step.title}\n\n"), step.id


@pytest.mark.parametrize("name", guides())
def test_every_parameter_reaches_the_guide(name: str) -> None:
    notebook = nbformat.read(library.own_runbooks() / f"{name}.ipynb", as_version=4)
    opening = next(cell.source for cell in notebook.cells if cell.id == "open")
    for one in library.find(name).parameters:
        assert f"    {one.name}={one.name},\n" in opening
