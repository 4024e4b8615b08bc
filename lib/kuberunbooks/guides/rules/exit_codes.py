"""What an exit code or signal means, in the words of an SRE.

Sources: POSIX shells (126, 127, 128+n), the kubelet and containerd
(reasons OOMKilled, StartError, ContainerStatusUnknown), Windows status codes.
Called by the crash and init-container rules.
"""

from __future__ import annotations

import signal

from kuberunbooks.objects import Terminated

SIGKILL_CODE = 137
SIGTERM_CODE = 143
STOPPED_CODES = frozenset({0, SIGKILL_CODE, SIGTERM_CODE})
"""Ends of a container told to stop: clean, killed after the grace period, ended by SIGTERM itself."""
SEGFAULT_CODES = frozenset({139, 3221225477, -1073741819})
"""SIGSEGV, and STATUS_ACCESS_VIOLATION (0xC0000005) on Windows, unsigned and signed."""
NOT_EXECUTABLE_CODE = 126
NOT_FOUND_CODE = 127
START_REASONS = frozenset({"StartError", "ContainerCannotRun"})
"""terminated.reason of a container whose process never began; the second is the name of the docker era."""

_MEANINGS = {
    0: "ended without an error",
    1: "an error of the application itself",
    2: "wrong arguments, or a Go panic",
    125: "the container engine itself failed",
    126: "the command was found but cannot be executed",
    127: "the command, or the interpreter or loader it needs, was not found",
    255: "out-of-range status, or the runtime lost it",
}


def meaning(end: Terminated) -> str:
    """`killed by signal 9 (SIGKILL)`, `the command ... was not found`; empty without a common meaning."""
    if end.reason == "OOMKilled":
        return "killed because it used more memory than its limit"
    if end.reason in START_REASONS:
        return "the process could not be started"
    if end.reason == "ContainerStatusUnknown":
        return "the container vanished from its node (reboot, eviction)"
    if end.exit_code in SEGFAULT_CODES:
        return "memory access violation (SIGSEGV)"
    if number := signal_number(end):
        return f"killed by signal {number}" + (f" ({name})" if (name := _signal_name(number)) else "")
    return _MEANINGS.get(end.exit_code, "")


def signal_number(end: Terminated) -> int:
    """The signal that ended it, as the runtime reports it or by the shells' 128 + n; 0 for none."""
    return end.signal or (end.exit_code - 128 if 128 < end.exit_code < 160 else 0)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""
