"""The results folder: one writer, whole or not at all, and nothing of anybody else's lost."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kuberunbooks.errors import BadSettings, DiskFull, OutputInUse
from kuberunbooks.run.output import disk_errors, new_results_folder, results_folder

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _leave(out: Path, **files: str) -> None:
    with results_folder(out) as results:
        for name, text in files.items():
            (results.staging / name.replace("_", ".")).write_text(text)


def _content(out: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in out.iterdir()}


def test_nothing_is_seen_before_all_is_written(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with results_folder(out) as results:
        (results.staging / "report.json").write_text("1")
        assert not out.exists()
    assert _content(out) == {"report.json": "1"}
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def test_a_run_that_fails_leaves_the_results_before_it_as_they_were(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _leave(out, report_json="old")
    with contextlib.suppress(ZeroDivisionError), results_folder(out) as results:
        (results.staging / "report.json").write_text("new")
        raise ZeroDivisionError
    assert _content(out) == {"report.json": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_new_results_replace_all_of_the_old_ones(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _leave(out, report_json="old", case_zip="old")
    _leave(out, report_json="new")
    assert _content(out) == {"report.json": "new"}


def test_files_of_others_in_the_folder_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _leave(out, report_json="old", case_zip="old")
    (out / "mine.txt").write_text("mine")
    _leave(out, report_json="new")
    assert _content(out) == {"report.json": "new", "mine.txt": "mine"}


def test_a_folder_in_use_is_refused_and_free_again_afterwards(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with results_folder(out), pytest.raises(OutputInUse), results_folder(out):
        pass
    _leave(out, report_json="1")


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".out.99999.partial").mkdir()
    (tmp_path / ".out.99999.partial" / "case.zip").write_text("half")
    (tmp_path / ".out.lock").touch()
    _leave(tmp_path / "out", report_json="1")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_left_overs_of_another_folder_are_not_touched(tmp_path: Path) -> None:
    other = tmp_path / ".outer.99999.partial"
    other.mkdir()
    _leave(tmp_path / "out", report_json="1")
    _leave(tmp_path / "o*", report_json="1")
    assert other.exists()


def test_a_link_to_a_folder_is_followed_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    _leave(tmp_path / "out", report_json="1")
    assert (tmp_path / "out").is_symlink()
    assert _content(tmp_path / "disk") == {"report.json": "1"}


def test_two_runs_in_one_second_get_two_folders(tmp_path: Path) -> None:
    with (
        new_results_folder("pods", "deployment/web", NOW, root=tmp_path) as one,
        new_results_folder("pods", "deployment/web", NOW, root=tmp_path) as two,
    ):
        pass
    assert one.folder.name == "pods-deployment-web-20260102T030405Z"
    assert two.folder.name == "pods-deployment-web-20260102T030405Z-2"
    assert one.folder.exists()
    assert two.folder.exists()


@pytest.mark.parametrize("target", ["../../etc", "a b;c", "-", "x" * 500, "ü/\x00"])
def test_no_target_leads_out_of_the_reports_folder(tmp_path: Path, target: str) -> None:
    with new_results_folder("pods", target, NOW, root=tmp_path) as results:
        pass
    assert results.folder.parent == tmp_path


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(BadSettings, match="is a file, not a folder"), results_folder(tmp_path / "out"):
        pass
    with pytest.raises(BadSettings, match="cannot be written"), results_folder(tmp_path / "out" / "deeper"):
        pass


def test_no_room_left_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DiskFull), disk_errors(tmp_path), open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
