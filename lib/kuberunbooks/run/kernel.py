"""The Python process a notebook runs in: started from this Python, private, and gone when the run ends.

No installed kernelspec is looked at, since `python3` there may be any Python.
Nothing of the person's IPython is read or written: no startup files, no history.
Started by runner.py, used by session.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

LONGEST_SOCKET = 90
"""Characters of a socket's path, with room for a number; systems allow 104 to 108 (unix(7), sun_path)."""


class _ThisPython(KernelSpecManager):  # type: ignore[misc]
    """Answers every kernel name with the Python that asks."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(
            argv=[*command, "--HistoryManager.hist_file=:memory:"],
            display_name=kernel_name,
            language="python",
        )


class Kernel:
    """A kernel process, its private folder, and the event loop all talk with it goes through."""

    def __init__(self) -> None:
        self.loop = asyncio.Runner()
        self._folder = Path(tempfile.mkdtemp(prefix="runbook-"))
        # Sockets instead of ports: two runs that start in the same instant cannot be given the same ones.
        sockets = {"transport": "ipc", "ip": str(self._folder / "k")}
        self.manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=_ThisPython(),
            connection_file=str(self._folder / "kernel.json"),
            **(sockets if len(sockets["ip"]) < LONGEST_SOCKET else {}),
        )

    def start(self, folder: Path, environment: dict[str, str]) -> None:
        """Starts the process in `folder`, without waiting until it can answer."""
        private = {
            "IPYTHONDIR": str(self._folder / "ipython"),
            # No debugger will attach; without this it warns about frozen modules on stderr.
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        self.loop.run(self.manager.start_kernel(cwd=str(folder), env={**environment, **private}))

    def kill(self) -> None:
        """Kills the process and all it has started, at once."""
        group = getattr(self.manager.provisioner, "pgid", None)
        if group:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def stop(self) -> None:
        """Kills the process, waits for its end, removes its folder. Harmless when it never began."""
        try:
            self.kill()
            if self.manager.has_kernel:
                self.loop.run(self.manager.shutdown_kernel(now=True))
        finally:
            self.loop.close()
            shutil.rmtree(self._folder, ignore_errors=True)
