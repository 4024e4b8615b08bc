"""One headless run, from a runbook and its parameters to a folder of results.

Whatever happens to the notebook, what it had found by then becomes a report;
only bad settings, a folder in use and a full disk end a run without one. The
kernel boots while the rest is imported, which is half of a run's time. Called by
the command line.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from kuberunbooks.errors import BadSettings, CaseMissing, DiskFull, RunbookError

from .library import Runbook
from .output import (
    CASE,
    HTML,
    JSON,
    MARKDOWN,
    NOTEBOOK,
    Results,
    disk_errors,
    new_results_folder,
    results_folder,
)
from .parameters import defaults
from .progress import Progress, Silent
from .signals import StopSignal

if TYPE_CHECKING:
    from kuberunbooks.report import RunReport

CASE_VARIABLE = "RUNBOOK_CASE_OUT"
"""Tells the notebook where to write the case it records."""

REPORTS = Path("reports")
"""Where runs without --out go."""


@dataclass
class Order:
    """What to run and how. `parameters` are checked already; `out` None means a new folder under reports/.

    Timeouts are in seconds; `fail_on` is the severity from which a finding makes
    the exit status 1, empty for never.
    """

    runbook: Runbook
    parameters: dict[str, Any]
    out: Path | None = None
    cell_timeout: float = 120.0
    run_timeout: float = 600.0
    fail_on: str = ""
    progress: Progress = field(default_factory=Silent)


@dataclass
class Outcome:
    """What a run left: the report, the files in its folder, and why others are not there."""

    report: RunReport
    folder: Path
    files: dict[str, Path]
    missing: dict[str, str]
    exit_status: int


def run(order: Order) -> Outcome:
    """Executes the notebook and writes its results. Raises SettingsError and DiskFull, nothing else."""
    case = order.parameters.get("case")
    if case and not os.path.lexists(case):
        # A mistyped path need not cost a kernel, nor leave a report about nothing.
        raise CaseMissing(f"There is no case at {case}.", advice="Check the path given with --case.")
    with StopSignal() as stop, _folder(order) as results:
        notebook, failure = _execute(order, results.staging, stop)
        return _write(order, notebook, failure, results)


def _folder(order: Order) -> AbstractContextManager[Results]:
    if order.out is not None:
        return results_folder(order.out)
    target = str(order.parameters.get("target") or order.parameters.get("namespace") or "")
    return new_results_folder(order.runbook.name, target, datetime.now(UTC), root=REPORTS)


def _execute(order: Order, staging: Path, stop: StopSignal) -> tuple[Any, RunbookError | None]:
    _skip_slow_import()
    from kuberunbooks.report import prepare

    from .kernel import Kernel

    with disk_errors(Path(tempfile.gettempdir())):
        kernel = Kernel()
    try:
        kernel.start(Path.cwd(), {**os.environ, CASE_VARIABLE: str(staging / CASE)})
        # The runner has nothing to do while the kernel starts: what the report needs is loaded meanwhile.
        Thread(target=prepare, name="prepare-report", daemon=True).start()
        from .session import Session

        session = Session(kernel, stop, order.progress, order.cell_timeout, order.run_timeout)
        notebook = session.execute(_read(order.runbook.path), _passed_on(order))
        return notebook, session.failure
    finally:
        order.progress.close()
        kernel.stop()


def _skip_slow_import() -> None:
    """Where JupyterLab is installed, jsonschema compiles a package's grammars for 1.2 s when it is imported.

    It does without that package when the import fails; only the check of a URL
    format that no notebook schema uses is lost.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _read(path: Path) -> Any:
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat raises what json, its migrations and jsonschema raise
        raise BadSettings(
            f"{path} is not a notebook that can be run.", advice="Open it in JupyterLab and save it again."
        ) from error


def _passed_on(order: Order) -> dict[str, Any]:
    """What papermill writes into the notebook. Nobody is there to fill in a form."""
    declared = {one.name for one in order.runbook.parameters}
    return {**order.parameters, **({"interactive": False} if "interactive" in declared else {})}


def _write(order: Order, notebook: Any, failure: RunbookError | None, results: Results) -> Outcome:
    import nbformat

    from kuberunbooks import report
    from kuberunbooks.findings import Failure
    from kuberunbooks.redaction import Redactor

    from .cleaning import clean

    redactor = Redactor()
    clean(notebook, redactor)
    collected = report.collect(
        notebook,
        # Shown in the report: what a person typed may hold a secret too.
        parameters=redactor.plain({**defaults(order.runbook.parameters), **_passed_on(order)}),
        failure=Failure(
            error=type(failure).__name__,
            sentence=redactor.text(str(failure)),
            advice=failure.advice,
            exit_status=failure.exit_status,
        )
        if failure
        else None,
        finished_at=datetime.now(UTC),
    )
    missing = _write_each(
        results.staging,
        {
            JSON: lambda: report.to_json(collected),
            MARKDOWN: lambda: report.to_markdown(collected).encode(),
            HTML: lambda: report.to_html(collected, notebook).encode(),
            NOTEBOOK: lambda: nbformat.writes(notebook).encode(),
        },
    )
    if not (results.staging / CASE).exists():
        missing.setdefault(CASE, "the notebook recorded no case")
    names = [HTML, JSON, MARKDOWN, NOTEBOOK, CASE]
    return Outcome(
        report=collected,
        folder=results.folder,
        files={name: results.folder / name for name in names if name not in missing},
        missing={name: missing[name] for name in names if name in missing},
        exit_status=_exit_status(collected, order.fail_on, complete=not set(missing) - {CASE}),
    )


def _write_each(staging: Path, contents: dict[str, Callable[[], bytes]]) -> dict[str, str]:
    """Writes as many of the files as there is room for, the most needed first; why the others are missing.

    The case gives way first: it is the largest, and another one can be recorded.
    Raises DiskFull when neither report.json nor report.html could be written.
    """
    missing: dict[str, str] = {}
    for name, content in contents.items():
        try:
            body = content()
        except Exception as error:  # one output's bug must not cost the others
            missing[name] = f"making it failed with {type(error).__name__}: {error}"
            continue
        full = _write_one(staging / name, body)
        if full and (staging / CASE).exists():
            (staging / CASE).unlink()
            missing[CASE] = "there was no room left for it"
            full = _write_one(staging / name, body)
        if full:
            missing[name] = "there was no room left for it"
            last_error = full
    if JSON in missing and HTML in missing:
        raise last_error
    return missing


def _write_one(path: Path, body: bytes) -> DiskFull | None:
    try:
        with disk_errors(path.parent):
            path.write_bytes(body)
    except DiskFull as error:
        path.unlink(missing_ok=True)
        return error
    return None


def _exit_status(report: RunReport, fail_on: str, *, complete: bool) -> int:
    from kuberunbooks.findings import SEVERITIES

    if report.failure is not None:
        return report.failure.exit_status
    if not complete:
        return DiskFull.exit_status
    if fail_on:
        failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
        return int(any(one.severity in failing for one in report.findings))
    return 0
