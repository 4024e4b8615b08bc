"""SIGINT and SIGTERM as a request to end in order: what was found until then still becomes a report."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class StopSignal:
    """While entered, the first SIGINT or SIGTERM is only noted; a second one ends the process as ever.

    `name` is the signal that came, empty before. Outside the main thread nothing
    is caught: whoever runs us there has the signals.
    """

    def __init__(self) -> None:
        self.name = ""
        self._before: dict[signal.Signals, Any] = {}
        self._wake: Callable[[], object] = lambda: None

    def __enter__(self) -> StopSignal:
        if threading.current_thread() is threading.main_thread():
            for each in (signal.SIGINT, signal.SIGTERM):
                self._before[each] = signal.signal(each, self._noted)
        return self

    def __exit__(self, *error: object) -> None:
        self._restore()

    async def wait(self) -> None:
        """Returns when the signal has come. One waiter at a time."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(event.set)
        if not self.name:
            await event.wait()

    def _noted(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.name = signal.Signals(number).name
        self._restore()
        self._wake()

    def _restore(self) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
        self._before.clear()
