"""Executing a notebook: a papermill engine with deadlines, and an end for everything that can go wrong.

papermill's own engine has a limit per cell only, marks cells that never ran as
completed after a timeout, and leaves a dead kernel as an exception without the
notebook. This one runs cell by cell until the first failure, whatever it is,
notes it, still runs the cells tagged `always` (the summary) when the kernel
lives, and hands back the notebook in every case. Used by runner.py.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from nbclient.exceptions import CellExecutionError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook, remove_error_markers

from kuberunbooks.errors import CellFailed, CellTimedOut, KernelDied, NotebookError, RunStopped, RunTimedOut

from .kernel import Kernel
from .progress import Progress
from .signals import StopSignal

ENGINE = "kuberunbooks"
ALWAYS_TAG = "always"

START_SECONDS = 60.0
"""How long a kernel may take until it answers."""
INTERRUPT_SECONDS = 3.0
"""How long an interrupted cell may take to end before its kernel is killed."""
CLOSING_SECONDS = 10.0
"""How long a cell tagged `always` may run after a failure; short of a pod's 30 s termination grace period."""
ALIVE_SECONDS = 0.2
"""How often to look whether the kernel lives."""


@dataclass
class Session:
    """One execution: what the engine is given, and what it hands back. Timeouts are in seconds."""

    kernel: Kernel
    stop: StopSignal
    progress: Progress
    cell_timeout: float
    run_timeout: float
    failure: NotebookError | None = None
    notebook: Any = None
    began: float = field(default_factory=time.monotonic)

    def execute(self, notebook: Any, parameters: dict[str, Any]) -> Any:
        """The executed notebook; `failure` tells how far it came. Never raises for what a cell does."""
        papermill_engines.register(ENGINE, _Engine)
        try:
            # No output path: papermill would format it with the parameters and save after every cell.
            execute_notebook(
                notebook,
                None,
                parameters=parameters,
                engine_name=ENGINE,
                request_save_on_cell_execute=False,
                progress_bar=False,
                kernel_name="python3",
                language="python",
                session=self,
            )
        except PapermillExecutionError:
            # Raised for any error output; the engine has noted it, or the cell was allowed to fail.
            remove_error_markers(self.notebook)
        return self.notebook


