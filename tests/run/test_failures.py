"""Whatever happens to a notebook: the right exit status, the best partial report, nothing left running."""

from __future__ import annotations

import os
import resource
import signal
import subprocess

import pytest

from .conftest import Notebooks, is_gone, wait_until

PID = "import os, pathlib; pathlib.Path('pid').write_text(str(os.getpid()))"
BUSY = "import time\nprint('so far', flush=True)\npathlib.Path('busy').write_text('1')\ntime.sleep(50)"


def test_an_exception_in_a_cell_ends_the_run_with_a_report_of_what_came_before(own: Notebooks) -> None:
    own.write("broken", "print('found this')", "1 / 0", "print('not reached')", always="print('closing')")
    ended = own.run("broken")
    assert ended.returncode == 4
    assert "ZeroDivisionError" in ended.stdout
    assert own.report()["failure"]["error"] == "CellFailed"
    assert own.text("cell-1") == "found this\n"
    assert own.text("closing") == "closing\n"
    assert own.executed()["cell-3"].metadata.papermill.status == "pending"


def test_a_cell_that_may_raise_does_not_end_the_run(own: Notebooks) -> None:
    path = own.write("tolerant", "print('after')")
    path.write_text(path.read_text().replace('"metadata": {}', '"metadata": {"tags": ["raises-exception"]}'))
    own.write("plain", "print('after')")
    assert own.run("tolerant").returncode == 0


def test_a_cell_past_its_deadline_is_interrupted_and_keeps_what_it_printed(own: Notebooks) -> None:
    own.write("slow", PID, BUSY, "print('not reached')", always="print('closing')")
    ended = own.run("slow", "--cell-timeout", "2")
    assert ended.returncode == 4
    assert own.report()["failure"]["error"] == "CellTimedOut"
    assert own.text("cell-2") == "so far\n"
    assert own.text("closing") == "closing\n"
    assert own.executed()["cell-3"].metadata.papermill.status == "pending"


def test_a_cell_that_does_not_listen_to_an_interrupt_is_killed(own: Notebooks) -> None:
    own.write(
        "deaf", PID, "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(50)"
    )
    assert own.run("deaf", "--cell-timeout", "1").returncode == 4
    assert own.report()["failure"]["error"] == "CellTimedOut"
    assert is_gone(int(own.wait_for("pid")))


def test_the_run_as_a_whole_has_a_deadline(own: Notebooks) -> None:
    own.write("long", *["import time; time.sleep(1)"] * 30)
    assert own.run("long", "--timeout", "3").returncode == 4
    assert own.report()["failure"]["error"] == "RunTimedOut"


def test_a_kernel_killed_from_a_cell_is_told_apart_and_reported(own: Notebooks) -> None:
    own.write(
        "dying",
        "print('before')",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "print('no')",
        always="1",
    )
    ended = own.run("dying")
    assert ended.returncode == 4
    assert own.report()["failure"]["error"] == "KernelDied"
    assert own.text("cell-1") == "before\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_order(own: Notebooks, number: signal.Signals) -> None:
    own.write("asked", PID, BUSY, always="print('closing')")
    process = own.start("run", "asked", "--out", str(own.out))
    own.wait_for("busy")
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 4, stderr
    assert own.report()["failure"] == {
        "error": "RunStopped",
        "sentence": f"The run was stopped by {number.name}.",
        "advice": "The report holds what was found until then; start the run again for the rest.",
        "exit_status": 4,
    }
    assert own.text("closing") == "closing\n"
    assert is_gone(int(own.wait_for("pid")))


def test_a_run_killed_outright_leaves_nothing_half_written_and_the_next_one_works(own: Notebooks) -> None:
    own.write("killed", PID, BUSY)
    process = own.start("run", "killed", "--out", str(own.out))
    own.wait_for("busy")
    process.kill()
    process.communicate()
    assert not own.out.exists()
    wait_until(lambda: is_gone(int(own.wait_for("pid"))))
    own.write("killed", "print('again')")
    assert own.run("killed").returncode == 0
    assert {path.name for path in own.cwd.iterdir()} == {"own", "out", "pid", "busy"}


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_one_runs(own: Notebooks) -> None:
    own.write("first", PID, BUSY)
    process = own.start("run", "first", "--out", str(own.out))
    own.wait_for("busy")
    second = own.run("first")
    process.terminate()
    process.communicate(timeout=30)
    assert second.returncode == 2
    assert second.stderr.splitlines()[0] == f"Error: Another run is writing to {own.out}."


def test_processes_a_cell_started_do_not_outlive_the_run(own: Notebooks) -> None:
    own.write(
        "parent",
        "import subprocess, pathlib\nchild = subprocess.Popen(['sleep', '50'])",
        "pathlib.Path('pid').write_text(str(child.pid))",
    )
    assert own.run("parent").returncode == 0
    assert is_gone(int(own.wait_for("pid")))


def _small_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_on_a_full_disk_the_report_that_fits_is_kept(own: Notebooks) -> None:
    own.write("large", "print('x' * 190_000)")
    ended = own.run("large", preexec_fn=lambda: _small_files(150_000))
    assert ended.returncode == 4, ended.stderr
    assert own.report()["runbook"] is not None
    assert "No notebook.ipynb: there was no room left for it" in ended.stdout
    assert not (own.out / "notebook.ipynb").exists()


def test_on_a_disk_without_any_room_it_says_so_and_leaves_nothing(own: Notebooks) -> None:
    own.write("large", "print('x')")
    ended = own.run("large", preexec_fn=lambda: _small_files(600))
    assert ended.returncode == 4
    assert "There is no room left for" in ended.stderr
    assert not own.out.exists()


def test_a_file_system_that_fills_up_during_the_run_costs_the_case_first(own: Notebooks) -> None:
    disk = own.cwd / "disk"
    disk.mkdir()
    if (
        os.getuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True
        ).returncode
    ):
        pytest.skip("only root can mount a small file system")
    try:
        own.write(
            "filling",
            "import os\nopen(os.environ['RUNBOOK_CASE_OUT'], 'wb').write(b'x' * 250_000)",
            "print('x')",
        )
        own.out = disk / "out"
        ended = own.run("filling")
        assert ended.returncode == 0, ended.stderr
        assert own.report()["failure"] is None
        assert "No case.zip: there was no room left for it" in ended.stdout
    finally:
        subprocess.run(["umount", disk], check=True)
