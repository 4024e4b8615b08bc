"""A second process that removes what the first left when it died: a killed kernel runs no `finally`.

The actor starts it with its first pod and tells it, a line of JSON each, what was made and what is gone.
When the line breaks, however that came about, it removes the rest. It has its own session, so that it
outlives the process group that a runner or Jupyter kills; where it dies too (the machine is switched off)
the pods end by their own deadline, and `runbook cleanup` removes them.

    python -m kuberunbooks.acting.guardian CONTEXT
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from threading import Lock
from typing import IO

from kuberunbooks.errors import RunbookError

_GOODBYE = 5.0
"""Seconds its end is waited for; it goes on alone if what it has to remove takes longer."""


class Guardian:
    """Our end of the line; starts the process when there is something to guard."""

    def __init__(self, context: str) -> None:
        self._context = context
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def made(self, namespace: str, pod: str, run: str) -> None:
        """A pod of this run is about to be made: it is to go when we do."""
        self._say({"made": [namespace, pod, run]})

    def gone(self, namespace: str, pod: str) -> None:
        """A pod was removed."""
        if self._process is not None:
            self._say({"gone": [namespace, pod]})

    def close(self) -> None:
        """Ends the process, which removes what it was not told is gone."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GOODBYE)

    def _say(self, what: dict[str, list[str]]) -> None:
        with self._lock:
            if self._process is None:
                self._process = subprocess.Popen(  # noqa: S603 - this Python, and a context's name
                    [sys.executable, "-m", __name__, self._context],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            if self._process.stdin is not None:
                # A guardian that is gone costs nothing: the pod's own deadline stays.
                with contextlib.suppress(OSError):
                    self._process.stdin.write(json.dumps(what).encode() + b"\n")
                    self._process.stdin.flush()


def watch(lines: IO[bytes], context: str) -> None:
    """Reads what is said until the line breaks, then removes what is left."""
    left: dict[tuple[str, str], str] = {}
    for line in lines:
        with contextlib.suppress(ValueError):
            said = json.loads(line)
            if "made" in said:
                namespace, pod, run = said["made"]
                left[namespace, pod] = run
            else:
                left.pop(tuple(said["gone"]), None)
    if not left:
        return
    from kuberunbooks.cluster.credentials import load_credentials

    from .writing import Writer

    writer = Writer(load_credentials(context), lambda: None)
    for (namespace, pod), run in left.items():
        with contextlib.suppress(RunbookError):
            writer.delete_own(namespace, pod, run)


def main() -> None:
    """Stays until its other end is gone; an interrupt meant for that one does not end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    watch(sys.stdin.buffer, sys.argv[1] if len(sys.argv) > 1 else "")


if __name__ == "__main__":
    main()