class _Engine(NBClientEngine):  # type: ignore[misc]
    """What papermill calls by name."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, session: Session, **others: Any
    ) -> None:
        del kernel_name, others
        session.notebook = nb_man.nb
        session.kernel.loop.run(_Client(nb_man, session).run_cells())


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """Runs the cells one by one, each against its time, the kernel's death and a stop signal."""

    def __init__(self, nb_man: Any, session: Session) -> None:
        super().__init__(nb_man, km=session.kernel.manager, timeout=None, iopub_timeout=30)
        self._session = session
        self._deadline = session.began + session.run_timeout

    async def run_cells(self) -> None:
        self.reset_execution_trackers()
        self.kc = self.km.client()
        try:
            self.kc.start_channels()
            self.kc.allow_stdin = False
            self._session.failure = await self._get_ready()
            for index, cell in enumerate(self.nb.cells):
                if cell.cell_type == "code" and cell.source.strip() and await self._is_due(cell):
                    await self._run(cell, index)
            self.set_widgets_metadata()
        finally:
            self.kc.stop_channels()

    async def _get_ready(self) -> NotebookError | None:
        left = self._deadline - time.monotonic()
        task = asyncio.ensure_future(self.kc.wait_for_ready(timeout=START_SECONDS))
        if not await self._wait(task, left):
            task.cancel()
            return self._reason(left, "")
        try:
            task.result()
        except (RuntimeError, asyncio.CancelledError) as error:
            return KernelDied(
                f"The notebook's Python process did not start: {error or 'it ended'}.",
                advice=f"`{sys.executable} -m ipykernel_launcher` shows why.",
            )
        return None

    async def _is_due(self, cell: Any) -> bool:
        if self._session.failure is None:
            return True
        return ALWAYS_TAG in cell.metadata.get("tags", ()) and bool(await self.km.is_alive())

    async def _run(self, cell: Any, index: int) -> None:
        self.nb_man.cell_start(cell, index)
        self._session.progress(cell, index, False)
        failure = await self._end_of(cell, index)
        if failure is not None:
            if self._session.failure is not None:
                cell.outputs = []  # what follows from the first failure only distracts from it
            self._session.failure = self._session.failure or failure
            self.nb_man.cell_exception(cell, cell_index=index)
        self.nb_man.cell_complete(cell, cell_index=index)
        self._session.progress(cell, index, True)

    async def _end_of(self, cell: Any, index: int) -> NotebookError | None:
        """Runs a cell to its end, or to ours."""
        closing = self._session.failure is not None
        left = CLOSING_SECONDS if closing else self._deadline - time.monotonic()
        task = asyncio.ensure_future(self.async_execute_cell(cell, index))
        if await self._wait(task, min(self._session.cell_timeout, left), until_stopped=not closing):
            return _outcome(task, cell)
        await self._interrupt(task)
        return self._reason(left, _name(cell))

    async def _wait(self, task: asyncio.Future[Any], seconds: float, *, until_stopped: bool = True) -> bool:
        """Waits for the task, its kernel's death, a signal or the time. True for the first two."""
        death = asyncio.ensure_future(self._death())
        others = {death, asyncio.ensure_future(self._session.stop.wait())} if until_stopped else {death}
        try:
            await asyncio.wait(
                {task, *others}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED
            )
            if death.done() and not task.done():
                # nbclient may be about to say so itself, and may have answers of the kernel still to read.
                await asyncio.wait({task}, timeout=ALIVE_SECONDS)
                task.cancel()
                await asyncio.wait({task}, timeout=INTERRUPT_SECONDS)
            return task.done()
        finally:
            for other in others:
                other.cancel()

    async def _death(self) -> None:
        while await self.km.is_alive():
            await asyncio.sleep(ALIVE_SECONDS)

    async def _interrupt(self, task: asyncio.Future[Any]) -> None:
        """Ends a running cell: asks it to, as Ctrl-C would, and kills the kernel when it does not listen."""
        await self.km.interrupt_kernel()
        await asyncio.wait({task}, timeout=INTERRUPT_SECONDS)
        if not task.done():
            self._session.kernel.kill()
            task.cancel()
            await asyncio.wait({task}, timeout=INTERRUPT_SECONDS)
        if task.done() and not task.cancelled():
            task.exception()  # asyncio complains on stderr about an error nobody looked at

    def _reason(self, left: float, cell: str) -> NotebookError:
        """Why we ended what was running, which had `left` seconds of the run."""
        if self._session.stop.name:
            return RunStopped(f"The run was stopped by {self._session.stop.name}.")
        if not cell or left <= self._session.cell_timeout:
            return RunTimedOut(f"The run took longer than {self._session.run_timeout:g} s and was stopped.")
        return CellTimedOut(
            f"{cell} ran longer than {self._session.cell_timeout:g} s and was interrupted.",
            advice="The report holds what the other cells found; give it longer with --cell-timeout.",
        )


def _outcome(task: asyncio.Future[Any], cell: Any) -> NotebookError | None:
    """What a cell that has ended comes to."""
    error = DeadKernelError() if task.cancelled() else task.exception()
    if error is None:
        return None
    if isinstance(error, DeadKernelError):
        return KernelDied(
            f"The notebook's Python process ended while {_name(cell)} ran.",
            advice="It exited, or was killed, perhaps for memory: `dmesg | tail` on that machine tells.",
        )
    what = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else repr(error)
    return CellFailed(
        f"{_name(cell)} failed with {what.strip().splitlines()[0][:300]}.",
        advice="The traceback stands in notebook.ipynb, under that cell.",
    )


def _name(cell: Any) -> str:
    return f"cell {cell.get('id') or 'without id'}"
