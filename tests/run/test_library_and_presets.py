"""Where runbooks and presets are found, and what is said when they cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from kuberunbooks.errors import BadParameter, BadSettings, UnknownParameter, UnknownRunbook
from kuberunbooks.run import library, presets

from .conftest import Notebooks

CELL = 'namespace: str = "default"\nrestarts: int = 3'


def test_ours_are_found_from_anywhere_and_own_ones_beside_them(
    own: Notebooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write("mine", parameters=CELL)
    monkeypatch.setenv("RUNBOOK_PATH", str(own.folder))
    monkeypatch.chdir(own.cwd)
    assert set(library.notebooks()) >= {"mine", "pods"}
    assert library.find("mine").title == "The mine runbook"


def test_an_own_notebook_of_the_same_name_wins(own: Notebooks) -> None:
    path = own.write("pods")
    assert library.find("pods", [own.folder]).path == path


def test_an_unknown_runbook_suggests_the_near_one() -> None:
    with pytest.raises(UnknownRunbook, match="did you mean pods"):
        library.find("podz")


def test_a_folder_that_is_none_is_an_error_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="is not a folder"):
        library.find("pods", [tmp_path / "nowhere"])


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"cells": [1]}', '{"cells":', "\x00\xff", "[" * 50_000]
)
def test_a_file_that_is_no_notebook_is_one_clear_sentence(own: Notebooks, content: str) -> None:
    (own.folder / "odd.ipynb").write_text(content)
    with pytest.raises(BadSettings, match="is not a notebook"):
        library.find("odd", [own.folder])


def test_list_leaves_a_broken_notebook_out_and_says_so(own: Notebooks) -> None:
    (own.folder / "odd.ipynb").write_text("{")
    listed = own.command("list")
    assert listed.returncode == 0
    assert "pods" in listed.stdout
    assert "odd is left out" in listed.stderr


def test_two_parameters_cells_are_refused(own: Notebooks) -> None:
    path = own.write("twice", "a: int = 1", parameters=CELL)
    path.write_text(path.read_text().replace('"metadata": {}', '"metadata": {"tags": ["parameters"]}'))
    with pytest.raises(BadSettings, match="only one can be"):
        library.find("twice", [own.folder])


@pytest.fixture
def runbook(own: Notebooks) -> library.Runbook:
    """A runbook with presets beside it."""
    own.write("mine", parameters=CELL)
    (own.folder / "parameters").mkdir()
    return library.find("mine", [own.folder])


def _preset_file(runbook: library.Runbook, text: str) -> None:
    runbook.presets[0].write_text(text)


def test_a_preset_is_found_by_name_or_by_path(runbook: library.Runbook, tmp_path: Path) -> None:
    _preset_file(runbook, "all:\n  namespace: '-'\n")
    (tmp_path / "night.yaml").write_text("restarts: 9\n")
    assert presets.preset(runbook, "all") == {"namespace": "-"}
    assert presets.preset(runbook, str(tmp_path / "night.yaml")) == {"restarts": 9}


def test_an_unknown_preset_suggests_the_near_one(runbook: library.Runbook) -> None:
    _preset_file(runbook, "everything: {}\n")
    with pytest.raises(BadSettings, match="did you mean everything"):
        presets.preset(runbook, "everythin")


def test_a_preset_is_checked_like_any_parameter(runbook: library.Runbook) -> None:
    _preset_file(runbook, "a: {namespace: 0012}\nb: {namspace: x}\n")
    with pytest.raises(BadParameter, match="in quotes"):
        presets.preset(runbook, "a")
    with pytest.raises(UnknownParameter, match="did you mean namespace"):
        presets.preset(runbook, "b")


@pytest.mark.parametrize("text", ["", "- a", "a: [", "a: 3", "1: {}", "!!python/object:os.system {}"])
def test_a_preset_file_that_cannot_be_used_is_one_sentence(runbook: library.Runbook, text: str) -> None:
    _preset_file(runbook, text)
    with pytest.raises(BadSettings):
        presets.preset(runbook, "a")


def test_every_preset_we_ship_fits_its_runbook() -> None:
    for name in library.notebooks():
        runbook = library.find(name)
        for preset in presets.presets(runbook):
            presets.preset(runbook, preset)
